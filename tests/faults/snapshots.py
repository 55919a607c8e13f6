"""Looks into a database from outside, again and again, while the monitor writes it."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.faults.truth import Event, Times, read_events, read_times
from tests.world.waiting import until

_PAUSE: Final = 0.001
"""Seconds between two looks: less than the monitor takes for a commit."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one look saw: what a process that was killed at that moment would leave.

    ``checkpoints`` and ``covered`` are block numbers by domain; ``accused`` the transfers with an open execute alert,
    ``undelivered`` those among them that no delivery is queued for.
    """

    events: set[Event]
    times: dict[str, Times]
    checkpoints: dict[int, int]
    covered: dict[int, int]
    accused: set[str]
    undelivered: set[str]


@asynccontextmanager
async def looking(database: Path) -> AsyncIterator[list[Snapshot]]:
    """Look within the block a moment after each commit; a look that saw nothing new is not kept."""
    seen: list[Snapshot] = []
    done = threading.Event()

    def go_on() -> None:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)) as connection:
            version = None
            while not done.wait(_PAUSE):
                if version == (version := connection.execute("PRAGMA data_version").fetchone()):
                    continue  # nobody has committed since: there is nothing new to read
                connection.execute("BEGIN")  # what follows sees one state of the file
                snapshot = _read(connection)
                connection.execute("COMMIT")
                if not seen or snapshot != seen[-1]:
                    seen.append(snapshot)

    looks = asyncio.create_task(asyncio.to_thread(go_on))
    try:
        yield seen
    finally:
        done.set()
        await looks


async def have_grown(seen: list[Snapshot], beyond: int) -> None:
    """Wait until a look has seen something new since there were so many."""
    await until(lambda: len(seen) > beyond)


def _read(connection: sqlite3.Connection) -> Snapshot:
    def rows(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query).fetchall()

    chains = rows("SELECT domain, checkpoint, covered_number FROM chains")
    accused = "SELECT subject FROM alerts WHERE kind = 'execute_overdue' AND state = 'open'"
    openings = "SELECT alert_id FROM deliveries WHERE change = 'opened'"
    return Snapshot(
        events=read_events(connection),
        times=read_times(connection),
        checkpoints={domain: checkpoint for domain, checkpoint, _ in chains},
        covered={domain: covered for domain, _, covered in chains if covered is not None},
        accused={subject for (subject,) in rows(accused)},
        undelivered={subject for (subject,) in rows(f"{accused} AND id NOT IN ({openings})")},
    )
