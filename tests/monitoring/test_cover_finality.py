"""What may become final while a made-up chain is covered."""

import json
from typing import Any

import pytest

from connext_monitor.core.coverage import Aim
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved
from tests.monitoring.covering import Memory, covering, readable
from tests.monitoring.made_up_chain import Chain
from tests.monitoring.nodes import error, http_node, posting, result


async def test_logs_a_bloom_gave_away_spare_no_look_before_finality() -> None:
    hiding, memory = Chain(100, blooms={50, 98}), Memory()
    async with (
        http_node(posting(readable(Chain(100, logs=[50, 98])).answer)) as witness,
        covering(hiding, memory, others=[witness]) as (coverer, announce),
    ):
        for head in range(97, 101):
            await announce(head)
        with pytest.raises(EndpointNotBelieved):
            await coverer.cover_for(Aim.CONFIRM)
    assert memory.progress[-1].coverage.checkpoint == 95
    assert sorted(memory.blocks) == [50, 98]


async def test_what_two_endpoints_disagree_on_is_not_final() -> None:
    node, memory = Chain(100), Memory()
    other = Chain(100, branch=dict.fromkeys(range(60, 101), 1))
    async with (
        http_node(posting(other.answer)) as witness,
        covering(node, memory, others=[witness]) as (coverer, _),
    ):
        await coverer.cover_for(Aim.CONFIRM)
    reached = memory.progress[-1].coverage
    assert (reached.covered and reached.covered.number, reached.checkpoint) == (100, 0)


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": -39001, "message": "unknown block"}},
        {"error": {"code": -32602, "message": "invalid block tag"}},
        {"error": {"code": -32601, "message": "the method does not exist"}},
        {"error": {"code": -32603, "message": "internal error"}},
        {"error": {"code": -32000, "message": "not available on your plan"}},
        {"error": {"code": 429, "message": "too many requests"}},
        {"result": None},
        {"result": "finalized"},
        {"result": {"number": "0x5"}},
        {},
    ],
    ids=str,
)
async def test_without_its_finality_tag_a_chain_is_covered_and_nothing_final(answer: dict[str, Any]) -> None:
    class Tagless(Chain):
        def answer(self, request: dict[str, Any]) -> str:
            if request["params"][:1] == ["finalized"]:
                return json.dumps({"jsonrpc": "2.0", "id": request["id"]} | answer)
            return super().answer(request)

    node, memory = Tagless(100), Memory()
    async with covering(node, memory, finality="finalized") as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        await announce(101)
        await coverer.cover_for(Aim.CONFIRM)
        why = coverer.state.sight().final_trouble
    reached = memory.progress[-1].coverage
    assert (reached.covered and reached.covered.number, reached.checkpoint) == (101, 0)
    assert why is not None
    assert why.startswith("127.0.0.1 ")


async def test_a_finality_tag_that_works_again_is_used_again() -> None:
    class Tagging(Chain):
        def answer(self, request: dict[str, Any]) -> str:
            if request["params"][:1] == ["finalized"]:
                return result(request, self.block(40)) if self.head > 100 else error(request, -39001, "unknown block")
            return super().answer(request)

    node, memory = Tagging(100), Memory()
    async with covering(node, memory, finality="finalized") as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM, hinted=True)
        await announce(101)
        await coverer.cover_for(Aim.CONFIRM, hinted=True)
        assert coverer.state.sight().final_trouble is None
    assert memory.progress[-1].coverage.checkpoint == 40


@pytest.mark.parametrize(
    ("changes", "checkpoint"),
    [({"number": "0x2710"}, 0), ({"hash": "0x" + "ab" * 32}, 0), ({}, 100)],
    ids=["no such block", "another block", "one that came meanwhile"],
)
async def test_a_final_block_above_the_head_counts_if_it_exists(changes: dict[str, Any], checkpoint: int) -> None:
    class Ahead(Chain):
        def answer(self, request: dict[str, Any]) -> str:
            if request["params"][:1] == ["finalized"]:
                self.head = 102
                return result(request, {**(self.block(102) or {}), **changes})
            return super().answer(request)

    node, memory = Ahead(100), Memory()
    async with covering(node, memory, finality="finalized") as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
        why = coverer.state.sight().final_trouble
    reached = memory.progress[-1].coverage
    assert (reached.covered and reached.covered.number, reached.checkpoint) == (100, checkpoint)
    assert (why is None) == (checkpoint > 0), why
