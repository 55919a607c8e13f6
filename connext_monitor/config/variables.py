"""``${NAME}`` in the strings of a configuration, filled in from the environment."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connext_monitor.config.problems import KeyPath, Problem, dotted
from connext_monitor.core.structs import replace, struct

_REFERENCE = re.compile(
    r"\$\$\{"
    r"|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:[^{}$]|\$(?!\$?\{))*))?\}"
    r"|\$\{"
)
# As a shell would take it.
_BARE = re.compile(r"(?<!\$)\$([A-Za-z][A-Za-z0-9_]+)")


@struct(frozen=True, slots=True)
class Unresolved:
    """Stands in for a string that could not be filled in, so that the rest can still be checked."""


@struct(frozen=True, slots=True)
class _LeftOut:
    """Stands in for a string that is taken out."""


@struct(frozen=True, slots=True)
class Filled:
    """What came of filling in one string.

    The variables that it names, those of them that were used instead of their defaults, and whether it may come out
    empty (``${NAME:-}``).
    """

    names: tuple[str, ...]
    used: tuple[str, ...]
    optional: bool


@dataclass(slots=True)
class Variables:
    """Fills in strings, at any depth, and remembers what could not be.

    ``${NAME}`` is the variable's value without the white space around it, which is not expanded again;
    ``${NAME:-default}`` is the default where the variable is not set or has nothing in it; ``$${`` is a literal ``${``;
    any other ``$`` is itself, but ``$NAME`` is a problem where such a variable is set.

    A string that comes out empty because of such a default (``${NAME:-}``) is taken out, with its key or as an entry
    of its list. ``filled`` has every string that names variables, and ``left_out`` those that were taken out, by key.
    """

    environ: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    filled: dict[str, Filled] = field(default_factory=dict)
    left_out: dict[str, Filled] = field(default_factory=dict)
    _entries_kept: dict[str, list[int]] = field(default_factory=dict)

    def fill(self, value: object, path: KeyPath = ()) -> object:
        """The value with every string filled in; keys stay as they are."""
        if isinstance(value, str):
            return self._fill_text(value, path)
        if isinstance(value, dict):
            filled = {key: self.fill(item, (*path, key)) for key, item in value.items()}
            return {key: item for key, item in filled.items() if not isinstance(item, _LeftOut)}
        if isinstance(value, list):
            return self._fill_list(value, path)
        return value

    def explain(self, problem: Problem) -> Problem:
        """The problem at its key as it is written in the file, with the variables that its value came from."""
        key = self.as_written(problem.key)
        return replace(problem, key=key, mistake=problem.mistake + self._source(key))

    def as_written(self, key: str) -> str:
        """The key of an entry, counted in the list as it stands in the file."""
        head, bracket, rest = key.partition("[")
        number, _, tail = rest.partition("]")
        numbers = self._entries_kept.get(head)
        return f"{head}[{numbers[int(number)]}]{tail}" if bracket and numbers and number.isdecimal() else key

    def unset_for(self, table: str, problems: Sequence[Problem]) -> tuple[str, ...]:
        """The variables whose absence has the table left out; none where it is complete, or wrong.

        It is left out where its only ``problems`` are that keys were taken out of it, and where no variable that may be
        empty is set: half a configuration is a mistake.
        """
        left_out = _below(table, self.left_out)
        half_set = [key for key in _below(table, self.filled) if self.filled[key].optional and self.filled[key].used]
        keys = {problem.key for problem in problems}
        if not keys or half_set or not keys <= {table, *left_out}:
            return ()
        needed = keys.union(*(problem.about for problem in problems)).intersection(left_out) or left_out
        return _each_once(name for key in left_out if key in needed for name in self._names(key))

    def _fill_list(self, items: list[object], path: KeyPath) -> list[object]:
        filled = [self.fill(item, (*path, number)) for number, item in enumerate(items)]
        kept = [number for number, item in enumerate(filled) if not isinstance(item, _LeftOut)]
        if len(kept) < len(items):
            self._entries_kept[dotted(path)] = kept
        return [filled[number] for number in kept]

    def _fill_text(self, text: str, path: KeyPath) -> str | Unresolved | _LeftOut:
        references = list(_REFERENCE.finditer(text))
        # What follows a broken one may be a part of it.
        broken = [match for match in references if match[0] == "${"][:1]
        problems = [self._problem(match, dotted(path)) for match in broken or references]
        problems.extend(self._bare(match[1], dotted(path)) for match in _BARE.finditer(text))
        if any(problems):
            self.problems.extend(filter(None, problems))
            return Unresolved()
        if not any(match["name"] for match in references):
            return _REFERENCE.sub(self._replacement, text)
        return self._remembered(_REFERENCE.sub(self._replacement, text), references, dotted(path))

    def _remembered(self, text: str, references: list[re.Match[str]], key: str) -> str | _LeftOut:
        named = [match for match in references if match["name"]]
        used = [match["name"] for match in named if match["default"] is None or self._value(match["name"])]
        names = (match["name"] for match in named)
        optional = any(match["default"] == "" for match in named)
        filled = self.filled[key] = Filled(_each_once(names), _each_once(used), optional)
        if trimmed(text) or not filled.optional:
            return text
        self.left_out[key] = filled
        return _LeftOut()

    def _source(self, key: str) -> str:
        """Where the value at the key came from, in words; or what was taken out there or below it."""
        unset = [name for at in (key, *_below(key, self.left_out)) if at in self.left_out for name in self._names(at)]
        if unset:
            return f" ({_unset(unset)})"
        if key not in self.filled:
            return ""
        used = self.filled[key].used
        return f" (it comes from {_listed(used)})" if used else f" (it is the default: {_unset(self._names(key))})"

    def _names(self, key: str) -> tuple[str, ...]:
        return self.filled[key].names

    def _problem(self, match: re.Match[str], key: str) -> Problem | None:
        name = match["name"]
        if match[0] == "$${":
            return None
        if name is None:
            return Problem(
                key,
                'contains a "${" that names no variable',
                "write ${NAME} or ${NAME:-default}, with letters, digits and _ only in NAME and no brace in the "
                "default, or $${ for a literal ${",
            )
        if name not in self.environ and match["default"] is None:
            mistake = f"the environment variable {name} is not set"
            return Problem(key, mistake, f"set it where the monitor is started, or write ${{{name}:-default}}")
        if not _is_text(self.environ.get(name, "")):
            mistake = f"the environment variable {name} is not valid UTF-8"
            return Problem(key, mistake, "set it again as plain text")
        return None

    def _bare(self, name: str, key: str) -> Problem | None:
        if name not in self.environ:
            return None
        return Problem(key, f"contains ${name}, which is not expanded", f"write ${{{name}}}")

    def _replacement(self, match: re.Match[str]) -> str:
        if match["name"] is None:
            return "${"
        return self._value(match["name"]) or match["default"] or ""

    def _value(self, name: str) -> str:
        return trimmed(self.environ.get(name, ""))


def trimmed(text: str) -> str:
    """The text without what ``echo``, an editor or a copy leaves around it: white space, and zero-width characters."""
    start, end = 0, len(text)
    while start < end and _is_blank(text[start]):
        start += 1
    while start < end and _is_blank(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_blank(char: str) -> bool:
    # Cf: the byte order mark, the zero-width space, marks of direction.
    return char.isspace() or unicodedata.category(char) == "Cf"


def _is_text(value: str) -> bool:
    # Python carries bytes of the environment that are not UTF-8 as lone surrogates.
    return not any("\ud800" <= char <= "\udfff" for char in value)


def _below(key: str, keys: Iterable[str]) -> list[str]:
    return [candidate for candidate in keys if candidate.startswith((f"{key}.", f"{key}["))]


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _unset(names: Iterable[str]) -> str:
    listed = _each_once(names)
    return f"{_listed(listed)} {'are' if len(listed) > 1 else 'is'} not set"


def _listed(names: Iterable[str]) -> str:
    listed = _each_once(names)
    return f"the environment variable{'s' if len(listed) > 1 else ''} {', '.join(listed)}"
