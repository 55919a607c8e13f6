"""What holds for every test: which lane it runs in, and that the processes which it starts have default signals."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

_TESTS = Path(__file__).parent
_NEEDS = {
    "bench": "process",
    "browser": "browser",
    "cli": "process",
    "devnet": "chain",
    "e2e": "chain",
    "faults": "chain",
    "store/test_database.py": "process",
    "store/test_killed.py": "process",
    "store/test_restore.py": "process",
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


_default_signals()
# For a second run of the same properties, on another Python.
settings.register_profile("few", max_examples=20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a chain, a browser or a process of ours, so that a lane can leave it out."""
    for item in items:
        path = Path(os.path.relpath(item.path, _TESTS))
        needs = _NEEDS.get(path.parts[0]) or _NEEDS.get(path.as_posix())
        if needs is not None:
            item.add_marker(needs)
