"""What a process leaves in a database's files that is killed (kill -9) before any of its statements.

The system keeps whatever a process has written, so what one leaves that is killed before a statement is what its files
hold at that moment: one process works to the end, and the files are copied before each of its statements. That this is
what a killed process leaves is seen at some statements, in processes that kill themselves there.
"""

import asyncio
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.batch import ChainProgress, UnreadableLog
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.queue import Topic
from connext_monitor.store.executor import MakeExecutor, Threads
from connext_monitor.store.store import Store
from tests.world.databases import watching
from tests.world.processes import ROOT, Command, process_environ, run
from tests.world.recording import NAMES, NOW, accuse, commit, gone, put, seen
from tests.world.transfers import ALPHA, BETA, executed, info, reconciled, sighting, xcalled

PARTS = ("", "-wal", "-journal")
"""Endings of a database's files; what its processes share (-shm) is made anew by whoever opens what nobody has open."""
Work = Callable[[Path, MakeExecutor], Coroutine[Any, Any, None]]

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


WORKS: dict[str, Work] = {work.__name__: work for work in (make, change, gather, open_alert)}


async def left_before_each_statement(work: Work, file: Path, folder: Path) -> list[Path]:
    """Work on a file to the end; the files that there would be, had it been killed before each of its statements."""
    left: list[Path] = []

    def copy(_statement: str) -> None:
        left.append(folder / f"{len(left) + 1}.db")
        for part in PARTS:
            if (there := Path(f"{file}{part}")).exists():
                shutil.copyfile(there, f"{left[-1]}{part}")

    await work(file, watching(copy))
    return left


def kill_before(statement: int, work: Work, file: Path) -> None:
    """Do this work on the file in a process that kills itself before that statement, the first being 1."""
    script = f"from tests.store.killing import killed; killed({work.__name__!r}, {str(file)!r}, {statement})"
    ended = run(Command([], ROOT, process_environ(), script))
    assert ended.code == -signal.SIGKILL, ended.said


def killed(work: str, file: str, statement: int) -> None:
    """What that process does."""
    left = [statement]

    def count(_statement: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(WORKS[work](Path(file), watching(count)))


def contents(file: Path) -> list[str]:
    """Everything in the file, in SQL, as another program reads it."""
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())
