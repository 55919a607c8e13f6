"""Forks the program off a process that has loaded it, for `tests.world.processes`, which runs it and asks it.

Run as ``python -m tests.world.fork_server DESCRIPTOR``, of a socket that listens. A server is forked off for each
process of tests that connects, and takes its requests; no more are, once nobody holds the other end of the first one's
stdin. Each fork of a server becomes what a new process of the program is just before its `main`: with the streams, the
environment, the folder, the signals and the limits that were asked for, and with nothing else open. It ends as any
program does, but frees nothing of what the first one has loaded. The number of a fork, and then its exit code, are
written to the descriptor that came with its request. When a server's connection is closed, whatever it forked is
killed, and it ends.
"""

import array
import atexit
import gc
import importlib
import json
import os
import pkgutil
import resource
import select
import shutil
import signal
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

NUMBER = struct.Struct("!q")
"""How a length, a process id and an exit code are written."""
_DESCRIPTORS = 4
_LOADED_LATE = ("connext_monitor.store.migration",)


@dataclass(frozen=True, slots=True)
class Request:
    """What a fork is to be; ``descriptors`` are its stdin, stdout and stderr, and where its exit code goes.

    ``before`` is Python that runs before `main`, ``ignored`` are signals that whoever started it ignores, and ``files``
    is how many it may open, where that is limited.
    """

    arguments: list[str]
    folder: str
    environ: dict[str, str]
    before: str = ""
    ignored: list[int] = field(default_factory=list)
    files: int | None = None
    descriptors: tuple[int, ...] = ()


def _load() -> None:
    """What the commands need, and what the monitor loads only while it runs."""
    commands = importlib.import_module("connext_monitor.cli")
    for module in pkgutil.walk_packages(commands.__path__, "connext_monitor.cli."):
        importlib.import_module(module.name)
    for name in _LOADED_LATE:
        importlib.import_module(name)


def _receive(requests: socket.socket) -> Request | None:
    """None once whoever asks has gone."""
    descriptors = array.array("i")
    size, ancillary, _, _ = requests.recvmsg(NUMBER.size, socket.CMSG_SPACE(_DESCRIPTORS * descriptors.itemsize))
    if not size:
        return None
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    (length,) = NUMBER.unpack(size)
    body = b""
    while len(body) < length:  # a signal that is handled ends a read with less than was asked for
        body += requests.recv(length - len(body))
    return Request(**json.loads(body), descriptors=tuple(descriptors))


def _reap(forks: dict[int, int]) -> None:
    """Tell the exit codes of those that have ended."""
    for pid in list(forks):
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            _tell(forks[pid], os.waitstatus_to_exitcode(code))
            os.close(forks.pop(pid))


def _tell(status: int, number: int) -> None:
    """Write it to whoever asked for the fork, if somebody still waits for it."""
    with suppress(OSError):
        os.write(status, NUMBER.pack(number))


def _fork_servers(listener: socket.socket) -> socket.socket:
    """Fork a server off for whoever connects; returns only in a server, with its connection."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            shutil.rmtree(Path(listener.getsockname()).parent)
            os._exit(0)
        requests, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            return requests
        requests.close()


def _serve(requests: socket.socket) -> Request:
    """Serve requests; returns only in a fork, with its request."""
    forks: dict[int, int] = {}
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    while True:
        ready, _, _ = select.select([requests.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _reap(forks)
        if requests.fileno() not in ready:
            continue
        request = _receive(requests)
        if request is None:
            for pid in forks:
                os.kill(pid, signal.SIGKILL)
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            return request
        *streams, status = request.descriptors
        for descriptor in streams:
            os.close(descriptor)
        _tell(status, pid)
        forks[pid] = status


def _become(request: Request) -> None:
    """Make this process what was asked for."""
    signal.set_wakeup_fd(-1)
    for handled in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        usual = signal.default_int_handler if handled == signal.SIGINT else signal.SIG_DFL
        signal.signal(handled, signal.SIG_IGN if handled in request.ignored else usual)
    for number, descriptor in enumerate(request.descriptors[:3]):
        os.dup2(descriptor, number)
    os.closerange(3, max(request.descriptors) + 1)
    # As Python opens them where the locale is C.UTF-8.
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    if request.files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (request.files, request.files))
    os.environ.clear()
    os.environ.update(request.environ)
    time.tzset()
    os.chdir(request.folder)
    sys.argv = ["connext-monitor", *request.arguments]
    exec(request.before, {"__name__": "__main__"})  # noqa: S102 - a test's own


def _end(code: object) -> None:
    """End this process with what a program's end does for others, and without freeing each thing that was loaded.

    To free them all takes ten times as long as a fork, since none of them is a fork's own. Returns where Python itself
    has something to say: of a code that is a text, or a stream that does not take what was written to it.
    """
    if not isinstance(code, int | None):
        return
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    os._exit((code or 0) & 0xFF)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # it ends with whoever asks
    _load()
    gc.collect()
    gc.freeze()
    request = _serve(_fork_servers(socket.socket(fileno=int(sys.argv[1]))))
    try:
        _become(request)
        from connext_monitor.cli import main

        main()
    except SystemExit as ending:
        _end(ending.code)
        raise
    _end(0)
