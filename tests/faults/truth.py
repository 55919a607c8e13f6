"""What happened, as the chains themselves say, and what the database says; both read without the program's code."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from scripts.devnet import Chain
from tests.faults.hooks import Json

KINDS = {
    "0xed8e6ba697dd65259e5ce532ac08ff06d1a3607bcec58f8f0937fe36a5666c54": "xcalled",
    "0x0b07a8b0b083f8976b3c832b720632f49cb8ba1e7a99e1b145f51a47d3391cb7": "executed",
    "0x30bf44531c04b96173a40012c90db840a147cf7d50a3e160f5227f1af2faa3a0": "reconciled",
}
"""The events by their topic0."""
STORED_KINDS = {1: "xcalled", 2: "executed", 3: "reconciled"}
"""The events by the numbers that they are stored as."""

Times = tuple[int | None, int | None, int | None]
"""When a transfer was xcalled, executed and reconciled; None where it was not."""


class Readable(Protocol):
    """A connection of either engine's driver."""

    def execute(self, query: str, /) -> Iterable[Any]:
        """The rows that a query has for an answer."""


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """One event where it stands; hashes and ids are 0x hex, ``timestamp`` is the block's."""

    domain: int
    block: int
    kind: str
    transfer_id: str
    block_hash: str
    tx_hash: str
    log_index: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class ChainTruth:
    """A chain's own word in the end: how many transfers began on it, and the last block with an event of the bridge."""

    domain: int
    nonce: int
    last_event: int


async def standing(chain: Chain, first: int) -> set[Event]:
    """The bridge's events from block ``first`` on, as the node itself has them now."""
    log_filter = {"address": chain.contract, "fromBlock": hex(first), "toBlock": "latest", "topics": [list(KINDS)]}
    logs: list[Json] = await chain.rpc("eth_getLogs", [log_filter])
    return {_event(chain.domain_id, log) for log in logs}


async def standing_on(chains: Sequence[Chain], firsts: Sequence[int]) -> tuple[set[Event], list[ChainTruth]]:
    """The same of several chains, each from its first block on, and what else they say."""
    events: set[Event] = set()
    truths = []
    for chain, first in zip(chains, firsts, strict=True):
        here = await standing(chain, first)
        last = max((event.block for event in here), default=0)
        truths.append(ChainTruth(chain.domain_id, await chain.nonce(), last))
        events |= here
    return events, truths


def stored(database: Path) -> set[Event]:
    """All events in a database."""
    with closing(_opened(database)) as connection:
        return read_events(connection)


def read_events(connection: Readable) -> set[Event]:
    """The same, on a connection."""
    columns = "domain, block_number, kind, transfer_id, block_hash, tx_hash, log_index, block_at"
    return {
        Event(domain, block, STORED_KINDS[kind], _hex(transfer_id), _hex(block_hash), _hex(tx_hash), log_index, at)
        for domain, block, kind, transfer_id, block_hash, tx_hash, log_index, at in connection.execute(
            f"SELECT {columns} FROM events JOIN transfers ON transfers.id = events.transfer"  # noqa: S608 - the names are ours
        )
    }


def times(events: set[Event]) -> dict[str, Times]:
    """When each transfer was xcalled, executed and reconciled."""
    when = {(event.transfer_id, event.kind): event.timestamp for event in events}
    return {
        transfer_id: (
            when.get((transfer_id, "xcalled")),
            when.get((transfer_id, "executed")),
            when.get((transfer_id, "reconciled")),
        )
        for transfer_id, _ in when
    }


def stored_times(database: Path) -> dict[str, Times]:
    """The same, as the stored transfers say."""
    with closing(_opened(database)) as connection:
        return read_times(connection)


def read_times(connection: Readable) -> dict[str, Times]:
    """The same, on a connection."""
    rows = connection.execute("SELECT transfer_id, xcalled_at, executed_at, reconciled_at FROM transfers")
    return {_hex(row[0]): (row[1], row[2], row[3]) for row in rows}


def accused(database: Path) -> set[str]:
    """The transfers that were ever said to be executed late."""
    with closing(_opened(database)) as connection:
        return {row[0] for row in connection.execute("SELECT subject FROM alerts WHERE kind = 'execute_overdue'")}


def _event(domain: int, log: Json) -> Event:
    return Event(
        domain,
        int(log["blockNumber"], 16),
        KINDS[log["topics"][0]],
        log["topics"][1],
        log["blockHash"],
        log["transactionHash"],
        int(log["logIndex"], 16),
        int(log["blockTimestamp"], 16),
    )


def _opened(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{database}?mode=ro", uri=True)


def _hex(raw: bytes) -> str:
    return f"0x{raw.hex()}"
