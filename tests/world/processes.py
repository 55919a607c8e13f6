"""Processes of the program: from their very beginning, or forked off one that has the program loaded already.

To load the program takes a second of a processor, and most tests start it to see what it does then. Some start it cold:
those whose subject is how it loads, or how Python itself begins.
"""

import asyncio
import atexit
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from tests.world.fork_server import NUMBER

ROOT = Path(__file__).parents[2]


class Process(Protocol):
    """A process that was started: what `subprocess.Popen` has of it."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...
    def kill(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Command:
    """What is typed, where, and with which environment.

    ``before`` is Python that runs before the program's `main`, ``ignored`` are signals that the process is started
    with as ignored, ``files`` limits how many it may have open.
    """

    arguments: Sequence[str]
    folder: Path
    environ: Mapping[str, str]
    before: str = ""
    ignored: Sequence[int] = ()
    files: int | None = None


class Forked:
    """A process forked off one that has the program loaded; it ends with the tests' own process at the latest."""

    def __init__(self, status: socket.socket) -> None:
        self._status = status
        self.pid = self._number()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self._status.setblocking(False)
            try:
                self.returncode = self._number()
                self._status.close()
            except BlockingIOError:
                return None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended. Raises `subprocess.TimeoutExpired`."""
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            with suppress(ValueError):  # closed by now: another thread has learnt the code
                select.select([self._status], [], [], 0.1)
        return code

    def send_signal(self, sig: int, /) -> None:
        """To a process that has ended, nothing is sent."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """As kill -9 does."""
        self.send_signal(signal.SIGKILL)

    def _number(self) -> int:
        (number,) = NUMBER.unpack(self._status.recv(NUMBER.size))
        return int(number)


class _Loaded:
    """The process that has the program loaded, from which a server is forked off for each process of tests."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self.address = str(Path(tempfile.mkdtemp(prefix="forks.")) / "socket")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.address)
            listener.listen(64)
            # It removes the socket and its folder once nobody holds the other end of its stdin any more.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.world.fork_server", str(listener.fileno())],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                pass_fds=[listener.fileno()],
            )
        atexit.register(self._end)

    def _end(self) -> None:
        if os.getpid() != self._owner:  # a process of tests that was forked off the one that started it
            return
        self._process.communicate()


class _Server:
    """The process whose forks belong to this one."""

    def __init__(self) -> None:
        self._requests = socket.socket(socket.AF_UNIX)
        self._requests.connect(_loaded().address)
        self._turn = threading.Lock()
        atexit.register(self._end)

    def fork(self, command: Command, descriptors: Sequence[int]) -> Forked:
        """Fork a process off, with these descriptors as its first three."""
        request = {
            "arguments": [*command.arguments],
            "folder": str(command.folder),
            "environ": dict(command.environ),
            "before": command.before,
            "ignored": [*command.ignored],
            "files": command.files,
        }
        body = json.dumps(request).encode()
        ours, theirs = socket.socketpair()
        with theirs, self._turn:
            socket.send_fds(self._requests, [NUMBER.pack(len(body))], [*descriptors, theirs.fileno()])
            self._requests.sendall(body)
        return Forked(ours)

    def _end(self) -> None:
        self._requests.shutdown(socket.SHUT_WR)
        self._requests.recv(1)  # until it has ended what still ran


@cache
def _loaded() -> _Loaded:
    return _Loaded()


def load() -> None:
    """Begin to load the program for this process, and for those that will be forked off it."""
    _loaded()


@cache
def _server() -> _Server:
    return _Server()


Stream = int | IO[bytes]
"""A descriptor, a file that is written to, or `subprocess.DEVNULL`."""


def fork(command: Command, *, stdout: Stream, stderr: Stream) -> Forked:
    """Start a command in a process that has the program loaded; it has nothing to read."""
    with Path(os.devnull).open("r+b") as nothing:
        streams = [stream if isinstance(stream, int) else stream.fileno() for stream in (stdout, stderr)]
        written = [nothing.fileno() if stream == subprocess.DEVNULL else stream for stream in streams]
        return _server().fork(command, [nothing.fileno(), *written])


class Ended(NamedTuple):
    """What came of a command."""

    code: int
    printed: str
    said: str


def run(command: Command, within: float = 120.0) -> Ended:
    """Run a command to its end in a process that has the program loaded. Raises `subprocess.TimeoutExpired`."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = fork(command, stdout=out, stderr=err)
        try:
            code = process.wait(within)
        finally:
            process.kill()
            process.wait()
        return Ended(code, _all_of(out), _all_of(err))


async def typed(config: Path, *arguments: str, before: str = "") -> Ended:
    """Run a command with this config beside what runs here."""
    command = Command(["--config", str(config), *arguments], ROOT, os.environ, before)
    return await asyncio.to_thread(run, command)


def stands(pid: int) -> bool:
    """Whether a process is stopped, as SIGSTOP does it; not where it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] == "T"


async def lines_of(descriptor: int) -> AsyncIterator[str]:
    """The lines that are written to a pipe, until its writer ends; then it is closed."""
    reader = asyncio.StreamReader(limit=1 << 20)
    pipe = os.fdopen(descriptor, "rb")
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    with closing(transport):
        async for line in reader:
            yield line.decode().rstrip("\n")


def _all_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def start_cold(command: Command, stdout: Stream, stderr: Stream, closed: Sequence[int] = ()) -> Process:
    """Start a command in a process that has loaded nothing yet, and is begun without the ``closed`` descriptors."""

    def prepare() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if number in command.ignored else signal.SIG_DFL)
        if command.files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (command.files, command.files))
        for descriptor in closed:
            os.close(descriptor)

    program = f"{command.before}\nfrom connext_monitor.cli import main\nmain()"
    return subprocess.Popen(
        [sys.executable, "-c", program, *command.arguments],
        cwd=command.folder,
        env=command.environ,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        preexec_fn=prepare,  # noqa: PLW1509 - the tests have no other threads that hold locks then
    )


def process_environ(**more: str) -> dict[str, str]:
    """The environment of a process that is to find the package from anywhere."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "COLUMNS": "80", **more}
