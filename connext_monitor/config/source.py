"""The config file itself, from its bytes to the tables of TOML."""

import re
import tomllib
from pathlib import Path

from connext_monitor.config.problems import ConfigError, Problem

_LARGEST = 1 << 20
_POSITION = re.compile(r"\(at (line \d+, column \d+|end of document)\)\Z")

# How tomllib's messages begin, and what to say instead: several of them quote the text, which may be a secret.
_MISTAKES = (
    ("Cannot declare", "the same table appears twice"),
    ("Cannot overwrite", "the same key appears twice"),
    ("Duplicate inline table key", "the same key appears twice"),
    ("Cannot mutate", "a table is extended after it was closed"),
    ("Cannot redefine", "a table is extended after it was closed"),
    ("Unterminated string", "a string is not closed"),
    ("Illegal character", "a string is not closed, or contains a control character"),
    ("Unescaped", "a backslash in a string must be doubled"),
    ("Unclosed", "a bracket is not closed"),
    ("Expected '='", 'a key has no "=" after it'),
    ("Expected newline", "there is something after a value"),
    ("Invalid value", "a value is not valid (text needs quotes)"),
    ("Invalid date", "a date or time is not valid"),
)


def read_toml(path: Path) -> dict[str, object]:
    """Read the file's tables. Raises `ConfigError`: with line and column of wrong TOML, not with what stands there."""
    try:
        return _parse(_text(_content(path)))
    except FileNotFoundError:
        problem = Problem(
            "",
            "the config file does not exist",
            "copy docs/config.example.toml there, or name another file with --config or CONNEXT_MONITOR_CONFIG",
        )
    except (IsADirectoryError, NotADirectoryError):
        problem = Problem("", "this is not a file", "name the config file itself")
    except OSError as error:
        problem = Problem(
            "", f"the file cannot be read ({error.strerror})", "make it readable for the user who runs the monitor"
        )
    except _NotReadableError as error:
        problem = error.problem
    except ValueError:  # from the path: a NUL in it
        problem = Problem("", "this is not a file", "name the config file itself")
    # Raised out here so that no other error, which may know the file's text, hangs on this one as its context.
    raise ConfigError(path, [problem])


class _NotReadableError(Exception):
    def __init__(self, mistake: str, cure: str) -> None:
        super().__init__(mistake, cure)
        self.problem = Problem("", mistake, cure)


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise _NotReadableError(f"the file is larger than {_LARGEST >> 20} MiB", "name the config file itself")
    return content


def _text(content: bytes) -> str:
    if b"\0" in content:
        raise _NotReadableError("the file contains NUL bytes, as UTF-16 text does", "save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    raise _NotReadableError(f"the file is not UTF-8 text (line {line})", "save it as UTF-8")


def _parse(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
    except (ValueError, RecursionError):  # a number of thousands of digits, or brackets within brackets within brackets
        message = ""
    position = _POSITION.search(message)
    mistake = next((words for start, words in _MISTAKES if message.startswith(start)), "it is not valid TOML")
    raise _NotReadableError(f"{_where(position)}: {mistake}", "correct it there or just before it")


def _where(position: re.Match[str] | None) -> str:
    if position is None:
        return "somewhere in the file"
    return "at the end of the file" if position[1] == "end of document" else position[1]
