"""How long the disk itself takes for what a commit waits for."""

import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY = 0.1
"""Seconds: ten small writes a second are little beside what is measured."""
_BYTES = bytes(8192)


class DiskProbe:
    """As long as its context lasts, writes and syncs a file in a folder; ``seconds`` says how long each sync took."""

    def __init__(self, folder: Path) -> None:
        self.seconds: list[float] = []
        self._file = folder / "probe"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._probe, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._file.unlink()

    def _probe(self) -> None:
        sync = getattr(os, "fdatasync", os.fsync)
        with self._file.open("wb", buffering=0) as file:
            while True:
                file.write(_BYTES)
                began = time.perf_counter()
                sync(file.fileno())
                self.seconds.append(time.perf_counter() - began)
                if self._over.wait(_EVERY):
                    return
