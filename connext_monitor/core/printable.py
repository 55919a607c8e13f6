"""Text from strangers, made safe to print: in logs, on a terminal, in an error."""

import re

# Everything from "://" to the next character that no URL has; a user and password are left out, the port stays.
_URL = re.compile(r"://(?:[^\s/?#\"<>]*@)?(\[[0-9A-Fa-f:.]*\]|[A-Za-z0-9._-]*)(:[0-9]+)?[^\s\"<>]*")


def escape(text: str) -> str:
    """The text with every character that does not print, or that changes how others print, written as its escape."""
    return text if text.isprintable() else "".join(map(_escape_char, text))


def redact(text: str) -> str:
    """The text with every URL in it cut to scheme, host and port: a path or a query may hold a secret."""
    return _URL.sub(r"://\1\2", text) if "://" in text else text


def _escape_char(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
