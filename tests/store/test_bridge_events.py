"""What the bridge says besides its transfers is stored with what was read, and taken back with its block."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.bridge_records import StoredBridgeRecord
from connext_monitor.core.coverage import BlockRange, Coverage, RecordedMeanwhile, SettledBlocks
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.transfer import Provenance
from connext_monitor.store import bridge_events
from connext_monitor.store.store import Store
from tests.world.bridge import block_gone, bridge_record, read_in
from tests.world.recording import put
from tests.world.transfers import ALPHA, sighting

PAUSED = bridge_record("Paused")
ADDED = bridge_record("RouterLiquidityAdded", 11, log_index=2)
BLOCKS = BlockRange(BlockNumber(1), BlockNumber(20))


async def kept(store: Store) -> list[StoredBridgeRecord]:
    blocks = await store.chains.stored(ALPHA, BLOCKS)
    hashes = [(ALPHA, block_hash) for _, block_hash in blocks.blocks]
    return await store.database.read(lambda connection: bridge_events.in_blocks(connection, hashes))


async def test_what_is_recorded_is_read_back_and_known_of_its_block(store: Store) -> None:
    await put(store, read_in(Provenance.COVERED, PAUSED, ADDED))
    assert await kept(store) == [StoredBridgeRecord(PAUSED, covered=True), StoredBridgeRecord(ADDED, covered=True)]
    stored = await store.chains.stored(ALPHA, BLOCKS)
    assert stored.blocks == {(10, PAUSED.block.hash), (11, ADDED.block.hash)}


async def test_a_block_that_is_gone_takes_what_was_said_in_it_along(store: Store) -> None:
    await put(store, read_in(Provenance.COVERED, PAUSED, ADDED))
    await put(store, block_gone(PAUSED))
    assert [stored.record for stored in await kept(store)] == [ADDED]


async def test_pushed_and_covered_it_is_one_row(store: Store) -> None:
    await put(store, read_in(Provenance.PUSHED, replace(ADDED, log_index=7)))
    await put(store, read_in(Provenance.COVERED, ADDED))
    await put(store, read_in(Provenance.PUSHED, replace(ADDED, log_index=7)))
    assert await kept(store) == [StoredBridgeRecord(ADDED, covered=True)]


async def test_no_block_becomes_final_with_what_its_reader_did_not_know(store: Store) -> None:
    coverage = Coverage(BlockNumber(1), BlockNumber(15), sighting(20).block)
    progress = ChainProgress(ALPHA, coverage, settled=SettledBlocks(BlockRange(BlockNumber(1), BlockNumber(15)), set()))
    pushed, covered = read_in(Provenance.PUSHED, PAUSED), read_in(Provenance.COVERED)
    with pytest.raises(RecordedMeanwhile):
        await put(store, pushed, covered, progress=[progress])
    await put(store, pushed)
    with pytest.raises(RecordedMeanwhile):
        await put(store, covered, progress=[progress])


async def test_a_covered_change_opens_its_alert_in_the_same_commit_once(store: Store) -> None:
    cut, at = bridge_record("DiamondCut"), datetime.fromtimestamp(PAUSED.block.timestamp + 60, UTC)
    assert (await put(store, read_in(Provenance.PUSHED, cut), at=at))[1] == []
    [alert_id] = (await put(store, read_in(Provenance.COVERED, cut), at=at))[1]
    assert alert_id == f"bridge_changed:alpha:0x{cut.tx_hash.hex()}"
    elsewhere = bridge_record("DiamondCut", sighting(11, fork="b"))
    assert (await put(store, read_in(Provenance.COVERED, cut, elsewhere), at=at))[1] == []
    assert (await put(store, block_gone(cut), at=at))[1] == []
    assert (await put(store, block_gone(elsewhere), at=at))[1] == [alert_id]
