"""What the parts of the way cost without us: fetching and parsing answers, and inserting rows."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import connect

from connext_monitor.store.connection import WRITER_PRAGMAS
from connext_monitor.store.schema import events, transfers
from connext_monitor.store.store import Store
from scripts.bench.bridge_node import MOST_LOGS
from scripts.bench.made_up_bridge import Bridge

_KEPT = [column.name for column in transfers.c]


class _Log(msgspec.Struct, rename="camel"):
    address: str
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str
    removed: bool


class _Answer(msgspec.Struct):
    result: list[_Log]


def fetch_and_parse(bridge: Bridge, urls: Sequence[str]) -> tuple[float, int]:
    """Ask for all logs of both chains, in answers about as large as the node allows; the seconds, the logs in one."""
    return asyncio.run(_fetch_and_parse(bridge, urls))


async def _fetch_and_parse(bridge: Bridge, urls: Sequence[str]) -> tuple[float, int]:
    decode = msgspec.json.Decoder(_Answer).decode
    started, logs, span = time.perf_counter(), 0, bridge.span(MOST_LOGS)
    for chain, url in enumerate(urls):
        async with connect(url, compression=None, max_size=None, ping_interval=None) as connection:
            for first in range(1, bridge.head(chain) + 1, span):
                asked = [{"fromBlock": hex(first), "toBlock": hex(min(bridge.head(chain), first + span - 1))}]
                await connection.send(
                    msgspec.json.encode({"id": 1, "method": "eth_getLogs", "params": asked}), text=True
                )
                logs += len(decode(await connection.recv(decode=False)).result)
    if logs != 3 * bridge.transfers:
        raise RuntimeError(f"fetched {logs} logs")
    return time.perf_counter() - started, bridge.logs_between(1, span)


def insert(filled: Path, file: Path, batch: int) -> tuple[float, int]:
    """Insert the rows that a filled database has into a new one, ``batch`` events and their transfers a commit."""
    rows = list(_batches(filled, batch))
    asyncio.run(_make(file))
    return _insert(file, rows), batch


async def _make(file: Path) -> None:
    await (await Store.open(file, {})).close()


def _insert(file: Path, batches: Sequence[tuple[list[Any], list[Any]]]) -> float:
    added, changed = _statements()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for pragma in WRITER_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        started = time.perf_counter()
        for event_rows, transfer_rows in batches:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(changed, transfer_rows)
            connection.executemany(added, event_rows)
            connection.commit()
        return time.perf_counter() - started


def _statements() -> tuple[str, str]:
    """One event more; one transfer more, or as it is now."""
    added = [column.name for column in events.c if column.name != "id"]
    replaced = ", ".join(f"{name} = excluded.{name}" for name in _KEPT if name not in {"id", "transfer_id"})
    upsert = f"ON CONFLICT (id) DO UPDATE SET {replaced}"
    return (  # the names are the schema's
        f"INSERT INTO events ({', '.join(added)}) VALUES ({', '.join('?' * len(added))})",  # noqa: S608 - see above
        f"INSERT INTO transfers ({', '.join(_KEPT)}) VALUES ({', '.join('?' * len(_KEPT))}) {upsert}",  # noqa: S608 - see above
    )


def _batches(filled: Path, batch: int) -> Iterator[tuple[list[Any], list[Any]]]:
    """The events in the order in which they were stored, each batch with the transfers that it changes."""
    with closing(sqlite3.connect(filled)) as connection:
        by_id = {row[0]: row for row in connection.execute(f"SELECT {', '.join(_KEPT)} FROM transfers")}  # noqa: S608 - the schema's
        cursor = connection.execute("SELECT * FROM events ORDER BY id")
        while rows := cursor.fetchmany(batch):
            yield (
                [row[1:] for row in rows],
                [by_id[transfer] for transfer in dict.fromkeys(row[1] for row in rows)],
            )
