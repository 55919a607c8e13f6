"""What tests of the core take for the records and alerts of a bridge is what a store has after the same."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.bridge_events import BridgeRecord
from connext_monitor.core.bridge_records import StoredBridgeRecord
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import BlockNumber, Hash32
from connext_monitor.core.transfer import ObservedChange, Provenance
from connext_monitor.store import bridge_events
from connext_monitor.store.store import Store
from tests.store.conftest import NewStore
from tests.world.bridge import block_gone, bridge_record, read_in
from tests.world.bridge_fold import BridgeFold
from tests.world.examples import examples
from tests.world.recording import put
from tests.world.transfers import ALPHA, sighting

BLOCKS = BlockRange(BlockNumber(1), BlockNumber(20))
NOW = datetime.fromtimestamp(sighting(10).block.timestamp, UTC) + timedelta(minutes=1)


class Seen(NamedTuple):
    """What comes of a transaction in one of two blocks: it is seen, the block goes, or it moves to another."""

    comes: str
    kind: str
    transaction: int
    block: int
    log_index: int
    provenance: Provenance


SEEN = st.builds(
    Seen,
    st.sampled_from(["is seen", "is seen", "goes", "moves"]),
    st.sampled_from(["Paused", "DiamondCut", "SequencerAdded", "RouterAdded"]),
    st.integers(1, 2),
    st.sampled_from([11, 11, 12]),
    st.integers(0, 1),
    st.sampled_from(Provenance),
)


def changes_of(history: list[list[Seen]]) -> Iterator[list[ObservedChange]]:
    """Those of each commit; as different endpoints see it, a transaction may stand in two blocks at once."""
    forks = dict.fromkeys((11, 12), "")

    def record_of(seen: Seen) -> BridgeRecord:
        at = sighting(seen.block, fork=forks[seen.block])
        return bridge_record(seen.kind, at, tx_hash=Hash32(bytes([seen.transaction]) * 32), log_index=seen.log_index)

    def change(seen: Seen) -> ObservedChange:
        if seen.comes == "is seen":
            return read_in(seen.provenance, record_of(seen))
        gone = block_gone(record_of(seen))
        if seen.comes == "moves":
            forks[seen.block] += "a"
            return replace(gone, bridge=(record_of(seen),), provenance=Provenance.COVERED)
        return gone

    for commit in history:
        yield [change(seen) for seen in commit]


async def stored(store: Store) -> list[StoredBridgeRecord]:
    blocks = await store.chains.stored(ALPHA, BLOCKS)
    hashes = [(ALPHA, block_hash) for _, block_hash in blocks.blocks]
    return await store.database.read(lambda connection: bridge_events.in_blocks(connection, hashes))


@pytest.mark.sqlite_only
@settings(examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(SEEN, min_size=1, max_size=2), max_size=6))
# A transaction in two blocks: its alert says what it changed in the one that opens it.
@example(
    [
        [Seen("is seen", "DiamondCut", 1, 11, 0, Provenance.HISTORY)],
        [Seen("is seen", "SequencerAdded", 1, 12, 1, Provenance.COVERED)],
    ]
)
async def test_a_store_has_the_records_and_alerts_that_the_fold_has(
    new_store: NewStore, history: list[list[Seen]]
) -> None:
    fold = BridgeFold(NOW)
    async with new_store() as store:
        for observed in changes_of(history):
            changed = len(fold.log)
            fold.commit(*observed)
            _, heard_of = await put(store, *observed, at=NOW)
            assert len(heard_of) == len(fold.log) - changed
            assert {record.record.identity: record for record in await stored(store)} == fold.stored
            alerts = [row.alert for row, _ in await store.alerts.listed(AlertState.OPEN, limit=50)]
            assert {alert.id: alert for alert in alerts} == fold.open
