"""Questions about one transfer, put to a loopback node that holds a made-up chain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from connext_monitor.clock import SystemClock
from connext_monitor.config import ChainConfig
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.decoding import XCALLED_TOPIC
from connext_monitor.core.events import BlockNumber, BlockRef, Timestamp, TransferId
from connext_monitor.core.side_events import SLIPPAGE_UPDATED_TOPIC, SlippageUpdated
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.inquiry import Inquiry, Unanswered
from connext_monitor.monitoring.observation import Observation
from tests.monitoring.made_up_chain import CONTRACT, GENESIS_TIME, TOPIC, Node, hash_at
from tests.monitoring.nodes import error, http_node, posting, result

TRANSFER = TransferId(b"\x77" * 32)
CONFIG = ChainConfig.model_validate(
    {
        "name": "devnet",
        "chain_id": 31337,
        "domain_id": 1001,
        "contract": "0x" + CONTRACT.hex(),
        "endpoints": ["http://127.0.0.1:1"],
        "block_time": "PT1S",
        "finality": 5,
    }
)


class Putting:
    """Takes observations, and says at once that they are committed."""

    def __init__(self) -> None:
        self.put_in: list[Observation] = []

    async def put(self, observation: Observation) -> "asyncio.Future[None]":
        self.put_in.append(observation)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    @property
    def blocks(self) -> list[int]:
        """Where the logs stand that were put, in that order."""
        return [timed.log.block_number for observation in self.put_in for timed in observation.logs]


class Answering(Node):
    """As `Node`, and answers eth_call; ``asked`` are the methods and their parameters."""

    status = "0x" + (0).to_bytes(32).hex()
    chain_id = 31337
    most = 10**9
    words = "limited to a {most} block range"

    def answer(self, request: dict[str, Any]) -> str:
        self.__dict__.setdefault("asked", []).append((request["method"], request["params"]))
        if request["method"] == "eth_chainId":
            return result(request, hex(self.chain_id))
        if request["method"] == "eth_call":
            return result(request, self.status)
        if request["method"] == "eth_getLogs":
            wanted = request["params"][0]
            if int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) >= self.most:
                return error(request, -32600, self.words.format(most=self.most))
        return super().answer(request)

    def calls(self, method: str) -> list[Any]:
        return [params for name, params in self.__dict__.get("asked", []) if name == method]


@asynccontextmanager
async def inquiring(node: Answering, covered: int | None = 100) -> AsyncIterator[tuple[Inquiry, Putting, ChainState]]:
    state = ChainState(CONFIG, SystemClock(), 60)
    node.log_changes = {"topics": ["0x" + TOPIC.hex(), "0x" + TRANSFER.hex()]}
    async with http_node(posting(node.answer)) as url, open_endpoint(url) as endpoint:
        state.connected(endpoint)
        if covered is not None:
            block = BlockRef(BlockNumber(covered), hash_at(covered), Timestamp(GENESIS_TIME + covered))
            state.reached(Coverage(BlockNumber(1), BlockNumber(1), block))
        checker = Putting()
        yield Inquiry(state, checker, checker), checker, state


async def test_what_another_chain_says_of_a_token_or_a_transfer_is_no_answer() -> None:
    node = Answering(120)
    async with inquiring(node) as (inquiry, checker, _):
        node.chain_id = 99
        node.logs = [90]
        for question in (inquiry.token(CONTRACT), inquiry.fetch_events(TRANSFER, Timestamp(GENESIS_TIME))):
            with pytest.raises(Unanswered, match="serves chain id 99 by now"):
                await question
    assert checker.put_in == []


async def test_the_status_is_asked_at_the_covered_block_or_a_later_head() -> None:
    node = Answering(120)
    async with inquiring(node) as (inquiry, _, state):
        assert await inquiry.transfer_status(TRANSFER) is TransferStatus.NONE
        assert state.endpoint is not None
        state.saw_head(await state.endpoint.head())
        await inquiry.transfer_status(TRANSFER)
        assert [params[1] for params in node.calls("eth_call")] == [hex(100), hex(120)]


async def test_a_head_below_the_covered_block_is_not_asked_at() -> None:
    node = Answering(90)
    async with inquiring(node) as (inquiry, _, state):
        assert state.endpoint is not None
        state.saw_head(await state.endpoint.head())
        await inquiry.transfer_status(TRANSFER)
        assert [params[1] for params in node.calls("eth_call")] == [hex(100)]


@pytest.mark.parametrize("answer", ["0x", "0x" + (9).to_bytes(32).hex(), "0x12"])
async def test_an_answer_that_is_no_status_is_no_answer(answer: str) -> None:
    node = Answering(120)
    node.status = answer
    async with inquiring(node) as (inquiry, _, _):
        with pytest.raises(Unanswered):
            await inquiry.transfer_status(TRANSFER)


@pytest.mark.parametrize(("answer", "paused"), [(0, False), (1, True)])
async def test_whether_it_is_paused_is_asked_at_the_covered_block(answer: int, paused: bool) -> None:
    node = Answering(120)
    node.status = "0x" + answer.to_bytes(32).hex()
    async with inquiring(node) as (inquiry, _, _):
        assert await inquiry.paused() is paused
        assert [params[1] for params in node.calls("eth_call")] == [hex(100)]


async def test_a_flag_that_is_neither_yes_nor_no_is_no_answer() -> None:
    node = Answering(120)
    node.status = "0x" + (2).to_bytes(32).hex()
    async with inquiring(node) as (inquiry, _, _):
        with pytest.raises(Unanswered):
            await inquiry.paused()


@pytest.mark.parametrize(("since", "first"), [(8999, 8998), (8800, 8750), (0, 1)])
async def test_side_events_are_looked_for_back_to_about_that_time(since: int, first: int) -> None:
    node = Answering(9000)
    async with inquiring(node) as (inquiry, _, state):
        assert state.endpoint is not None
        state.saw_head(await state.endpoint.head())
        assert await inquiry.side_events(TRANSFER, [SLIPPAGE_UPDATED_TOPIC], Timestamp(GENESIS_TIME + since)) == []
        asked = node.calls("eth_getLogs")[0][0]
        assert abs(int(asked["fromBlock"], 16) - first) <= 2
        assert asked["topics"] == [["0x" + SLIPPAGE_UPDATED_TOPIC.hex()], "0x" + TRANSFER.hex()]


@pytest.mark.parametrize(
    ("words", "smaller"), [("limited to a {most} block range", [700]), ("no", [5_000, 2_500, 1_250, 625])]
)
async def test_side_events_are_looked_for_in_no_more_than_ten_thousand_blocks_and_in_smaller_ranges(
    words: str, smaller: list[int]
) -> None:
    node = Answering(50_000)
    node.most, node.words = 700, words
    async with inquiring(node) as (inquiry, _, state):
        assert state.endpoint is not None
        state.saw_head(await state.endpoint.head())
        await inquiry.side_events(TRANSFER, [SLIPPAGE_UPDATED_TOPIC], Timestamp(GENESIS_TIME))
        spans = [int(p[0]["toBlock"], 16) - int(p[0]["fromBlock"], 16) + 1 for p in node.calls("eth_getLogs")]
        assert spans == [10_000, *smaller]


async def test_side_events_come_in_the_chains_order_and_hostile_ones_not_at_all() -> None:
    node = Answering(9000, logs=[8950, 8900])
    async with inquiring(node) as (inquiry, _, state):
        node.log_changes = {
            "topics": ["0x" + SLIPPAGE_UPDATED_TOPIC.hex(), "0x" + TRANSFER.hex()],
            "data": "0x" + (500).to_bytes(32).hex(),
        }
        assert state.endpoint is not None
        state.saw_head(await state.endpoint.head())
        since = Timestamp(GENESIS_TIME + 8800)
        found = await inquiry.side_events(TRANSFER, [SLIPPAGE_UPDATED_TOPIC], since)
        assert [one.event for one in found] == [SlippageUpdated(500)] * 2
        node.log_changes["data"] = "0x" + (10_001).to_bytes(32).hex()
        assert await inquiry.side_events(TRANSFER, [SLIPPAGE_UPDATED_TOPIC], since) == []


async def test_before_anything_is_covered_nothing_is_answered() -> None:
    async with inquiring(Answering(120), covered=None) as (inquiry, _, _):
        with pytest.raises(Unanswered, match="covered yet"):
            await inquiry.transfer_status(TRANSFER)


async def test_without_an_endpoint_nothing_is_answered() -> None:
    async with inquiring(Answering(120)) as (inquiry, _, state):
        state.disconnected()
        with pytest.raises(Unanswered, match="no endpoint of devnet answers"):
            await inquiry.fetch_events(TRANSFER, Timestamp(0))


async def test_both_legs_are_fetched_however_far_apart_they_stand() -> None:
    node = Answering(9000, logs=[150, 8990])
    async with inquiring(node) as (inquiry, checker, _):
        assert await inquiry.fetch_events(TRANSFER, Timestamp(GENESIS_TIME + 100))
        assert checker.blocks == [8990, 150]


async def test_a_fetch_goes_no_further_back_than_asked() -> None:
    node = Answering(9000)
    async with inquiring(node) as (inquiry, _, _):
        assert not await inquiry.fetch_events(TRANSFER, Timestamp(GENESIS_TIME + 7500))
        assert [int(params[0]["fromBlock"], 16) for params in node.calls("eth_getLogs")] == [8001, 6001]


@pytest.mark.parametrize("words", ["limited to a {most} block range", "that is too much for me"])
async def test_a_fetch_asks_for_ever_smaller_ranges_where_an_endpoint_wants_that(words: str) -> None:
    node = Answering(3000, logs=[500])
    node.most, node.words = 70, words
    async with inquiring(node) as (inquiry, checker, _):
        assert await inquiry.fetch_events(TRANSFER, Timestamp(0))
        assert checker.blocks == [500]


async def test_an_origin_is_looked_for_by_its_xcalled_alone_and_only_until_it_is_found() -> None:
    node = Answering(9_000, logs=[5_000])
    async with inquiring(node) as (inquiry, checker, _):
        assert await inquiry.fetch_origin(TRANSFER, Timestamp(GENESIS_TIME)) is True
        assert checker.blocks == [5_000]
        asked = node.calls("eth_getLogs")
        assert all(params[0]["topics"] == [["0x" + XCALLED_TOPIC.hex()], "0x" + TRANSFER.hex()] for params in asked)
        assert int(asked[-1][0]["fromBlock"], 16) > 1


async def test_an_origin_that_is_not_there_is_looked_for_back_to_that_time_and_not_found() -> None:
    node = Answering(9_000)
    async with inquiring(node) as (inquiry, checker, _):
        assert await inquiry.fetch_origin(TRANSFER, Timestamp(GENESIS_TIME + 4_000)) is False
        assert checker.blocks == []
        assert 1_000 < int(node.calls("eth_getLogs")[-1][0]["fromBlock"], 16) <= 4_000


async def test_what_stands_before_the_first_watched_block_goes_to_the_checker_of_the_past() -> None:
    node = Answering(9_000, logs=[4_999, 5_000])
    async with inquiring(node) as (_, now, state):
        reached = BlockRef(BlockNumber(9_000), hash_at(9_000), Timestamp(GENESIS_TIME + 9_000))
        state.reached(Coverage(BlockNumber(5_000), BlockNumber(8_000), reached))
        past = Putting()
        assert await Inquiry(state, now, past).fetch_events(TRANSFER, Timestamp(GENESIS_TIME)) is True
        assert (past.blocks, now.blocks) == ([4_999], [5_000])


REFUSALS = [
    (429, "Too many requests"),
    (-32005, "You have exceeded the RPS limit"),
    (-32000, "header not found"),
    (-32000, "missing trie node 5f2a"),
    (-32603, "Internal error"),
    (-32600, "eth_call is not available on your plan"),
    (-32601, "the method eth_call does not exist/is not available"),
    (-32000, "execution aborted (timeout = 5s)"),
    (-32005, "limit exceeded"),
]


class Refusing(Answering):
    """As `Answering`, and refuses eth_call."""

    refusal: tuple[int, str] = (3, "execution reverted")

    def answer(self, request: dict[str, Any]) -> str:
        return error(request, *self.refusal) if request["method"] == "eth_call" else super().answer(request)


@pytest.mark.parametrize("refusal", REFUSALS, ids=[text for _, text in REFUSALS])
async def test_a_refusal_that_says_nothing_about_a_token_is_no_answer(
    refusal: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connext_monitor.monitoring.pacer._PATIENCE", 0.1)
    node = Refusing(120)
    node.refusal = refusal
    async with inquiring(node) as (inquiry, _, _):
        with pytest.raises(Unanswered):
            await inquiry.token(CONTRACT)


@pytest.mark.parametrize(
    "refusal",
    [
        (3, "execution reverted"),
        (-32000, "execution reverted: too many requests"),
        (-32000, "VM Exception while processing transaction: reverted with reason string 'rate limit exceeded'"),
        (-32015, "VM execution error. Reverted 0x"),
        (-32000, "invalid opcode: INVALID"),
    ],
)
async def test_a_token_that_reverts_has_no_name_whatever_its_words_are(refusal: tuple[int, str]) -> None:
    node = Refusing(120)
    node.refusal = refusal
    async with inquiring(node) as (inquiry, _, state):
        assert await inquiry.token(CONTRACT) is None
        assert state.endpoint is not None
        assert state.endpoint.pacer.throttle.refusals == 0
