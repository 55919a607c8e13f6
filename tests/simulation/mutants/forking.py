"""Plays stories with the monitor or with mutants, each in a fork of this process, which has the libraries loaded.

Run as ``python -m tests.simulation.mutants.forking``, with a list of `Play` as JSON on stdin; prints a line of JSON for
each, a `Came`, in their order. The monitor without a mistake is the one that was loaded; with one in it, it is loaded
anew in its fork, and with it all that has to do with it.
"""

import gc
import importlib
import importlib.util
import os
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import IO

import msgspec

from tests.simulation.mutants.mutant import PACKAGE, named
from tests.simulation.mutants.playing import Played
from tests.simulation.mutants.table import MUTANTS

_OURS = {PACKAGE.name, "scripts", "tests"}


class Play(msgspec.Struct, frozen=True):
    """Files with a story each, as JSON, and the mutant's name to play them with; None for the monitor as it is."""

    mutant: str | None
    stories: Sequence[str]


class Came(msgspec.Struct, frozen=True):
    """What came of a play, or why it could not be played."""

    played: Sequence[Played] = ()
    error: str | None = None


class _Changed(SourceFileLoader):
    """Loads a module as a mutant has it."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - which is its own
        return self.source_to_code(self._source.encode(), self.path)


class _Mutant(MetaPathFinder):
    """Finds the modules that a mutant changes, by their file."""

    def __init__(self, sources: dict[str, str]) -> None:
        self._sources = {str(PACKAGE / file): source for file, source in sources.items()}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or (source := self._sources.get(spec.origin or "")) is None:
            return None
        return importlib.util.spec_from_file_location(
            fullname,
            spec.origin,
            loader=_Changed(fullname, spec.origin or "", source),
            submodule_search_locations=spec.submodule_search_locations,
        )


def _become(mutant: str) -> None:
    """From now on everything of ours is imported anew, with the mutant's mistake in it."""
    (mistaken,) = named(MUTANTS, [mutant])
    sys.meta_path.insert(0, _Mutant(mistaken.sources()))
    for name in [*sys.modules]:
        if name.partition(".")[0] in _OURS:
            del sys.modules[name]


def _play(play: Play) -> bytes:
    """In a fork: a `Came` as JSON."""
    try:
        if play.mutant is not None:
            _become(play.mutant)
        playing = importlib.import_module("tests.simulation.mutants.playing")
        return msgspec.json.encode({"played": playing.play_stories(play.stories)})
    except BaseException as error:  # noqa: BLE001 - whatever the mistake does, it is told
        return msgspec.json.encode(Came(error=f"{type(error).__name__}: {error}"))


def _fork(play: Play, came: IO[bytes]) -> int:
    pid = os.fork()
    if pid == 0:
        came.write(_play(play))
        came.flush()
        os._exit(0)
    return pid


def _forked(plays: Sequence[Play], at_once: int) -> Iterator[bytes]:
    """What came of each, in their order, with so many played at once; nothing where a fork has died of it."""
    came = [tempfile.TemporaryFile() for _ in plays]  # noqa: SIM115 - closed one by one
    waiting = deque(range(len(plays)))
    running: dict[int, int] = {}
    ended: set[int] = set()
    for number, file in enumerate(came):
        while number not in ended:
            while waiting and len(running) < at_once:
                began = waiting.popleft()
                running[_fork(plays[began], came[began])] = began
            pid, _ = os.wait()
            ended.add(running.pop(pid))
        file.seek(0)
        yield file.read()
        file.close()


def main() -> None:
    """Play what is asked for on stdin."""
    plays = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Play])
    gc.collect()
    gc.freeze()
    for came in _forked(plays, len(os.sched_getaffinity(0))):
        sys.stdout.buffer.write((came or msgspec.json.encode(Came(error="its process died"))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
