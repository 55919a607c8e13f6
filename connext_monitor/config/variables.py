"""``${NAME}`` in the strings of a configuration, filled in from the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from connext_monitor.config.problems import KeyPath, Problem, dotted

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Stands in for a string that could not be filled in, so that the rest can still be checked."""


@dataclass(slots=True)
class Variables:
    """Fills in strings, at any depth, and remembers what could not be.

    ``${NAME}`` is the variable's value, which is not looked into again; ``$${`` is a literal ``${``; any other ``$`` is
    itself.
    """

    environ: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def fill(self, value: object, path: KeyPath = ()) -> object:
        """The value with every string filled in; keys stay as they are."""
        if isinstance(value, str):
            return self._fill_text(value, path)
        if isinstance(value, dict):
            return {key: self.fill(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item, (*path, place)) for place, item in enumerate(value)]
        return value

    def _fill_text(self, text: str, path: KeyPath) -> str | Unresolved:
        found = [self._problem(match, dotted(path)) for match in _REFERENCE.finditer(text)]
        problems = [problem for problem in found if problem is not None]
        if problems:
            self.problems.extend(problems)
            return Unresolved()
        return _REFERENCE.sub(self._replacement, text)

    def _problem(self, match: re.Match[str], key: str) -> Problem | None:
        if match[0] == "$${":
            return None
        if match[1] is None:
            return Problem(
                key,
                'holds a "${" that names no variable',
                "write ${NAME} with letters, digits and _ only, or $${ for the two characters themselves",
            )
        if match[1] not in self.environ:
            what = f"the environment variable {match[1]} is not set"
            return Problem(key, what, "set it where the monitor is started")
        if not _is_text(self.environ[match[1]]):
            what = f"the environment variable {match[1]} is not valid UTF-8"
            return Problem(key, what, "set it again as plain text")
        return None

    def _replacement(self, match: re.Match[str]) -> str:
        return "${" if match[1] is None else self.environ[match[1]]


def _is_text(value: str) -> bool:
    # Python carries bytes of the environment that are not UTF-8 as lone surrogates.
    return not any("\ud800" <= char <= "\udfff" for char in value)
