"""Runs tests in several processes, forked off the one that has loaded and collected them all.

Workers that begin for themselves, as xdist's do, each load and collect every test first, which takes them longer than
most of their tests do. A group of tests goes to whichever worker is free; a worker that dies fails the test that it was
running, and another one goes on with the rest.

Groups stand in queues, each with workers of its own: what waits most of its time can have more of them than there are
processors, and what computes meanwhile has some from the beginning. A worker whose queue is empty helps with another.
"""

import atexit
import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

_ENDS_WITHIN = 20.0


@dataclass(slots=True)
class _Worker:
    """A process that runs tests; ``left`` are those of its group that it has not finished, by their index.

    Its groups come from one queue for as long as that has any.
    """

    pid: int
    queue: "deque[list[int]]"
    pipe: "Connection[Any, Any]"
    node: SimpleNamespace
    left: list[int] = field(default_factory=list)
    last: int = 0
    ending: bool = False


def run_forked(session: pytest.Session, *queues: tuple[Iterable[list[int]], int]) -> None:
    """Run queues of groups of a session's tests, each with so many processes; a test is its index in ``session.items``.

    What they report is reported here. Raises `session.Failed` and `session.Interrupted` as pytest does.
    """
    run = _Run(session, [deque(groups) for groups, _ in queues])
    try:
        for queue, (_, count) in zip(run.queues, queues, strict=True):
            for _ in range(count):
                run.begin(queue)
        while run.workers:
            run.hear()
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
    finally:
        run.end_all()


class _Run:
    def __init__(self, session: pytest.Session, queues: "list[deque[list[int]]]") -> None:
        self.workers: list[_Worker] = []
        self.queues = queues
        self._session = session
        self._begun = 0

    def begin(self, queue: "deque[list[int]]") -> None:
        """Fork a worker off for a queue, and give it its first group, where there is any."""
        if not any(self.queues):
            return
        ours, theirs = Pipe()
        name = f"w{self._begun}"
        self._begun += 1
        pid = os.fork()
        if pid == 0:
            ours.close()
            for other in self.workers:
                other.pipe.close()
            _work(self._session, theirs, name)
        theirs.close()
        # What pytest writes of one of xdist's workers: so the terminal knows that reports of several files come mixed.
        node = SimpleNamespace(gateway=SimpleNamespace(id=name), _workerinfocache=f"[{name}]")
        worker = _Worker(pid, queue, ours, node)
        self.workers.append(worker)
        self._give(worker)

    def hear(self) -> None:
        """Wait until workers have something to tell, and act on it."""
        ready = wait([worker.pipe for worker in self.workers])
        for worker in [worker for worker in self.workers if worker.pipe in ready]:
            try:
                kind, value = worker.pipe.recv()
            except (EOFError, ConnectionResetError):
                self._ended(worker)
            else:
                self._act_on(worker, kind, value)

    def end_all(self) -> None:
        """End the workers that still run, which have time to end what they started."""
        for worker in self.workers:
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGINT)
        for worker in self.workers:
            with suppress(EOFError, OSError):
                while worker.pipe.poll(_ENDS_WITHIN):
                    worker.pipe.recv()
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
            os.waitpid(worker.pid, 0)
        self.workers.clear()

    def _act_on(self, worker: _Worker, kind: str, value: Any) -> None:
        hook = self._session.config.hook
        if kind == "report":
            report = hook.pytest_report_from_serializable(config=self._session.config, data=value)
            report.node = worker.node
            hook.pytest_runtest_logreport(report=report)
        elif kind == "finished":
            worker.left.remove(value)
            worker.last = value
            if not worker.left:
                self._give(worker)

    def _give(self, worker: _Worker) -> None:
        """The next group, of another queue where its own is empty, or word that there is none."""
        queue = worker.queue or next(filter(None, self.queues), worker.queue)
        worker.left = queue.popleft() if queue else []
        worker.ending = not worker.left
        with suppress(BrokenPipeError):  # it has died, which is heard next
            worker.pipe.send(list(worker.left))

    def _ended(self, worker: _Worker) -> None:
        self.workers.remove(worker)
        worker.pipe.close()
        code = os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])
        if worker.ending and code == 0:
            return
        died_in, rest = (worker.left[0], worker.left[1:]) if worker.left else (worker.last, [])
        self._session.config.hook.pytest_runtest_logreport(report=_death_in(self._session.items[died_in], code))
        if rest:
            worker.queue.appendleft(rest)
        self.begin(worker.queue)


def _death_in(item: pytest.Item, code: int) -> pytest.TestReport:
    words = f"the process of this test ended with {code}, which is a signal where it is negative"
    return pytest.TestReport(item.nodeid, item.location, {}, "failed", words, "call")


class _Teller:
    """Tells whoever forked this process what comes of its tests."""

    def __init__(self, config: pytest.Config, pipe: "Connection[Any, Any]") -> None:
        self._config = config
        self._pipe = pipe

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._pipe.send(("report", data))


def _work(session: pytest.Session, pipe: "Connection[Any, Any]", name: str) -> NoReturn:
    """Run the groups that come through the pipe, and end this process."""
    code = 1
    try:
        _become_worker(session.config, name)
        session.config.pluginmanager.register(_Teller(session.config, pipe))
        last = _run_groups(session, pipe)
        _tear_down(last)
        code = 0
    except (KeyboardInterrupt, EOFError, BrokenPipeError):
        with suppress(BaseException):
            session._setupstate.teardown_exact(None)
    except BaseException:  # noqa: BLE001 - nothing may come back to where this was forked off
        traceback.print_exc()
    with suppress(BaseException):
        atexit._run_exitfuncs()
    os._exit(code)


def _become_worker(config: pytest.Config, name: str) -> None:
    """Have what this process writes to the terminal, captures and keeps by itself."""
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    if capture.is_globally_capturing():
        capture.stop_global_capturing()
        capture.start_global_capturing()
        capture.suspend_global_capture()
    terminal: Any = config.pluginmanager.getplugin("terminalreporter")
    terminal._tw._file = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until it ends
    factory: Any = config._tmp_path_factory  # type: ignore[attr-defined]
    folder = factory.getbasetemp() / name
    folder.mkdir(mode=0o700)
    factory._basetemp = folder


def _run_groups(session: pytest.Session, pipe: "Connection[Any, Any]") -> pytest.Item:
    last = session.items[0]
    while group := pipe.recv():
        for index, after in zip(group, [*group[1:], None], strict=True):
            last = session.items[index]
            # Whatever comes after a group, only what the session shares is left to it.
            following: Any = session if after is None else session.items[after]
            last.config.hook.pytest_runtest_protocol(item=last, nextitem=following)
            pipe.send(("finished", index))
    return last


def _tear_down(last: pytest.Item) -> None:
    """End what the session shares, and report it as a failure of the last test where that fails."""
    state: Any = last.session._setupstate
    ending: Callable[[], None] = lambda: state.teardown_exact(None)  # noqa: E731
    call = pytest.CallInfo.from_call(ending, when="teardown")
    if call.excinfo is not None:
        report = last.config.hook.pytest_runtest_makereport(item=last, call=call)
        last.config.hook.pytest_runtest_logreport(report=report)
