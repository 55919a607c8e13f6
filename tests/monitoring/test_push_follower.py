"""Logs that are pushed and not believed: their block rules them out, or nothing follows from them before it is read."""

from dataclasses import replace
from pathlib import Path

import pytest

from connext_monitor.core.bloom import LogMask
from connext_monitor.core.bridge_events import BRIDGE_EVENTS
from connext_monitor.core.coverage import Aim, BlockRange
from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable, TroubleKind
from connext_monitor.core.decoding import EVENT_TOPICS
from connext_monitor.core.events import Address, BlockNumber, Hash32, RawLog, Timestamp
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.observation import Observation, record
from tests.monitoring.checking import checking
from tests.monitoring.coverers_store import CoverersStore
from tests.monitoring.covering import covering
from tests.monitoring.following import follow
from tests.monitoring.made_up_chain import Chain, hash_at
from tests.monitoring.made_up_logs import ORIGIN, xcalled_raw
from tests.world.waiting import until

BLOCK = BlockNumber(30)
ALL = BlockRange(BlockNumber(1), BlockNumber(100))
PUSHED = replace(xcalled_raw(1), block_number=BLOCK, block_hash=hash_at(BLOCK))


def filter_of(raw: RawLog, topic: bytes) -> bytes:
    """The filter of a block with one log of the same contract, of this kind."""
    mask = LogMask.of(raw.address, [topic])
    return (mask.address | mask.topics[0]).to_bytes(256)


@pytest.mark.parametrize(
    ("bloom", "believed"),
    [
        (filter_of(PUSHED, PUSHED.topics[0]), True),
        (filter_of(PUSHED, EVENT_TOPICS[1]), False),
        (filter_of(replace(PUSHED, address=Address(bytes(20))), PUSHED.topics[0]), False),
        (bytes(256), True),
        (None, True),
    ],
    ids=["claimed", "another event", "another contract", "empty", "none"],
)
async def test_a_pushed_log_that_its_filter_rules_out_is_not_recorded(
    tmp_path: Path, bloom: bytes | None, *, believed: bool
) -> None:
    async with checking(tmp_path) as real, covering(Chain(20), CoverersStore(real)) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        await announce(40)
        coverer.state.headers.add(Header(BLOCK, PUSHED.block_hash, hash_at(29), Timestamp(1_000_030), bloom))
        coverer.state.verified.add(PUSHED.block_hash)
        await follow(coverer, real.queue, PUSHED)
        await record(real.queue, Observation(ORIGIN))
        stored = (await real.store.chains.stored(ORIGIN, ALL)).blocks
        assert stored == ({(BLOCK, PUSHED.block_hash)} if believed else set())


async def test_what_is_pushed_beside_transfers_is_read_and_not_recorded(tmp_path: Path) -> None:
    topics, data = BRIDGE_EVENTS["Paused"].encode(account="0x" + "5e" * 20)
    paused = replace(PUSHED, topics=tuple(map(Hash32, topics)), data=data)
    async with checking(tmp_path) as real, covering(Chain(20), CoverersStore(real)) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        await announce(40)
        coverer.state.headers.add(Header(BLOCK, PUSHED.block_hash, hash_at(29), Timestamp(1_000_030), None))
        coverer.state.verified.add(PUSHED.block_hash)
        assert (await follow(coverer, real.queue, paused)).reorg_hinted
        await record(real.queue, Observation(ORIGIN))
        assert (await real.store.chains.stored(ORIGIN, ALL)).blocks == set()
        assert not (await follow(coverer, real.queue, PUSHED)).reorg_hinted


async def test_what_an_outage_kept_from_being_stored_is_read(tmp_path: Path) -> None:
    async def unavailable() -> None:
        raise StoreUnavailable(DatabaseTrouble(TroubleKind.FULL, "the disk is full"))

    async with checking(tmp_path) as real, covering(Chain(20), CoverersStore(real)) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        await announce(40)
        coverer.state.headers.add(Header(BLOCK, PUSHED.block_hash, hash_at(29), Timestamp(1_000_030), None))
        coverer.state.verified.add(PUSHED.block_hash)
        real.failing.before = unavailable
        requests = await follow(coverer, real.queue, PUSHED)
        await until(lambda: requests.reorg_hinted)
