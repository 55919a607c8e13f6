"""What a run left behind: what was owed on the chains, what the monitor stored, what its channels took."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.faults import truth
from tests.faults.truth import Readable
from tests.soak.channel import Taken
from tests.soak.disturbances import Disturbance
from tests.soak.reorgs import Reorg


@dataclass(frozen=True, slots=True)
class Leg:
    """Something that a transfer was owed; ``due`` and ``arrived`` are block times, Unix seconds."""

    transfer_id: str
    kind: str
    origin: str
    destination: str
    due: int
    arrived: int | None

    @property
    def in_time(self) -> bool:
        """Whether it arrived by its deadline."""
        return self.arrived is not None and self.arrived <= self.due

    @property
    def resolution(self) -> str:
        """How an alert about it ends once it arrives."""
        return {EXECUTE: "executed", RECONCILE: "reconciled"}[self.kind]


EXECUTE, RECONCILE = "execute_overdue", "reconcile_overdue"
"""The alerts that a leg may have."""


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert as the database has it in the end; instants are Unix seconds."""

    id: str
    kind: str
    subject: str
    opened: float
    resolved: float | None
    resolution: str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a run is judged by.

    ``taken`` goes by the channels' names, the instants of ``reorgs`` are Unix times, ``end`` is when the monitor was
    stopped.
    """

    legs: Sequence[Leg]
    alerts: Sequence[StoredAlert]
    taken: Mapping[str, Sequence[Taken]]
    disturbances: Sequence[Disturbance]
    unobserved_after: float
    end: float
    reorgs: Sequence[Reorg] = ()


def legs_of(events: Iterable[truth.Event], chains: Mapping[int, str], durations: Mapping[str, int]) -> list[Leg]:
    """What each transfer between two ``chains`` (names by domain) was owed; ``durations`` go by the kind of alert."""
    times = truth.times(set(events))
    legs = []
    for event in sorted(events):
        if event.kind == "xcalled":
            (other,) = chains.keys() - {event.domain}
            called, executed, reconciled = times[event.transfer_id]
            assert called is not None
            legs += [
                Leg(event.transfer_id, kind, chains[event.domain], chains[other], called + durations[kind], arrived)
                for kind, arrived in ((EXECUTE, executed), (RECONCILE, reconciled))
            ]
    return legs


def stored_alerts(database: Path) -> list[StoredAlert]:
    """All alerts in a database's file, the oldest first."""
    with closing(_opened(database)) as connection:
        return read_alerts(connection)


def read_alerts(connection: Readable) -> list[StoredAlert]:
    """The same, on a connection."""
    columns = "id, kind, subject, opened_ms, resolved_ms, resolution"
    rows = connection.execute(f"SELECT {columns} FROM alerts ORDER BY row")  # noqa: S608 - the names are ours
    return [
        StoredAlert(id_, kind, subject, opened / 1000, None if resolved is None else resolved / 1000, resolution)
        for id_, kind, subject, opened, resolved, resolution in rows
    ]


def differences(
    database: Path, events: set[truth.Event], chains: Iterable[truth.ChainTruth], durations: Mapping[str, int]
) -> list[str]:
    """Where the records of a monitor at rest are not what the chains and the ``durations`` of deadlines say."""
    with closing(_opened(database)) as connection:
        return read_differences(connection, events, chains, durations)


def read_differences(
    connection: Readable, events: set[truth.Event], chains: Iterable[truth.ChainTruth], durations: Mapping[str, int]
) -> list[str]:
    """The same, on a connection."""
    stored, times = truth.read_events(connection), truth.read_times(connection)
    differing = [f"not recorded: {event}" for event in sorted(events - stored)]
    differing += [f"recorded, and not on the chain: {event}" for event in sorted(stored - events)]
    of_chains = truth.times(events)
    differing += [
        f"{transfer_id} is recorded with {times.get(transfer_id)}, and the chains say {of_chains.get(transfer_id)}"
        for transfer_id in sorted(times.keys() | of_chains.keys())
        if times.get(transfer_id) != of_chains.get(transfer_id)
    ]
    differing += _due_differs(connection, durations)
    differing += [words for chain in chains for words in _coverage_differs(connection, chain)]
    [(waiting,)] = connection.execute("SELECT count(*) FROM deliveries WHERE pending")
    return differing + ([f"{waiting} messages have not been delivered"] if waiting else [])


def _due_differs(connection: Readable, durations: Mapping[str, int]) -> list[str]:
    columns = "transfer_id, xcalled_at, execute_due_at, reconcile_due_at"
    rows = connection.execute(f"SELECT {columns} FROM transfers WHERE xcalled_at IS NOT NULL")  # noqa: S608 - the names are ours
    return [
        f"0x{transfer_id.hex()} is recorded as due at {due}"
        for transfer_id, called, *due in rows
        if due != [called + durations[EXECUTE], called + durations[RECONCILE]]
    ]


def _coverage_differs(connection: Readable, chain: truth.ChainTruth) -> list[str]:
    rows = connection.execute("SELECT domain, covered_number, contiguous_nonce, next_nonce FROM chains")
    recorded = {domain: marks for domain, *marks in rows}
    if chain.domain not in recorded:
        return [f"domain {chain.domain} is not recorded at all"]
    covered, contiguous, next_nonce = recorded[chain.domain]
    differing = []
    if covered is None or covered < chain.last_event:
        differing.append(
            f"domain {chain.domain} is covered up to {covered}, and its last event is in {chain.last_event}"
        )
    if not contiguous == next_nonce == chain.nonce:
        proven = f"proven up to {contiguous} of {next_nonce}"
        differing.append(f"domain {chain.domain}'s nonces are {proven}; the chain says {chain.nonce}")
    return differing


def _opened(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{database}?mode=ro", uri=True)
