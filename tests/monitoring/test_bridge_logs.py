"""What a diamond says besides its transfers, covered like them; what of it cannot be decoded holds nothing up."""

import asyncio
from typing import Any

from connext_monitor.core.batch import UnreadableLog
from connext_monitor.core.bridge_events import BRIDGE_EVENTS, OBSERVED_TOPICS, BridgeRecord
from connext_monitor.core.coverage import Aim
from connext_monitor.core.transfer import Provenance
from connext_monitor.monitoring.chain_data import to_hex
from connext_monitor.monitoring.decoded_log import decode_log
from connext_monitor.monitoring.observation import Observation
from connext_monitor.monitoring.observation_parts import parts_of, read_observation
from tests.monitoring.covering import Memory, covering
from tests.monitoring.made_up_chain import Chain
from tests.monitoring.made_up_logs import xcalled_log
from tests.world.bridge import bridge_log
from tests.world.transfers import ALPHA, sighting


class Looking(Memory):
    """Keeps what was observed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Observation] = []

    async def put(self, observation: Observation) -> "asyncio.Future[None]":
        self.seen.append(observation)
        return await super().put(observation)


class Asked(Chain):
    """Notes which topics logs are asked for by."""

    topics: object = None

    def answer(self, request: dict[str, Any]) -> str:
        if request["method"] == "eth_getLogs":
            self.topics = request["params"][0]["topics"]
        return super().answer(request)


async def test_one_request_asks_for_all_that_is_observed() -> None:
    node, memory = Asked(100, logs=[50]), Looking()
    node.log_changes = {"topics": [to_hex(BRIDGE_EVENTS["Paused"].topic)]}
    async with covering(node, memory) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
        assert (node.topics, node.ranges) == ([[to_hex(topic) for topic in OBSERVED_TOPICS]], [(1, 100)])
    contents = [decoded.content for observation in memory.seen for decoded in observation.logs]
    assert [content.event.kind for content in contents if isinstance(content, BridgeRecord)] == ["Paused"]


async def test_what_cannot_be_decoded_beside_transfers_holds_nothing_up() -> None:
    node, memory = Chain(100, logs=[50, 60]), Looking()
    node.log_changes = {"topics": [to_hex(BRIDGE_EVENTS["RouterAdded"].topic)], "data": "0x01"}
    async with covering(node, memory) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM, hinted=True)
        assert (memory.progress[-1].coverage.checkpoint, coverer.state.sight().trouble) == (95, None)
    contents = [decoded.content for observation in memory.seen for decoded in observation.logs]
    assert [isinstance(content, UnreadableLog) for content in contents] == [True, True]


async def test_what_stands_beside_transfers_comes_with_the_last_part() -> None:
    at = sighting(7)
    paused = decode_log(ALPHA, bridge_log("Paused", at), at.block)
    whole = await read_observation(Observation(ALPHA, [paused, *map(xcalled_log, range(2_500))]))
    parts = parts_of(whole)
    assert [len(part.change.bridge) for part in parts] == [0, 0, 1]
    assert parts[-1].change.provenance is Provenance.PUSHED
