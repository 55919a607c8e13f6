"""A second endpoint that shows logs of blocks which the chain does not have."""

from typing import Any

import pytest

from connext_monitor.core.coverage import Aim, BlockRange, NonceHole
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.monitoring.chain_data import to_hex
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved
from tests.monitoring.covering import Memory, covering, readable
from tests.monitoring.made_up_chain import Chain, hash_at
from tests.monitoring.nodes import http_node, posting, result

MADE_UP = frozenset({50, 97})


class MakingUp(Chain):
    """Some of its logs are of other blocks than stand at their heights."""

    def log(self, number: int) -> dict[str, Any]:
        made_up = {"blockHash": to_hex(hash_at(number, 1))} if number in MADE_UP else {}
        return super().log(number) | made_up


class KeepingOrphans(Chain):
    """Knows by hash the blocks that do not stand."""

    def answer(self, request: dict[str, Any]) -> str:
        if request["method"] == "eth_getBlockByHash":
            number = int(request["params"][0][4:], 16)
            if request["params"][0] == to_hex(hash_at(number, 1)):
                return result(request, (self.block(number) or {}) | {"hash": request["params"][0]})
        return super().answer(request)


@pytest.mark.parametrize("kind", [Chain, KeepingOrphans])
@pytest.mark.parametrize(
    ("made_up", "stands", "blooms"), [(50, 60, set[int]()), (97, 98, {97, 98})], ids=["before final", "at a claim"]
)
async def test_a_witness_that_makes_up_blocks_costs_no_good_endpoint(
    kind: type[Chain], made_up: int, stands: int, blooms: set[int]
) -> None:
    node, memory = readable(kind(100, logs=[stands], blooms=blooms)), Memory()
    witness = readable(MakingUp(100, logs=[made_up, stands]))
    async with (
        http_node(posting(witness.answer)) as url,
        covering(node, memory, others=[url]) as (coverer, announce),
    ):
        for head in range(97, 101):
            await announce(head)
        await coverer.cover_for(Aim.CONFIRM)
    assert (memory.blocks, memory.progress[-1].coverage.checkpoint) == ([stands], 95)


async def test_what_a_witness_shows_of_our_own_blocks_beside_them_counts() -> None:
    node, memory = Chain(100), Memory()
    witness = readable(MakingUp(100, logs=[50, 60]))
    async with (
        http_node(posting(witness.answer)) as url,
        covering(node, memory, others=[url]) as (coverer, _),
    ):
        with pytest.raises(EndpointNotBelieved, match="left out logs"):
            await coverer.cover_for(Aim.CONFIRM)
    assert memory.blocks == [60]


async def test_a_claim_is_looked_into_though_the_witness_makes_up_blocks() -> None:
    node, memory = readable(Chain(100, blooms={97, 98})), Memory()

    def shows_at_last() -> None:
        node.logs = [98]

    node.at_logs = shows_at_last
    async with (
        http_node(posting(readable(MakingUp(100, logs=[97])).answer)) as url,
        covering(node, memory, others=[url]) as (coverer, announce),
    ):
        for head in range(97, 101):
            await announce(head)
        await coverer.cover_for(Aim.CONFIRM)
    assert memory.blocks == [98]


async def test_a_hole_that_a_witness_fills_with_them_costs_no_good_endpoint() -> None:
    class Holed(Memory):
        async def nonce_hole(self, _domain: DomainId, above: int = 0) -> NonceHole | None:  # type: ignore[override]
            return None if above > 3 else NonceHole(3, 4, BlockRange(BlockNumber(96), BlockNumber(98)))

    node, memory = Chain(100), Holed()
    async with (
        http_node(posting(readable(MakingUp(100, logs=[97])).answer)) as url,
        covering(node, memory, others=[url]) as (coverer, _),
    ):
        await coverer.cover_for(Aim.CONFIRM)
        assert coverer.state.holes == {3}
    assert memory.blocks == []
