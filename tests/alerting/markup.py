r"""Reads chat markup back, as the vendors' clients would: what is literal text, and whether anything else is in it."""

import re

_LIVE_IN_DISCORD = frozenset("*_~`|<>@#:[]()")


def units(text: str) -> int:
    """Length in UTF-16 code units, counted by encoding it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def discord_literal(text: str) -> str:
    """The text that a Discord client shows; fails where any of it would be read as markup."""
    assert "\n" not in text
    assert not re.match(r"(-|-#|\d+\.)\s", text), f"a list: {text!r}"
    shown, rest = "", text
    while rest:
        if rest[0] == "\\" and len(rest) > 1 and re.match(r"[^0-9A-Za-z\s]", rest[1]):
            shown, rest = shown + rest[1], rest[2:]
        else:
            assert rest[0] not in _LIVE_IN_DISCORD, f"live {rest[0]!r} in {text!r}"
            assert rest[0] != "\\", f"a backslash that takes the next: {text!r}"
            shown, rest = shown + rest[0], rest[1:]
    return shown


def slack_literal(text: str) -> str:
    """The text that Slack shows of a ``plain_text``; fails where a control sequence could begin."""
    assert "<" not in text, f"live: {text!r}"
    assert ">" not in text, f"live: {text!r}"
    assert re.fullmatch(r"([^&]|&(amp|lt|gt);)*", text, re.DOTALL), f"bare &: {text!r}"
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def is_start_of(shown: str, whole: str) -> bool:
    """Whether it is the whole text, or its beginning and an ellipsis."""
    return shown == whole or (shown.endswith("…") and whole.startswith(shown[:-1]))


def printable_line(text: str) -> str:
    """What a reader is to see of a stranger's text: escapes for all that does not print."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text).strip()
    return shown or "—"
