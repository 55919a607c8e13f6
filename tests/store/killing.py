"""Work on a database in processes that kill themselves at their n-th statement, for every n until one survives.

Run as ``python -m tests.store.killing WORK FOLDER``: each process works on ``FOLDER/n.db``, a copy of
``FOLDER/prepared.db`` where there is one, and the number of the one that survived is printed. What takes long to
import is imported once; each process is forked off before there is any thread or event loop.
"""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.batch import ChainProgress, UnreadableLog
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.queue import Topic
from connext_monitor.store import migration  # noqa: F401 - what each process would load by itself
from connext_monitor.store.executor import MakeExecutor, Threads
from connext_monitor.store.store import Store
from tests.world.databases import watching
from tests.world.recording import NAMES, NOW, accuse, commit, gone, put, seen
from tests.world.transfers import ALPHA, BETA, executed, info, reconciled, sighting, xcalled

Work = Callable[[Path, MakeExecutor], Awaitable[None]]

CALLED = [xcalled(info(nonce), sighting(10 + nonce)) for nonce in range(3)]
EXECUTED = executed(info(0), sighting(20))
PROGRESS = ChainProgress(BETA, Coverage(BlockNumber(0), BlockNumber(20), sighting(30).block), 0, 1)
ORIGIN_BEFORE = ChainProgress(ALPHA, Coverage(BlockNumber(0), BlockNumber(9), sighting(15).block), 0, 3)
ORIGIN = ChainProgress(ALPHA, Coverage(BlockNumber(0), BlockNumber(10), sighting(16).block), next_nonce=2)


async def prepare(file: Path) -> None:
    """Three transfers whose nonces are whole; the execution of the first two is called overdue."""
    store = await Store.open(file, NAMES)
    await put(store, seen(*CALLED), progress=[ORIGIN_BEFORE])
    for called in CALLED[:2]:
        await accuse(store, called, "ops", "desk")
    await store.close()


async def make(file: Path, executor: MakeExecutor = Threads) -> None:
    """Make a database."""
    await (await Store.open(file, NAMES, executor=executor)).close()


async def change(file: Path, executor: MakeExecutor = Threads) -> None:
    """Commit a batch that touches everything.

    A leg arrives and ends an alert, a reorg takes back a transfer and its nonce and ends another, a third gets a leg,
    a log cannot be read, and both checkpoints move.
    """
    store = await Store.open(file, NAMES, executor=executor)
    changes = [gone(CALLED[1]), seen(EXECUTED, reconciled(info(2), sighting(22)))]
    bad = [UnreadableLog(BETA, b"raw", "it is no log")]
    await commit(store, *changes, progress=[PROGRESS, ORIGIN], unreadable=bad)
    await store.close()


async def gather(file: Path, executor: MakeExecutor = Threads) -> None:
    """Make a group of what waits."""
    store = await Store.open(file, NAMES, executor=executor)
    await store.outbox.form_group("ops", Topic(EXECUTE_OVERDUE, (ALPHA, BETA)), 0, NOW)
    await store.close()


async def open_alert(file: Path, executor: MakeExecutor = Threads) -> None:
    """Call another leg overdue: an alert, and its deliveries."""
    store = await Store.open(file, NAMES, executor=executor)
    await accuse(store, CALLED[2], "ops", "desk")
    await store.close()


def survivor(work: str, folder: Path) -> int:
    """Run this module on a folder; the number of the process that survived."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.store.killing", work, str(folder)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        check=True,
    )
    return int(ended.stdout.split()[-1])  # behind what was logged


def _killed_at(statement: int, work: Work, file: Path) -> None:
    left = [statement]

    def count(_statement: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    async def run() -> None:
        await work(file, watching(count))

    asyncio.run(run())


def _until_one_survives(work: Work, folder: Path) -> int:
    statement, status = 0, -signal.SIGKILL
    while status == -signal.SIGKILL:
        statement += 1
        file = folder / f"{statement}.db"
        if (folder / "prepared.db").exists():
            shutil.copy(folder / "prepared.db", file)
        child = os.fork()
        if child == 0:
            _killed_at(statement, work, file)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 0:
        raise RuntimeError(f"process {statement} ended with {status}")
    return statement


def contents(file: Path) -> list[str]:
    """Everything in the file, in SQL, as another program reads it."""
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


if __name__ == "__main__":
    works = {"make": make, "change": change, "gather": gather, "open_alert": open_alert}
    sys.stdout.write(str(_until_one_survives(works[sys.argv[1]], Path(sys.argv[2]))))
