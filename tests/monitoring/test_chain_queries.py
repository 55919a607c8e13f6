"""Questions about one transfer, put to a loopback node that holds a made-up chain."""

from random import Random
from typing import Any

import pytest

from connext_monitor.clock import SystemClock
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.decoding import XCALLED_TOPIC
from connext_monitor.core.events import BlockNumber, BlockRef, Timestamp, TransferId
from connext_monitor.core.side_events import SLIPPAGE_UPDATED_TOPIC, SlippageUpdated
from connext_monitor.monitoring.chain_queries import ChainQueries, Unanswered
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from tests.monitoring.answers import each
from tests.monitoring.covering import Memory
from tests.monitoring.made_up_chain import CONTRACT, GENESIS_TIME, hash_at
from tests.monitoring.querying import TRANSFER, Answering, querying


async def test_what_another_chain_says_is_no_answer() -> None:
    node = Answering(120)
    async with querying(node) as (queries, checker, _):
        node.chain_id = 99
        node.logs = [90]
        for question in (queries.token(CONTRACT), queries.fetch_events(TRANSFER, Timestamp(GENESIS_TIME))):
            with pytest.raises(Unanswered, match="now serves chain id 99"):
                await question
    assert checker.blocks == []


async def test_what_became_final_while_it_was_looked_for_is_no_answer() -> None:
    node = Answering(120)
    async with querying(node) as (queries, checker, state):
        node.logs = [90]

        def settle() -> None:
            state.final = BlockNumber(90)

        node.at_logs = settle
        with pytest.raises(Unanswered, match="became final meanwhile"):
            await queries.fetch_events(TRANSFER, Timestamp(GENESIS_TIME))
        assert checker.blocks == []
        assert await queries.fetch_events(TRANSFER, Timestamp(GENESIS_TIME))
    assert checker.blocks == [90]


async def test_the_status_is_asked_at_the_covered_block_or_later() -> None:
    node = Answering(120)
    async with querying(node) as (queries, _, state):
        assert await queries.transfer_status(TRANSFER) is TransferStatus.NONE
        assert state.endpoint is not None
        state.saw_head(await state.endpoint.head())
        await queries.transfer_status(TRANSFER)
        assert [params[1] for params in node.calls("eth_call")] == [hex(100), hex(120)]


async def test_several_statuses_are_asked_in_the_state_of_one_block() -> None:
    node = Answering(120)
    async with querying(node) as (queries, _, _):
        assert await queries.transfer_statuses([TRANSFER] * 3) == [TransferStatus.NONE] * 3
        assert [params[1] for params in node.calls("eth_call")] == [hex(100)] * 3
        assert [params[0] for params in node.calls("eth_getBlockByNumber")] == [hex(100)]


async def test_many_statuses_are_asked_for_in_a_few_messages() -> None:
    node, sizes = Answering(120), list[int]()

    def batch(requests: list[dict[str, Any]]) -> str | bytes | None:
        sizes.append(len(requests))
        return each(node.heard)(requests)

    transfers = [TransferId(bytes([number]) * 32) for number in range(20)]
    async with querying(node, batch=batch) as (queries, _, _):
        assert await queries.transfer_statuses(transfers) == [TransferStatus.NONE] * 20
    # Learning how many the endpoint answers at once.
    assert sizes == [4, 8, 8]


async def test_a_head_below_the_covered_block_does_not_count() -> None:
    node = Answering(90)
    async with querying(node) as (queries, _, state):
        assert state.endpoint is not None
        state.saw_head(await state.endpoint.head())
        with pytest.raises(Unanswered, match="has no block 100, which was covered"):
            await queries.transfer_status(TRANSFER)
        assert [params[1] for params in node.calls("eth_call")] == [hex(100)]


@pytest.mark.parametrize("answer", ["0x", "0x" + (9).to_bytes(32).hex(), "0x12"])
async def test_an_answer_that_is_no_status_is_no_answer(answer: str) -> None:
    node = Answering(120)
    node.status = answer
    async with querying(node) as (queries, _, _):
        with pytest.raises(Unanswered):
            await queries.transfer_status(TRANSFER)


@pytest.mark.parametrize(("answer", "paused"), [(0, False), (1, True)])
async def test_a_pause_is_asked_about_at_the_covered_block(answer: int, paused: bool) -> None:
    node = Answering(120)
    node.status = "0x" + answer.to_bytes(32).hex()
    async with querying(node) as (queries, _, _):
        assert await queries.paused() is paused
        assert [params[1] for params in node.calls("eth_call")] == [hex(100)]


async def test_a_pause_is_asked_about_no_later_than_the_covered_block() -> None:
    node = Answering(120)
    node.status = "0x" + (1).to_bytes(32).hex()
    async with querying(node) as (queries, _, state):
        assert state.endpoint is not None
        state.saw_head(await state.endpoint.head())
        assert await queries.paused_when_covered() is True
        assert [params[1] for params in node.calls("eth_call")] == [hex(100)]


async def test_a_flag_that_is_neither_is_no_answer() -> None:
    node = Answering(120)
    node.status = "0x" + (2).to_bytes(32).hex()
    async with querying(node) as (queries, _, _):
        with pytest.raises(Unanswered):
            await queries.paused()


@pytest.mark.parametrize(("since", "first"), [(8999, 8998), (8800, 8750), (0, 1)])
async def test_side_events_are_searched_back_to_about_that_time(since: int, first: int) -> None:
    node = Answering(9000)
    async with querying(node) as (queries, _, state):
        assert state.endpoint is not None
        state.saw_head(await state.endpoint.head())
        assert await queries.side_events(TRANSFER, [SLIPPAGE_UPDATED_TOPIC], Timestamp(GENESIS_TIME + since)) == []
        asked = node.calls("eth_getLogs")[0][0]
        assert abs(int(asked["fromBlock"], 16) - first) <= 2
        assert asked["topics"] == [["0x" + SLIPPAGE_UPDATED_TOPIC.hex()], "0x" + TRANSFER.hex()]


@pytest.mark.parametrize(
    ("words", "smaller"), [("limited to a {most} block range", [700]), ("no", [5_000, 2_500, 1_250, 625])]
)
async def test_side_events_are_searched_in_ten_thousand_blocks_at_most(words: str, smaller: list[int]) -> None:
    node = Answering(50_000)
    node.most, node.words = 700, words
    async with querying(node) as (queries, _, state):
        assert state.endpoint is not None
        state.saw_head(await state.endpoint.head())
        await queries.side_events(TRANSFER, [SLIPPAGE_UPDATED_TOPIC], Timestamp(GENESIS_TIME))
        spans = [int(p[0]["toBlock"], 16) - int(p[0]["fromBlock"], 16) + 1 for p in node.calls("eth_getLogs")]
        assert spans == [10_000, *smaller]


async def test_side_events_come_in_order_and_hostile_ones_never() -> None:
    node = Answering(9000, logs=[8950, 8900])
    async with querying(node) as (queries, _, state):
        node.log_changes = {
            "topics": ["0x" + SLIPPAGE_UPDATED_TOPIC.hex(), "0x" + TRANSFER.hex()],
            "data": "0x" + (500).to_bytes(32).hex(),
        }
        assert state.endpoint is not None
        state.saw_head(await state.endpoint.head())
        since = Timestamp(GENESIS_TIME + 8800)
        sightings = await queries.side_events(TRANSFER, [SLIPPAGE_UPDATED_TOPIC], since)
        assert [seen.event for seen in sightings] == [SlippageUpdated(500)] * 2
        node.log_changes["data"] = "0x" + (10_001).to_bytes(32).hex()
        assert await queries.side_events(TRANSFER, [SLIPPAGE_UPDATED_TOPIC], since) == []


async def test_before_anything_is_covered_nothing_is_answered() -> None:
    async with querying(Answering(120), covered=None) as (queries, _, _):
        with pytest.raises(Unanswered, match="covered yet"):
            await queries.transfer_status(TRANSFER)


async def test_with_no_endpoint_and_no_covered_block_nothing_is_answered() -> None:
    async with querying(Answering(120), covered=None) as (queries, _, state):
        state.disconnected()
        with pytest.raises(Unanswered, match="no endpoint of devnet answers"):
            await queries.fetch_events(TRANSFER, Timestamp(0))


async def test_both_legs_are_fetched_however_far_apart() -> None:
    node = Answering(9000, logs=[150, 8990])
    async with querying(node) as (queries, checker, _):
        assert await queries.fetch_events(TRANSFER, Timestamp(GENESIS_TIME + 100))
        assert checker.blocks == [8990, 150]


async def test_a_fetch_goes_no_further_back_than_asked() -> None:
    node = Answering(9000)
    async with querying(node) as (queries, _, _):
        assert not await queries.fetch_events(TRANSFER, Timestamp(GENESIS_TIME + 7500))
        assert [int(params[0]["fromBlock"], 16) for params in node.calls("eth_getLogs")] == [8001, 6001]


@pytest.mark.parametrize("words", ["limited to a {most} block range", "that is too much for me"])
async def test_a_fetch_asks_for_smaller_ranges_after_a_refusal(words: str) -> None:
    node = Answering(3000, logs=[500])
    node.most, node.words = 70, words
    async with querying(node) as (queries, checker, _):
        assert await queries.fetch_events(TRANSFER, Timestamp(0))
        assert checker.blocks == [500]


async def test_an_origin_is_searched_for_until_its_xcalled_is_found() -> None:
    node = Answering(9_000, logs=[5_000])
    async with querying(node) as (queries, checker, _):
        assert await queries.fetch_origin(TRANSFER, Timestamp(GENESIS_TIME)) is True
        assert checker.blocks == [5_000]
        asked = node.calls("eth_getLogs")
        assert all(params[0]["topics"] == [["0x" + XCALLED_TOPIC.hex()], "0x" + TRANSFER.hex()] for params in asked)
        assert int(asked[-1][0]["fromBlock"], 16) > 1


async def test_an_origin_is_searched_for_back_to_that_time() -> None:
    node = Answering(9_000)
    async with querying(node) as (queries, checker, _):
        assert await queries.fetch_origin(TRANSFER, Timestamp(GENESIS_TIME + 4_000)) is False
        assert checker.blocks == []
        assert 1_000 < int(node.calls("eth_getLogs")[-1][0]["fromBlock"], 16) <= 4_000


async def test_events_before_the_watch_go_to_the_checker_of_the_past() -> None:
    node = Answering(9_000, logs=[4_999, 5_000])
    async with querying(node) as (_, now, state):
        pool = EndpointPool(state.config, open_endpoint, SystemClock(), Random(1))  # noqa: S311 - spreads retries
        reached = BlockRef(BlockNumber(9_000), hash_at(9_000), Timestamp(GENESIS_TIME + 9_000))
        state.reached(Coverage(BlockNumber(5_000), BlockNumber(8_000), reached))
        past = Memory()
        assert await ChainQueries(state, now, past, pool).fetch_events(TRANSFER, Timestamp(GENESIS_TIME)) is True
        assert (past.blocks, now.blocks) == ([4_999], [5_000])
