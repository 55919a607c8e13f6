"""What routers have, asked of loopback nodes that hold a made-up chain."""

from collections.abc import Callable
from typing import Any

import pytest

from connext_monitor.core.events import Address, BlockNumber, BlockRef, Hash32, Timestamp
from connext_monitor.monitoring.chain_queries import Unanswered
from tests.monitoring.answers import BatchAnswer, each
from tests.monitoring.made_up_chain import GENESIS_TIME, hash_at
from tests.monitoring.querying import Answering, on_another_chain, querying, refusing

ROUTER, ASSET = Address(b"\x52" * 20), Address(b"\xa5" * 20)


def block(number: int, block_hash: Hash32 | None = None) -> BlockRef:
    return BlockRef(BlockNumber(number), block_hash or hash_at(number), Timestamp(GENESIS_TIME + number))


MANY = [(ROUTER, Address(bytes([number]) * 20)) for number in range(1, 21)]


def seven_each() -> Answering:
    """A node where every router has seven of everything."""
    node = Answering(120)
    node.status = "0x" + (7).to_bytes(32).hex()
    return node


def refused_whole(_: Answering) -> BatchAnswer:
    return lambda _: '{"jsonrpc": "2.0", "id": null, "error": {"code": -32600, "message": "batches are not supported"}}'


def half_answered(node: Answering) -> BatchAnswer:
    return lambda requests: each(node.heard)(requests[::2])


async def test_balances_are_those_after_the_covered_block() -> None:
    node = seven_each()
    async with querying(node) as (queries, _, _):
        said = await queries.routers.at_covered([(ROUTER, ASSET)] * 2)
    assert (said.block, said.amounts) == (block(100), (7, 7))
    call, at = node.calls("eth_call")[0]
    assert (at, call["data"]) == (hex(100), f"0x41258b5c{ROUTER.hex():0>64}{ASSET.hex():0>64}")


async def test_many_balances_are_asked_for_in_a_few_messages() -> None:
    node, sizes = seven_each(), list[int]()

    def batch(requests: list[dict[str, Any]]) -> str | bytes | None:
        sizes.append(len(requests))
        return each(node.heard)(requests)

    async with querying(node, batch=batch) as (queries, _, _):
        assert (await queries.routers.at_covered(MANY)).amounts == (7,) * 20
    # Learning how many the endpoint answers at once.
    assert sizes == [4, 8, 8]


@pytest.mark.parametrize("habit", [refused_whole, half_answered])
async def test_what_batches_leave_is_asked_by_itself(habit: Callable[[Answering], BatchAnswer]) -> None:
    node = seven_each()
    async with querying(node, batch=habit(node)) as (queries, _, _):
        assert (await queries.routers.at_covered(MANY)).amounts == (7,) * 20


async def test_an_earlier_block_stands_only_under_its_own_hash() -> None:
    async with querying(Answering(120)) as (queries, _, _):
        for earlier, stands in ((block(90), True), (block(90, hash_at(91)), False), (block(130), False)):
            assert (await queries.routers.at_covered([], earlier)).earlier_stands is stands


@pytest.mark.parametrize("node", [refusing("eth_call"), on_another_chain(), Answering(90)])
async def test_an_endpoint_that_cannot_say_is_left_for_another(node: Answering) -> None:
    async with querying(node) as (queries, _, _):
        with pytest.raises(Unanswered):
            await queries.routers.at_covered([(ROUTER, ASSET)])
    async with querying(node, others=[Answering(120)]) as (queries, _, _):
        assert (await queries.routers.at_covered([(ROUTER, ASSET)])).amounts == (0,)


async def test_a_block_s_time_is_what_an_endpoint_of_the_chain_says() -> None:
    async with querying(Answering(120)) as (queries, _, _):
        assert await queries.routers.block_time(BlockNumber(5)) == GENESIS_TIME + 5
        with pytest.raises(Unanswered, match="has no block 130"):
            await queries.routers.block_time(BlockNumber(130))
