"""A mutant: the monitor with one mistake in it, which the simulation must find."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import connext_monitor

PACKAGE = Path(connext_monitor.__file__).parent


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one file of the package: ``old`` stands in it once, and is replaced by ``new``."""

    file: str
    old: str
    new: str

    def of(self, source: str) -> str:
        """The file's text after the change. Raises ValueError unless ``old`` stands in it exactly once."""
        if (times := source.count(self.old)) != 1:
            raise ValueError(f"{self.file}: what is to be changed stands in it {times} times")
        return source.replace(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Mutant:
    """The package with a mistake.

    ``promise`` is the number of the promise in `docs/promises.md` that it breaks; ``breaks`` says in plain words what
    goes wrong. More than one edit where something else in the monitor makes up for the mistake, and has to go too.
    """

    name: str
    promise: int
    breaks: str
    edits: Sequence[Edit]

    def sources(self, package: Path = PACKAGE) -> dict[str, str]:
        """The files that differ from the package's, as they are then. Raises ValueError where an edit does not fit."""
        changed: dict[str, str] = {}
        for edit in self.edits:
            source = changed.get(edit.file)
            changed[edit.file] = edit.of(
                (package / edit.file).read_text(encoding="utf-8") if source is None else source
            )
        return changed


def mutant(name: str, promise: int, file: str, old: str, new: str, breaks: str, *also: Edit) -> Mutant:
    """One that changes a place in one file, and those ``also``."""
    return Mutant(name, promise, breaks, (Edit(file, old, new), *also))


def named(mutants: Sequence[Mutant], names: Sequence[str]) -> list[Mutant]:
    """Those of these names, all without names. Raises ValueError for a name that none has."""
    by_name = {mutant.name: mutant for mutant in mutants}
    if unknown := sorted(set(names) - set(by_name)):
        raise ValueError(f"no such mutant: {', '.join(unknown)}")
    return [by_name[name] for name in names] if names else list(mutants)
