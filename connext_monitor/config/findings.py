"""What is wrong with a config file, gathered while its parts are read one after the other."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from connext_monitor.config.problems import ConfigError, Problem, dotted

_SINGLE = {"monitor", "alerts", "heartbeat", "stats", "backup", "cluster"}
"""Tables of which there is one."""

T = TypeVar("T")
RawTable = Mapping[str, object]
"""A table as it stands in the file, its variables filled in."""


class ConfigFindings:
    """Gathers the problems of parts that are checked one after the other."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def add(self, problems: Iterable[Problem]) -> None:
        """Keep these too."""
        self.problems.extend(problems)

    def of(self, parse: Callable[[], T]) -> T | None:
        """What ``parse`` makes, or None, its problems kept."""
        try:
            return parse()
        except ConfigError as error:
            self.add(error.problems)
            return None


def outside(problems: Iterable[Problem], keys: Iterable[str]) -> list[Problem]:
    """Those problems that are not about one of the keys, nor about what stands below it."""
    excluded = tuple(keys)
    below = tuple(f"{key}{separator}" for key in excluded for separator in ".[")
    return [problem for problem in problems if problem.key not in excluded and not problem.key.startswith(below)]


def table_of(value: object, path: tuple[str, ...], findings: ConfigFindings) -> dict[str, object] | None:
    """The value as a table; None, and a problem in the findings, where it is none."""
    if isinstance(value, dict):
        return value
    header = f"[{path[0]}]" if path[0] in _SINGLE else f"[{path[0]}.NAME]"
    findings.add([Problem(dotted(path), "must be a table", f"write its keys under a line {header}")])
    return None
