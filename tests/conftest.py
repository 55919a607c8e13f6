"""What holds for every test: the lane it runs in, its turn among several workers, and default signals."""

import gc
import logging
import os
import re
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import structlog
from hypothesis import find, settings, strategies

from tests.forked_workers import run_forked
from tests.selection import all_but_one_of_each_file, paths_that_exist, samples_between
from tests.world.processes import load

_TESTS = Path(__file__).parent
_NEEDS = {
    "bench": "process",
    "browser": "browser",
    "cli": "process",
    "cluster": "chain",
    "devnet": "chain",
    "e2e": "chain",
    "faults": "chain",
    "process/test_connections.py": "process",
    "process/test_forks.py": "process",
    "process/test_stop.py": "process",
    "process/test_streams.py": "process",
    "simulation/test_hunt.py": "process",
    "simulation/test_two_processes.py": "process",
    "soak/test_lives.py": "process",
    "soak/test_soak.py": "chain",
    "store/test_database.py": "process",
    "store/test_killed.py": "process",
    "store/test_lock.py": "process",
    "store/test_restore.py": "process",
    "test_forked_workers.py": "process",
    "test_signals.py": "process",
}
"""What the tests in a folder or a file need beside themselves; a marker of pyproject.toml each."""


def _default_signals() -> None:
    # A shell that is no terminal's starts what it puts into the background with SIGINT ignored, as some CI runners do,
    # and every process would inherit that: Ctrl-C, as tests send it, would do nothing to it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _plain_log() -> None:
    # structlog's default has rich show all local variables in a traceback: half a minute where they hold many logs.
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])


def _few_collections_of_garbage() -> None:
    # With Python's own threshold, two fifths of the time of collecting the tests go into looking for garbage.
    gc.set_threshold(20_000, 10, 10)


_default_signals()
_plain_log()
_LOG = structlog.get_config()
_few_collections_of_garbage()
# The machines that run this are slow and shared: how long an example takes says nothing about the code. Every run draws
# other examples, so that a fifth of Hypothesis' hundred are enough in each.
settings.register_profile("unhurried", deadline=None, max_examples=20)
settings.load_profile("unhurried")
settings.register_profile("few", settings.get_profile("unhurried"), max_examples=6)  # for the quick lane
# For `scripts/test most`, which runs what draws, and nothing else.
settings.register_profile("most", settings.get_profile("unhurried"), max_examples=200)
# For other Pythons: what they may do otherwise shows in nearly any example.
settings.register_profile("fewest", settings.get_profile("unhurried"), max_examples=3)


@pytest.fixture(autouse=True)
def log_as_configured() -> Iterator[None]:
    """Each test begins with the log of tests, whatever another one configured, as the program does when it starts."""
    root, own = logging.getLogger(), logging.getLogger("connext_monitor")
    handlers, level, own_level = list(root.handlers), root.level, own.level
    structlog.configure(**_LOG)
    yield
    root.handlers[:] = handlers
    for logger, before in ((root, level), (own, own_level)):
        if logger.level != before:  # to set it clears the caches of all loggers
            logger.setLevel(before)


@cache
def _needs(file: Path) -> str | None:
    path = Path(os.path.relpath(file, _TESTS))
    return _NEEDS.get(path.as_posix().partition("/")[0]) or _NEEDS.get(path.as_posix())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Not even import what the lane leaves out: web3 and the browser's library take a second."""
    lane, needs = config.getoption("markexpr"), _needs(collection_path)
    if needs or collection_path.suffix != ".py":
        return True if needs and f"not {needs}" in lane else None
    on_server = "server" in lane and collection_path.is_relative_to(_TESTS / "store")
    return True if lane and "not" not in lane and not on_server else None


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Mark what needs a chain, a browser or a process of ours, so that a lane can leave it out; it also comes first.

    Such a test mostly waits. What only computes fills the processors meanwhile, and the end of the run. What a lane
    leaves out is out when the samples of a test are counted.
    """
    for item in items:
        if unknown := {"chain", "process", "browser"} & {mark.name for mark in item.iter_markers()}:
            raise pytest.UsageError(
                f"{item.nodeid} is marked {unknown}: conftest.py says what the tests of a file need."
            )
        if needs := _needs(item.path):
            item.add_marker(needs)
    order = ["chain", "process", "browser", None]
    items.sort(key=lambda item: order.index(_needs(item.path)))
    yield
    _leave_out(config, items)


def _leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep of a test with parameters the first and the last, and of a file one, where no more are asked for."""
    left_out: set[pytest.Item] = set()
    if config.option.few_samples:
        left_out = samples_between(items)
    if config.option.drawn:
        kept = [item for item in items if item not in left_out]
        left_out |= all_but_one_of_each_file(kept, paths_that_exist(config.option.whole), config.option.drawn)
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave all that is loaded by now out of later collections of garbage."""
    gc.freeze()
    if session.config.option.forks:
        # Hypothesis makes a table of all characters when it first draws a text, and keeps it in .hypothesis for each
        # version of Unicode. Without it, each worker would make its own.
        find(strategies.text(), lambda _drawn: True)


def pytest_addoption(parser: pytest.Parser) -> None:
    """How many processes run the tests, and each on how many of its samples: as the scripts say."""
    parser.addoption("--forks", type=int, default=0, help="run the tests in so many processes")
    parser.addoption("--beside", type=int, default=0, help="and what needs nothing of its own in so many more")
    parser.addoption("--few-samples", action="store_true", help="run a test with its first and its last parameters")
    parser.addoption("--drawn", metavar="SEED", help="run one test of each file, which SEED determines")
    parser.addoption("--whole", action="append", default=[], metavar="PATH", help="but this file or folder whole")


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run tests of one file by one process; where they take long and share nothing, each by whichever is free."""
    config = session.config
    if not config.option.forks or config.option.collectonly or session.testsfailed:
        return None
    waiting: dict[str, list[int]] = {}
    computing: dict[str, list[int]] = {}
    for index, item in enumerate(session.items):
        waits = _needs(item.path) or item.get_closest_marker("server")
        (waiting if waits else computing).setdefault(_group_of(item), []).append(index)
    if any(_needs(item.path) in {"chain", "process"} for item in session.items):
        load()
    run_forked(session, (waiting.values(), config.option.forks), (computing.values(), config.option.beside))
    return True


def _group_of(item: pytest.Item) -> str:
    if _needs(item.path) == "browser":
        return "browser"  # whose start takes longer than a test
    name, _, test = item.nodeid.partition("::")
    shared = _shared_in(item.path) if _needs(item.path) else "file"
    return name + {"file": "", "parameter": test.partition("[")[2], "nothing": test}[shared]


@cache
def _shared_in(file: Path) -> str:
    """What the tests of a file have in common, by the scope of its fixtures."""
    fixture = re.search(r'scope="module"(.*params=)?', file.read_text(encoding="utf-8"))
    return "nothing" if fixture is None else "parameter" if fixture[1] else "file"
