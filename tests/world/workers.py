"""Runs tests in several processes that are forked off once all tests are collected.

To load and collect all tests takes seconds of a processor, which each process would spend that starts by itself.
"""

import os
import signal
import tempfile
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, TextIO, cast

import pytest


@dataclass
class _Worker:
    pid: int
    connection: "Connection[Any, Any]"
    output: TextIO
    """What its own terminal reporter prints; of interest only where it ends too soon."""
    left: deque[int] = field(default_factory=deque)
    """Which tests of its group it has not finished, as indices; the first one runs."""
    last: int = 0
    code: int | None = None

    def has_ended(self) -> bool:
        """Look whether it has, without waiting for it."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.code = os.waitstatus_to_exitcode(status)
        return bool(pid)

    def exit_code(self) -> int:
        """Wait for its end."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]) if self.code is None else self.code


def run_in_workers(session: pytest.Session, count: int, groups: Iterable[Sequence[int]]) -> None:
    """Run groups of tests, each given by the tests' indices, in so many processes; each group within one of them."""
    _Pool(session, deque(groups)).run(count)
    if session.shouldfail:
        raise session.Failed(session.shouldfail)


class _Pool:
    def __init__(self, session: pytest.Session, waiting: deque[Sequence[int]]) -> None:
        self._session, self._waiting = session, waiting
        self._hook = session.config.hook
        self._workers: dict[Connection[Any, Any], _Worker] = {}
        self._own = os.getpid()

    def run(self, count: int) -> None:
        if reporter := self._session.config.pluginmanager.get_plugin("terminalreporter"):
            reporter.showfspath = False  # a line for each test, since the next one is of another file
        try:
            for _ in range(min(count, len(self._waiting))):
                self._fork()
            while self._workers:
                self._follow()
        finally:
            if os.getpid() == self._own:
                self._interrupt()

    def _follow(self) -> None:
        for connection in (heard := wait(list(self._workers), timeout=5)):
            self._receive(self._workers[cast("Connection[Any, Any]", connection)])
        if not heard:
            # What a test forked off may hold the connection of a worker that is gone.
            for worker in list(self._workers.values()):
                if worker.has_ended():
                    self._ended(worker)

    def _fork(self) -> None:
        config = self._session.config
        if reporter := config.pluginmanager.get_plugin("terminalreporter"):
            reporter.flush()  # else each worker would print it again
        ours, theirs = Pipe()
        output = cast("TextIO", tempfile.TemporaryFile("w+", buffering=1, encoding="utf-8", errors="replace"))  # noqa: SIM115
        pid = os.fork()
        if pid:
            theirs.close()
            self._workers[ours] = _Worker(pid, ours, output)
            return
        for connection in (ours, *self._workers):
            connection.close()
        _work(self._session, theirs, output)

    def _receive(self, worker: _Worker) -> None:
        try:
            what, content = worker.connection.recv()
        except (EOFError, OSError):
            what, content = "ended", None
        if what in {"ended", "ready"}:
            (self._ended if what == "ended" else self._hand_out)(worker)
            return
        item = self._session.items[worker.left[0]]
        if what == "start":
            self._hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        elif what == "report":
            report = self._hook.pytest_report_from_serializable(config=self._session.config, data=content)
            self._hook.pytest_runtest_logreport(report=report)
        else:
            self._hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
            worker.last = worker.left.popleft()

    def _hand_out(self, worker: _Worker) -> None:
        stop = self._session.shouldfail or self._session.shouldstop
        worker.left = deque() if stop or not self._waiting else deque(self._waiting.popleft())
        with suppress(OSError):  # it has ended since, which is heard next
            worker.connection.send(list(worker.left))

    def _ended(self, worker: _Worker) -> None:
        """Whatever ends before its tests do is replaced; the test that ran has failed."""
        del self._workers[worker.connection]
        worker.connection.close()
        code = worker.exit_code()
        if code or worker.left:
            item = self._session.items[worker.left.popleft() if worker.left else worker.last]
            self._hook.pytest_runtest_logreport(report=_ended_within(item, code, worker.output))
            if worker.left:
                self._waiting.appendleft(worker.left)
            if code == pytest.ExitCode.INTERNAL_ERROR:
                self._session.shouldfail = "pytest itself failed"
            if self._waiting and not self._session.shouldfail:
                self._fork()
        worker.output.close()

    def _interrupt(self) -> None:
        for worker in self._workers.values():
            os.kill(worker.pid, signal.SIGINT)
        for worker in self._workers.values():
            worker.exit_code()


def _ended_within(item: pytest.Item, code: int, output: TextIO) -> pytest.TestReport:
    output.seek(0)
    how = f"by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"with exit code {code}"
    said = "\n".join(output.read().splitlines()[-50:])
    message = f"The process that ran this test ended {how}. What it printed at last:\n{said}"
    return pytest.TestReport(item.nodeid, item.location, {}, "failed", message, "call")


class _Sender:
    """Sends reports to the process that prints them."""

    def __init__(self, config: pytest.Config, connection: "Connection[Any, Any]") -> None:
        self._config, self._connection = config, connection

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._connection.send(("report", data))


def _work(session: pytest.Session, connection: "Connection[Any, Any]", output: TextIO) -> None:
    """Run what comes, and end as pytest does: with what is shared by all tests torn down."""
    _begin_anew(session, output)
    session.config.pluginmanager.register(_Sender(session.config, connection))
    while group := _next_group(connection):
        for index, following in zip(group, [*group[1:], None], strict=True):
            # After the last one, all ends but what belongs to the session.
            after = session if following is None else session.items[following]
            connection.send(("start", None))
            session.config.hook.pytest_runtest_protocol(item=session.items[index], nextitem=after)
            connection.send(("finish", None))
            if session.shouldfail or session.shouldstop:
                break
    pytest.exit("no tests are left", returncode=0)


def _next_group(connection: "Connection[Any, Any]") -> list[int]:
    connection.send(("ready", None))
    return cast("list[int]", connection.recv())


def _begin_anew(session: pytest.Session, output: TextIO) -> None:
    """A process of its own captures and prints for itself, and leaves it to the first one to remember what failed."""
    config, manager = session.config, session.config.pluginmanager
    if capture := manager.get_plugin("capturemanager"):
        capture.stop_global_capturing()
        capture.start_global_capturing()
        capture.suspend_global_capture()
    for name in ("terminalreporter", "lfplugin", "nfplugin", "stepwiseplugin"):
        if plugin := manager.get_plugin(name):
            manager.unregister(plugin)
    reporter = pytest.TerminalReporter(config, output)
    reporter.pytest_sessionstart(session)
    manager.register(reporter, "terminalreporter")
