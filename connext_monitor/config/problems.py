"""What is wrong with a configuration, in words that hold no value of it."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from pydantic_core import PydanticCustomError

from connext_monitor.core.operator_error import OperatorError
from connext_monitor.core.printable import escape
from connext_monitor.core.structs import struct

KeyPath = tuple[str | int, ...]
"""Where a value stands: table names and keys as text, places in a list as numbers from 0."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}|0[xX][0-9a-fA-F]{40}")


@struct(frozen=True, slots=True)
class Problem:
    """One mistake: the dotted ``key`` ("" for the file as a whole), the ``mistake`` in words, and the ``cure``.

    Where the key is a table's, ``about`` may name the keys in it that the mistake is about.
    """

    key: str
    mistake: str
    cure: str
    about: tuple[str, ...] = ()


class ConfigError(OperatorError):
    """A configuration that cannot be used: a line for each problem, no value quoted."""

    exit_code = 2

    def __init__(self, file: Path, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__(file, self.problems)

    def __str__(self) -> str:
        return "\n".join(self._line(problem) for problem in self.problems)

    def merge(self, *errors: "ConfigError") -> "ConfigError":
        """One error with the problems of this one, then those of the others, each once."""
        return ConfigError(self.file, [*self.problems, *(problem for error in errors for problem in error.problems)])

    def _line(self, problem: Problem) -> str:
        subject = f"{escape(str(self.file))}: {problem.key}" if problem.key else escape(str(self.file))
        return f"{subject}: {problem.mistake}; {problem.cure}"


def bad_value(mistake: str, cure: str, *, keys: tuple[str, ...] = ()) -> PydanticCustomError:
    """The error that a validator raises; if a table's validator does, ``keys`` are those that it is about.

    Neither text may hold the value: it could be a secret.
    """
    return PydanticCustomError("bad_value", "{mistake}; {cure}", {"mistake": mistake, "cure": cure, "keys": keys})


def text_of(value: object) -> str:
    """The value if it is text; raises `bad_value` otherwise."""
    if not isinstance(value, str):
        raise bad_value("must be a string", "write it between quotes")
    return value


def dotted(path: KeyPath) -> str:
    """The path as the user knows it: ``chains.ethereum.endpoints[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{_displayed(part)}" if text else _displayed(part)
    return text


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, if any is close."""
    matches = get_close_matches(word.lower(), list(known), n=1)
    return matches[0] if matches else None


def suggestion(word: str, known: Iterable[str], otherwise: str) -> str:
    """The cure for an unknown word: the nearest known one, else ``otherwise`` and all known ones."""
    names = sorted(known)
    near = nearest(word, names)
    if near is not None:
        return f'did you mean "{near}"?'
    return f"{otherwise} ({', '.join(names)})" if names else otherwise


def _displayed(key: str) -> str:
    # A key that is not a plain word may be a secret in the wrong place, such as a webhook's URL.
    return key if _PLAIN_KEY.fullmatch(key) else '"…"'
