"""Trees of this repository's code, each with a Python that can run it, and runs of their monitors."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from scripts.bench.compare import in_tree

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".cache" / "compare"
_ABOUT_THIS_TREE = {"PYTHONPATH", "VENV", "VIRTUAL_ENV"}
"""Variables that would lead another tree's commands to this one's modules."""


class CannotCompareError(Exception):
    """Something that a comparison needs is missing."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder with the code, and what runs it."""

    name: str
    folder: Path
    python: Path

    def run(self, *arguments: object) -> dict[str, Any]:
        """What `in_tree` measured of this tree. Raises CannotCompareError."""
        # Without the script's own folder among the modules' folders: all modules are to be the tree's.
        command = [self.python, "-P", Path(in_tree.__file__), *arguments]
        figures: dict[str, Any] = msgspec.json.decode(_run(command, self.folder, {"PYTHONPATH": str(self.folder)}))
        return figures


def this_tree() -> Tree:
    """The code that this module belongs to."""
    return Tree("this tree", ROOT, Path(sys.executable))


def tree_of(commit: str) -> Tree:
    """Another commit, in a git worktree that is kept under .cache. Raises CannotCompareError."""
    full = _git("rev-parse", "--verify", f"{commit}^{{commit}}")
    folder = CACHE / full[:12]
    if not (folder / ".git").exists():
        _git("worktree", "prune")
        _git("worktree", "add", "--detach", str(folder), full)
    if not (folder / "scripts" / "bench" / "watching.py").exists():
        raise CannotCompareError(f"{commit} is older than scripts/bench/watching.py, by which it would be measured")
    return Tree(commit, folder, python_for(folder))


def remove(tree: Tree) -> None:
    """Delete a worktree of `tree_of`."""
    _git("worktree", "remove", "--force", str(tree.folder))


def python_for(folder: Path) -> Path:
    """This Python where all that the tree pins is installed here; else that of its own environment, made if need be.

    Either way it is the same Python, or what is compared is how two of them were compiled. Raises CannotCompareError.
    """
    pins = [line.strip().split("==") for line in (folder / "constraints.txt").read_text().splitlines() if "==" in line]
    if all(_installed(name) == pinned for name, pinned in pins):
        return Path(sys.executable)
    ours, its = _identity(Path(sys.executable)), _identity(python := _set_up(folder))
    if its != ours:
        # Its setup took an environment of another Python for one of this.
        shutil.rmtree(folder / ".venv")
        its = _identity(_set_up(folder))
    if its != ours:
        raise CannotCompareError(f"{python} is {its}, and this tree runs on {ours}")
    return python


def _set_up(folder: Path) -> Path:
    _run([folder / "scripts" / "setup"], folder, {"PYTHON": _base_python()})
    return folder / ".venv" / "bin" / "python"


def _identity(python: Path) -> str:
    """What tells a Python from any other: where it lies, its version, and when and by what it was compiled."""
    return _run([python, "-c", "import sys; print(sys.base_prefix, sys.version)"], ROOT, {}).decode().strip()


def _base_python() -> str:
    return str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git(*arguments: str) -> str:
    return _run(["git", *arguments], ROOT, {}).decode().strip()


def _run(command: Sequence[object], folder: Path, variables: dict[str, str]) -> bytes:
    words = [str(word) for word in command]
    environment = {name: value for name, value in os.environ.items() if name not in _ABOUT_THIS_TREE} | variables
    ran = subprocess.run(words, cwd=folder, env=environment, capture_output=True, check=False)
    if ran.returncode != 0:
        last = ran.stderr.decode(errors="replace").strip()[-2000:]
        raise CannotCompareError(f"{' '.join(words[:4])} … ended with {ran.returncode}\n{last}")
    return ran.stdout
