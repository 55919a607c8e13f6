"""What is pushed in bursts is passed on as if each log had come by itself."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.config import ChainConfig
from connext_monitor.core.bloom import LogMask
from connext_monitor.core.bridge_events import BRIDGE_EVENTS
from connext_monitor.core.decoding import RECONCILED_TOPIC, encode_event
from connext_monitor.core.events import Address, BlockNumber, Executed, Hash32, RawLog, Timestamp
from connext_monitor.monitoring.chain_data import Header, MalformedEntry, PushedLog
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.cover_requests import CoverRequests
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.observation import Observation
from tests.monitoring.covering import Memory, Whole
from tests.monitoring.following import Pushed, follow_bursts
from tests.monitoring.made_up_chain import CONFIG, CONTRACT, hash_at
from tests.monitoring.made_up_logs import xcalled_raw
from tests.monitoring.plans import Plan
from tests.monitoring.simulated_client import SimulatedClient
from tests.world.transfers import executed, info, sighting
from tests.world.virtual_time import LoopClock, run_virtually

HEAD, CHECKPOINT = 50, BlockNumber(20)
USUAL, FILTERED, ACCUSING, PAUSING, FINAL, REPLACED, LACKED = map(BlockNumber, (30, 31, 32, 33, 15, 16, 99))
HASHES = {
    number: hash_at(number, branch=number == REPLACED)
    for number in (USUAL, FILTERED, ACCUSING, PAUSING, FINAL, REPLACED, LACKED)
}
XCALLED_MASK = LogMask.of(CONTRACT, [xcalled_raw(1).topics[0]])
ONLY_XCALLED = (XCALLED_MASK.address | XCALLED_MASK.topics[0]).to_bytes(256)


def standing(nonce: int, block: BlockNumber) -> RawLog:
    return replace(xcalled_raw(nonce), block_number=block, block_hash=HASHES[block])


def like(raw: RawLog, topics: Sequence[bytes], data: bytes) -> RawLog:
    return replace(raw, topics=tuple(map(Hash32, topics)), data=data)


def accusing(raw: RawLog) -> RawLog:
    """A delivery to somebody else than it was sent to."""
    event = executed(info(1), sighting(20)).event
    assert isinstance(event, Executed)
    return like(raw, *encode_event(replace(event, to=Address(b"\x99" * 20))))


LOGS = [standing(nonce, block) for nonce in (1, 2) for block in HASHES]
UNUSUAL = [
    accusing(standing(4, ACCUSING)),
    like(standing(4, PAUSING), *BRIDGE_EVENTS["Paused"].encode(account="0x" + "5e" * 20)),
    like(standing(3, FILTERED), [RECONCILED_TOPIC, *LOGS[0].topics[1:]], b""),
    standing(5, USUAL),
    replace(standing(5, USUAL), block_number=BlockNumber(USUAL - 1)),
    standing(6, USUAL),
    replace(standing(6, USUAL), block_hash=hash_at(USUAL, branch=1)),
]
PUSHES: list[Pushed] = [
    *(PushedLog(raw, removed=False) for raw in [*LOGS, *UNUSUAL]),
    PushedLog(LOGS[0], removed=True),
    MalformedEntry(b"1", "it is from another contract"),
    MalformedEntry(b"2", "it cannot be read", unreadable=True),
]


class Sink(Memory):
    """Keeps what comes, log by log."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[object] = []

    async def put(self, observation: Observation) -> "asyncio.Future[None]":
        self.came += [*observation.logs, *observation.malformed]
        return await super().put(observation)


class Requested(CoverRequests):
    """Keeps which blocks are to be covered."""

    def __init__(self, state: ChainState) -> None:
        super().__init__(state, 60.0)
        self.blocks: set[BlockNumber] = set()

    def cover_block(self, number: BlockNumber) -> None:
        self.blocks.add(number)
        super().cover_block(number)


async def followed(bursts: Sequence[Sequence[Pushed]]) -> tuple[object, ...]:
    """All that comes of it."""
    state = ChainState(ChainConfig.model_validate(CONFIG | {"start_block": 1}), LoopClock(), 60)
    node = Whole(HEAD)
    state.endpoint = Endpoint(SimulatedClient(node, [Plan(latency=0.0)], None, Counter(), cuts=False))
    state.final = CHECKPOINT
    for number in set(HASHES) - {LACKED}:
        bloom = ONLY_XCALLED if number == FILTERED else None
        state.headers.add(Header(number, HASHES[number], hash_at(number - 1), Timestamp(1_000_000 + number), bloom))
    sink, requests = Sink(), Requested(state)
    await follow_bursts(state, sink, bursts, requests)
    return sink.came, requests.blocks, requests.reorg_hinted, state.looks_again


@given(st.lists(st.lists(st.sampled_from(PUSHES), min_size=1, max_size=8), max_size=4))
def test_bursts_are_passed_on_as_their_logs_would_be_alone(bursts: list[list[Pushed]]) -> None:
    alone = [[push] for burst in bursts for push in burst]
    assert run_virtually(followed(bursts)) == run_virtually(followed(alone))


def test_of_a_burst_that_has_everything_what_stands_is_passed_on() -> None:
    came, blocks, hinted, _ = run_virtually(followed([PUSHES]))
    assert isinstance(came, list)
    passed = [entry.log if not isinstance(entry, MalformedEntry) else entry for entry in came]
    stand = [raw for raw in LOGS if raw.block_number not in {REPLACED, LACKED}]
    assert passed == [*stand, UNUSUAL[0], UNUSUAL[3], UNUSUAL[5], *PUSHES[-2:]]
    assert (blocks, hinted) == ({FILTERED, ACCUSING, PAUSING, LACKED, USUAL - 1, USUAL}, True)
