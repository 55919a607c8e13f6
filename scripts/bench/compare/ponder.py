"""Ponder, an indexer in TypeScript, on the same made-up bridge: it stores the same events and transfers in PGlite.

Its project is `ponder_project`; npm installs it into .cache. It is measured from when its server answers, which it does
before it reads the first block, until it says that all history is indexed. Linux only: /proc says what it has spent.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import msgspec

from scripts.bench.bridge_node import MOST_LOGS
from scripts.bench.compare.figures import Figures
from scripts.bench.compare.trees import CACHE, CannotCompareError
from scripts.bench.made_up_bridge import CHAIN_IDS, CONTRACT, Bridge

_PROJECT = Path(__file__).parent / "ponder_project"
_LOOKS_APART = 0.05
_MOST = 1800.0
"""Seconds after which it is given up."""


@dataclass(frozen=True, slots=True)
class Ponder:
    """The installed project."""

    name: str
    folder: Path

    @classmethod
    def installed(cls) -> "Ponder":
        """Bring the project up to date, and what it needs. Raises CannotCompareError."""
        folder = CACHE / "ponder"
        shutil.copytree(_PROJECT, folder, dirs_exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        try:
            ran = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        except FileNotFoundError:
            raise CannotCompareError("there is no npm, which ponder needs") from None
        if ran.returncode != 0:
            raise CannotCompareError(f"npm could not install ponder: {ran.stderr.decode(errors='replace')[-1000:]}")
        package = msgspec.json.decode((folder / "node_modules" / "ponder" / "package.json").read_bytes())
        return cls(f"ponder {package['version']}", folder)

    def read_history(self, bridge: Bridge, urls: Sequence[str], folder: Path) -> Figures:
        """Have it read all history, and make sure that it has."""
        port = _free_port()
        with self._running(bridge, urls, folder, port) as process:
            _wait_until_answers(process, port, "health", folder)
            began, spent_before = time.perf_counter(), _cpu_seconds(process.pid)
            _wait_until_answers(process, port, "ready", folder)
            seconds, spent = time.perf_counter() - began, _cpu_seconds(process.pid) - spent_before
            peak = _peak(process.pid)
            counts = msgspec.json.decode(_answer(port, "counts") or b"null")
        if counts != [3 * bridge.transfers, bridge.transfers]:
            raise CannotCompareError(f"ponder stored {counts} events and transfers")
        return Figures(3 * bridge.transfers, seconds, spent, None, None, peak)

    @contextmanager
    def _running(
        self, bridge: Bridge, urls: Sequence[str], folder: Path, port: int
    ) -> Iterator[subprocess.Popen[bytes]]:
        settings = {
            "BENCH_FOLDER": str(folder / "pglite"),
            "BENCH_CONTRACT": f"0x{CONTRACT.hex()}",
            "BENCH_BLOCK_RANGE": str(bridge.span(MOST_LOGS)),
            "PONDER_TELEMETRY_DISABLED": "true",
        }
        for chain, url in enumerate(urls):
            settings |= {
                f"BENCH_URL_{chain}": url,
                f"BENCH_HEAD_{chain}": str(bridge.head(chain)),
                f"BENCH_CHAIN_ID_{chain}": str(CHAIN_IDS[chain]),
            }
        script = self.folder / "node_modules" / "ponder" / "dist" / "esm" / "bin" / "ponder.js"
        command = ["node", str(script), "start", "--schema", "bench", "--port", str(port), "--hostname", "127.0.0.1"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=os.environ | settings, stdout=log, stderr=subprocess.STDOUT
            )
            try:
                yield process
            finally:
                process.kill()
                process.wait()


def _wait_until_answers(process: subprocess.Popen[bytes], port: int, path: str, folder: Path) -> None:
    until = time.monotonic() + _MOST
    while _answer(port, path) is None:
        if process.poll() is not None or time.monotonic() > until:
            last = (folder / "log").read_text(errors="replace")[-2000:]
            raise CannotCompareError(f"ponder did not get to /{path}:\n{last}")
        time.sleep(_LOOKS_APART)


def _answer(port: int, path: str) -> bytes | None:
    """What it answers with 200; None for any other answer, and for none."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/{path}", timeout=60) as response:
            body: bytes = response.read()
            return body if response.status == 200 else None
    except (URLError, OSError):
        return None


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _cpu_seconds(pid: int) -> float:
    """All threads of a process, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
