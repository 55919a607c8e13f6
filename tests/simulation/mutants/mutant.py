"""A mutant: the monitor with one mistake in it, which the simulation must find."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import connext_monitor

PACKAGE = Path(connext_monitor.__file__).parent


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file of the package.

    ``promise`` is the number of the promise in `docs/promises.md` that it breaks; ``old`` stands once in ``file`` (a
    path in the package) and is replaced by ``new``; ``breaks`` says in plain words what goes wrong then.
    """

    name: str
    promise: int
    file: str
    old: str
    new: str
    breaks: str

    def patched(self, source: str) -> str:
        """The file's text with the mistake in it. Raises ValueError unless ``old`` stands in it exactly once."""
        if (times := source.count(self.old)) != 1:
            raise ValueError(f"mutant {self.name}: its old text stands {times} times in {self.file}")
        return source.replace(self.old, self.new)

    def write(self, folder: Path, package: Path = PACKAGE) -> None:
        """Put a copy of the package with the mistake in it into a folder, to be imported from there."""
        copy = folder / package.name
        shutil.copytree(package, copy)
        file = copy / self.file
        file.write_text(self.patched(file.read_text(encoding="utf-8")), encoding="utf-8")


def named(mutants: Sequence[Mutant], names: Sequence[str]) -> list[Mutant]:
    """Those of these names, all without names. Raises ValueError for a name that none has."""
    by_name = {mutant.name: mutant for mutant in mutants}
    if unknown := sorted(set(names) - set(by_name)):
        raise ValueError(f"no such mutant: {', '.join(unknown)}")
    return [by_name[name] for name in names] if names else list(mutants)
