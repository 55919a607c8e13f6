"""Covering blocks whose logs cannot be decoded, cannot be read, or are called removed."""

import asyncio

import pytest

from connext_monitor.core.coverage import Aim
from connext_monitor.monitoring.chain_data import to_hex
from connext_monitor.monitoring.cover_requests import CoverRequests
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved
from connext_monitor.monitoring.observation import Observation
from tests.monitoring.covering import Memory, covering, readable
from tests.monitoring.made_up_chain import Chain, hash_at
from tests.monitoring.nodes import http_node, posting
from tests.world.waiting import until, within_bound


async def test_undecodable_logs_are_shown_and_hold_back_finality() -> None:
    node, memory = Chain(100, logs=[50, 60]), Memory()
    async with covering(node, memory) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM, hinted=True)
        state, trouble = coverer.state, coverer.state.sight().trouble
        assert (memory.progress[-1].coverage.checkpoint, state.undecodable.since is not None) == (49, True)
        assert trouble is not None
        assert trouble.startswith("127.0.0.1 gives logs of the contract that cannot be decoded: ")
        readable(node)
        await announce(101)
        await coverer.cover_for(Aim.CONFIRM, hinted=True)
        assert (memory.progress[-1].coverage.checkpoint, state.undecodable.since) == (96, None)
        assert state.sight().trouble is None


async def test_undecodable_logs_that_two_endpoints_give_are_the_chains_own() -> None:
    node, memory = Chain(100, logs=[50, 60]), Memory()
    async with (
        http_node(posting(Chain(100, logs=[50, 60]).answer)) as witness,
        covering(node, memory, others=[witness]) as (coverer, _),
    ):
        await coverer.cover_for(Aim.CONFIRM)
        assert (memory.progress[-1].coverage.checkpoint, coverer.state.undecodable.since) == (95, None)


async def test_a_witness_does_not_agree_with_itself() -> None:
    node, memory = Chain(100), Memory()
    async with (
        http_node(posting(Chain(100, logs=[50]).answer)) as witness,
        covering(node, memory, others=[witness]) as (coverer, _),
    ):
        with pytest.raises(EndpointNotBelieved, match="left out logs"):
            await coverer.cover_for(Aim.CONFIRM)
    assert (memory.progress[-1].coverage.checkpoint, coverer.state.undecodable.since is not None) == (49, True)


async def test_an_endpoint_that_garbles_logs_is_left_at_once() -> None:
    node, memory = Chain(100, logs=[98]), Memory()
    async with (
        http_node(posting(readable(Chain(100, logs=[98])).answer)) as witness,
        covering(node, memory, others=[witness]) as (coverer, _),
    ):
        with pytest.raises(EndpointNotBelieved, match=r"left out logs that 127\.0\.0\.1 has"):
            await coverer.cover_for(Aim.CONFIRM)
    assert memory.blocks == [98, 98]


async def test_a_chain_is_covered_up_to_a_log_that_cannot_be_read() -> None:
    node, memory = Chain(100, logs=[60]), Memory()
    node.log_changes = {"logIndex": []}
    async with covering(node, memory) as (coverer, _):
        cover = asyncio.create_task(coverer.cover_for(Aim.CONFIRM))
        await until(lambda: bool(memory.progress) and memory.progress[-1].coverage.checkpoint > 40)
        assert memory.progress[-1].coverage.checkpoint < 60
        node.log_changes = {}
        await within_bound(cover)
    assert memory.progress[-1].coverage.covered is not None
    assert memory.progress[-1].coverage.covered.number == 100


async def test_a_removed_log_contradicts_a_block_that_stands() -> None:
    node, memory = Chain(100, logs=[98]), Memory()
    node.log_changes = {"removed": True}
    async with covering(node, memory) as (coverer, _):
        cover = asyncio.create_task(coverer.cover_for(Aim.CONFIRM))
        await until(lambda: "reports a log of block 98 as removed" in str(coverer.state.trouble))
        node.log_changes |= {"blockHash": to_hex(hash_at(98, 1))}
        await within_bound(cover)
    assert (memory.blocks, memory.progress[-1].coverage.checkpoint) == ([], 95)


class Vouching(Memory):
    """Asks about every log whether it is vouched for."""

    def __init__(self) -> None:
        super().__init__()
        self.vouched: list[bool] = []

    async def put(self, observation: Observation) -> "asyncio.Future[None]":
        if observation.vouch is not None:
            self.vouched += [await observation.vouch(decoded.log) for decoded in observation.logs]
        return await super().put(observation)


@pytest.mark.parametrize("lacking", ["block", "log"])
async def test_what_nobody_could_vouch_for_is_read_again(lacking: str) -> None:
    other = readable(Chain(99 if lacking == "block" else 100, logs=[100] if lacking == "block" else []))
    node, memory = readable(Chain(100, logs=[100])), Vouching()
    async with (
        http_node(posting(other.answer)) as witness,
        covering(node, memory, others=[witness]) as (coverer, announce),
    ):
        requests = CoverRequests(coverer.state, 60)
        await coverer.cover_for(Aim.CONFIRM)
        assert (memory.vouched, requests.reorg_hinted) == ([False], False)
        other.head, other.logs = 101, node.logs
        await announce(101)
        assert coverer.state.head is not None
        requests.saw_head(coverer.state.head)
        assert requests.reorg_hinted
        await coverer.cover_for(Aim.CONFIRM, hinted=True)
        assert (memory.vouched, coverer.state.looks_again) == ([False, True], False)
