"""Questions about one transfer, put to a loopback node that holds a made-up chain."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from random import Random
from typing import Any

import pytest

from connext_monitor.clock import SystemClock
from connext_monitor.config import ChainConfig
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.decoding import XCALLED_TOPIC
from connext_monitor.core.events import BlockNumber, BlockRef, Timestamp, TransferId
from connext_monitor.core.side_events import SLIPPAGE_UPDATED_TOPIC, SlippageUpdated
from connext_monitor.monitoring.chain_queries import ChainQueries, Unanswered
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.intervals import USUAL
from connext_monitor.monitoring.json_rpc import RpcLimits
from connext_monitor.monitoring.observation import Observation
from connext_monitor.monitoring.pacer import Pacer
from tests.monitoring.made_up_chain import CONTRACT, GENESIS_TIME, TOPIC, Node, hash_at
from tests.monitoring.nodes import error, http_node, posting, result
from tests.world.waiting import until

TRANSFER = TransferId(b"\x77" * 32)


def config(*endpoints: str) -> ChainConfig:
    return ChainConfig.model_validate(
        {
            "name": "devnet",
            "chain_id": 31337,
            "domain_id": 1001,
            "contract": "0x" + CONTRACT.hex(),
            "endpoints": endpoints,
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
        return [decoded.log.block_number for observation in self.put_in for decoded in observation.logs]


class Answering(Node):
    """As `Node`, and answers eth_call; ``asked`` are the methods and their parameters."""

    status: object = "0x" + (0).to_bytes(32).hex()
    chain_id = 31337
    most = 10**9
    words = "limited to a {most} block range"
    refuses: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    a_second = 0
    taken: Sequence[float] = ()

    def heard(self, request: dict[str, Any]) -> str | None:
        """The answer; None is silence."""
        answer = self.answer(request)
        return None if request["method"] in self.silent else answer

    def answer(self, request: dict[str, Any]) -> str:
        self.__dict__.setdefault("asked", []).append((request["method"], request["params"]))
        if (refused := self._refused(request)) is not None:
            return refused
        if request["method"] == "eth_chainId":
            return result(request, hex(self.chain_id))
        if request["method"] == "eth_call":
            return result(request, self.status)
        if request["method"] == "eth_getCode":
            return result(request, "0x60")
        if request["method"] == "eth_getLogs":
            wanted = request["params"][0]
            if int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) >= self.most:
                return error(request, -32600, self.words.format(most=self.most))
        return super().answer(request)

    def _refused(self, request: dict[str, Any]) -> str | None:
        if request["method"] in self.refuses:
            return error(request, -32601, "not available on your plan")
        if request["method"] != "eth_call" or not self.a_second:
            return None
        lately = [at for at in self.taken if at > time.monotonic() - 1]
        self.taken = [*lately, time.monotonic()][: self.a_second]
        return error(request, 429, "Too Many Requests") if len(lately) >= self.a_second else None

    def calls(self, method: str) -> list[Any]:
        return [params for name, params in self.__dict__.get("asked", []) if name == method]


@asynccontextmanager
async def querying(
    node: Answering,
    covered: int | None = 100,
    others: Sequence[Answering] = (),
    limits: RpcLimits | None = None,
    patience: float = USUAL.question,
) -> AsyncIterator[tuple[ChainQueries, Putting, ChainState]]:
    """Queries to a chain that is covered up to there through ``node``, and has other endpoints too."""
    async with AsyncExitStack() as stack:
        urls = []
        for one in (node, *others):
            one.log_changes = {"topics": ["0x" + TOPIC.hex(), "0x" + TRANSFER.hex()]}
            urls.append(await stack.enter_async_context(http_node(posting(one.heard))))
        state = ChainState(config(*urls), SystemClock(), 60)
        pool = EndpointPool(state.config, open_endpoint, SystemClock(), Random(1))  # noqa: S311 - spreads retries
        endpoint = await stack.enter_async_context(open_endpoint(urls[0], limits=limits))
        endpoint.pacer = Pacer(patience=patience)
        state.connected(endpoint, pool.endpoints[0])
        if covered is not None:
            block = BlockRef(BlockNumber(covered), hash_at(covered), Timestamp(GENESIS_TIME + covered))
            state.reached(Coverage(BlockNumber(1), BlockNumber(1), block))
        checker = Putting()
        yield ChainQueries(state, checker, checker, pool), checker, state


async def test_what_another_chain_says_of_a_token_or_a_transfer_is_no_answer() -> None:
    node = Answering(120)
    async with querying(node) as (queries, checker, _):
        node.chain_id = 99
        node.logs = [90]
        for question in (queries.token(CONTRACT), queries.fetch_events(TRANSFER, Timestamp(GENESIS_TIME))):
            with pytest.raises(Unanswered, match="serves chain id 99 by now"):
                await question
    assert checker.put_in == []


async def test_the_status_is_asked_at_the_covered_block_or_a_later_head() -> None:
    node = Answering(120)
    async with querying(node) as (queries, _, state):
        assert await queries.transfer_status(TRANSFER) is TransferStatus.NONE
        assert state.endpoint is not None
        state.saw_head(await state.endpoint.head())
        await queries.transfer_status(TRANSFER)
        assert [params[1] for params in node.calls("eth_call")] == [hex(100), hex(120)]


async def test_a_head_below_the_covered_block_is_not_asked_at_and_what_it_says_does_not_count() -> None:
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
async def test_whether_it_is_paused_is_asked_at_the_covered_block(answer: int, paused: bool) -> None:
    node = Answering(120)
    node.status = "0x" + answer.to_bytes(32).hex()
    async with querying(node) as (queries, _, _):
        assert await queries.paused() is paused
        assert [params[1] for params in node.calls("eth_call")] == [hex(100)]


async def test_a_flag_that_is_neither_yes_nor_no_is_no_answer() -> None:
    node = Answering(120)
    node.status = "0x" + (2).to_bytes(32).hex()
    async with querying(node) as (queries, _, _):
        with pytest.raises(Unanswered):
            await queries.paused()


@pytest.mark.parametrize(("since", "first"), [(8999, 8998), (8800, 8750), (0, 1)])
async def test_side_events_are_looked_for_back_to_about_that_time(since: int, first: int) -> None:
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
async def test_side_events_are_looked_for_in_no_more_than_ten_thousand_blocks_and_in_smaller_ranges(
    words: str, smaller: list[int]
) -> None:
    node = Answering(50_000)
    node.most, node.words = 700, words
    async with querying(node) as (queries, _, state):
        assert state.endpoint is not None
        state.saw_head(await state.endpoint.head())
        await queries.side_events(TRANSFER, [SLIPPAGE_UPDATED_TOPIC], Timestamp(GENESIS_TIME))
        spans = [int(p[0]["toBlock"], 16) - int(p[0]["fromBlock"], 16) + 1 for p in node.calls("eth_getLogs")]
        assert spans == [10_000, *smaller]


async def test_side_events_come_in_the_chains_order_and_hostile_ones_not_at_all() -> None:
    node = Answering(9000, logs=[8950, 8900])
    async with querying(node) as (queries, _, state):
        node.log_changes = {
            "topics": ["0x" + SLIPPAGE_UPDATED_TOPIC.hex(), "0x" + TRANSFER.hex()],
            "data": "0x" + (500).to_bytes(32).hex(),
        }
        assert state.endpoint is not None
        state.saw_head(await state.endpoint.head())
        since = Timestamp(GENESIS_TIME + 8800)
        found = await queries.side_events(TRANSFER, [SLIPPAGE_UPDATED_TOPIC], since)
        assert [one.event for one in found] == [SlippageUpdated(500)] * 2
        node.log_changes["data"] = "0x" + (10_001).to_bytes(32).hex()
        assert await queries.side_events(TRANSFER, [SLIPPAGE_UPDATED_TOPIC], since) == []


async def test_before_anything_is_covered_nothing_is_answered() -> None:
    async with querying(Answering(120), covered=None) as (queries, _, _):
        with pytest.raises(Unanswered, match="covered yet"):
            await queries.transfer_status(TRANSFER)


async def test_without_an_endpoint_in_use_and_a_block_to_know_others_by_nothing_is_answered() -> None:
    async with querying(Answering(120), covered=None) as (queries, _, state):
        state.disconnected()
        with pytest.raises(Unanswered, match="no endpoint of devnet answers"):
            await queries.fetch_events(TRANSFER, Timestamp(0))


async def test_both_legs_are_fetched_however_far_apart_they_stand() -> None:
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
async def test_a_fetch_asks_for_ever_smaller_ranges_where_an_endpoint_wants_that(words: str) -> None:
    node = Answering(3000, logs=[500])
    node.most, node.words = 70, words
    async with querying(node) as (queries, checker, _):
        assert await queries.fetch_events(TRANSFER, Timestamp(0))
        assert checker.blocks == [500]


async def test_an_origin_is_looked_for_by_its_xcalled_alone_and_only_until_it_is_found() -> None:
    node = Answering(9_000, logs=[5_000])
    async with querying(node) as (queries, checker, _):
        assert await queries.fetch_origin(TRANSFER, Timestamp(GENESIS_TIME)) is True
        assert checker.blocks == [5_000]
        asked = node.calls("eth_getLogs")
        assert all(params[0]["topics"] == [["0x" + XCALLED_TOPIC.hex()], "0x" + TRANSFER.hex()] for params in asked)
        assert int(asked[-1][0]["fromBlock"], 16) > 1


async def test_an_origin_that_is_not_there_is_looked_for_back_to_that_time_and_not_found() -> None:
    node = Answering(9_000)
    async with querying(node) as (queries, checker, _):
        assert await queries.fetch_origin(TRANSFER, Timestamp(GENESIS_TIME + 4_000)) is False
        assert checker.blocks == []
        assert 1_000 < int(node.calls("eth_getLogs")[-1][0]["fromBlock"], 16) <= 4_000


async def test_what_stands_before_the_first_watched_block_goes_to_the_checker_of_the_past() -> None:
    node = Answering(9_000, logs=[4_999, 5_000])
    async with querying(node) as (_, now, state):
        pool = EndpointPool(state.config, open_endpoint, SystemClock(), Random(1))  # noqa: S311 - spreads retries
        reached = BlockRef(BlockNumber(9_000), hash_at(9_000), Timestamp(GENESIS_TIME + 9_000))
        state.reached(Coverage(BlockNumber(5_000), BlockNumber(8_000), reached))
        past = Putting()
        assert await ChainQueries(state, now, past, pool).fetch_events(TRANSFER, Timestamp(GENESIS_TIME)) is True
        assert (past.blocks, now.blocks) == ([4_999], [5_000])


def executed(head: int = 120) -> Answering:
    """A node that says that the transfer was executed."""
    node = Answering(head)
    node.status = "0x" + TransferStatus.EXECUTED.to_bytes(32).hex()
    return node


def refusing(*methods: str, head: int = 120) -> Answering:
    """A node that refuses these."""
    node = Answering(head)
    node.refuses = methods
    return node


def on_another_chain() -> Answering:
    """A node whose blocks are others, as those of another chain."""
    return Answering(120, branch=dict.fromkeys(range(121), 1))


@pytest.mark.parametrize("answer", ["0x", "0x" + (9).to_bytes(32).hex(), "0x12", "nonsense", None, {"a": 1}])
async def test_what_the_endpoint_in_use_does_not_answer_another_one_does(answer: object) -> None:
    node = Answering(120)
    node.status = answer
    async with querying(node, others=[executed()]) as (queries, _, _):
        assert await queries.transfer_status(TRANSFER) is TransferStatus.EXECUTED


async def test_every_other_endpoint_is_asked_until_one_answers_which_has_the_covered_block() -> None:
    others = [refusing("eth_call"), Answering(99), on_another_chain(), executed()]
    async with querying(refusing("eth_call"), others=others) as (queries, _, _):
        assert await queries.transfer_status(TRANSFER) is TransferStatus.EXECUTED


async def test_where_nobody_answers_the_reasons_are_told() -> None:
    others = [Answering(99), on_another_chain()]
    async with querying(refusing("eth_call"), others=others) as (queries, _, _):
        with pytest.raises(Unanswered) as raised:
            await queries.transfer_status(TRANSFER)
        for words in ("refused eth_call: not available on your plan", "has no block 100", "has a different block 100"):
            assert words in str(raised.value)


async def test_an_endpoint_in_use_that_has_come_to_serve_another_chain_is_not_believed() -> None:
    async with querying(on_another_chain()) as (queries, _, _):
        with pytest.raises(Unanswered, match="has a different block 100 from the one covered"):
            await queries.transfer_status(TRANSFER)
        with pytest.raises(Unanswered, match="has a different block 100 from the one covered"):
            await queries.fetch_events(TRANSFER, Timestamp(0))


async def test_an_endpoint_that_does_not_answer_rests_and_is_not_asked_all_the_time() -> None:
    node, other = refusing("eth_call"), executed()
    async with querying(node, others=[other]) as (queries, _, _):
        for _ in range(20):
            assert await queries.transfer_status(TRANSFER) is TransferStatus.EXECUTED
        assert len(node.calls("eth_call")) < 5
        assert len(other.calls("eth_call")) == 20


async def test_what_heals_is_asked_again() -> None:
    node = refusing("eth_call")
    async with querying(node) as (queries, _, _):
        with pytest.raises(Unanswered, match="plan"):
            await queries.transfer_status(TRANSFER)
        with pytest.raises(Unanswered, match="plan"):
            await queries.transfer_status(TRANSFER)
        node.refuses = ()

        async def is_answered() -> bool:
            with suppress(Unanswered):
                return await queries.transfer_status(TRANSFER) is TransferStatus.NONE
            return False

        await until(is_answered)
        assert len(node.calls("eth_call")) >= 2


async def test_an_endpoint_that_hangs_holds_up_questions_once_and_no_longer_than_an_answer_may_take() -> None:
    hanging = Answering(120)
    hanging.silent = ("eth_call",)
    async with querying(hanging, others=[executed()], limits=RpcLimits(answer_timeout=0.5)) as (queries, _, _):
        for _ in range(5):
            answers = await asyncio.gather(*(queries.transfer_status(TRANSFER) for _ in range(16)))
            assert set(answers) == {TransferStatus.EXECUTED}
        assert len(hanging.calls("eth_call")) < 20


async def test_many_questions_at_once_share_a_connection_to_another_endpoint() -> None:
    other = executed()
    async with querying(refusing("eth_call"), others=[other]) as (queries, _, _):
        answers = await asyncio.gather(*(queries.transfer_status(TRANSFER) for _ in range(30)))
        assert answers == [TransferStatus.EXECUTED] * 30
        assert len(other.calls("eth_chainId")) == 1


async def test_without_an_endpoint_in_use_the_others_are_asked() -> None:
    async with querying(executed(), others=[executed()]) as (queries, _, state):
        state.disconnected()
        assert await queries.transfer_status(TRANSFER) is TransferStatus.EXECUTED


async def test_events_that_one_endpoint_does_not_show_are_fetched_from_another() -> None:
    async with querying(Answering(120), others=[Answering(120, logs=[110])]) as (queries, checker, _):
        assert await queries.fetch_events(TRANSFER, Timestamp(GENESIS_TIME)) is True
        assert checker.blocks == [110]


async def test_events_are_not_there_only_where_nobody_who_answers_shows_them() -> None:
    others = [refusing("eth_getLogs"), Answering(120)]
    async with querying(refusing("eth_getLogs"), others=others) as (queries, _, _):
        assert await queries.fetch_events(TRANSFER, Timestamp(GENESIS_TIME)) is False
    async with querying(refusing("eth_getLogs"), others=others[:1]) as (queries, _, _):
        with pytest.raises(Unanswered, match="plan"):
            await queries.fetch_events(TRANSFER, Timestamp(GENESIS_TIME))


async def test_an_endpoint_that_refuses_calls_is_still_asked_for_events() -> None:
    node = Answering(120, logs=[110])
    node.refuses = ("eth_call",)
    async with querying(node) as (queries, checker, _):
        with pytest.raises(Unanswered):
            await queries.transfer_status(TRANSFER)
        assert await queries.fetch_events(TRANSFER, Timestamp(GENESIS_TIME)) is True
        assert checker.blocks == [110]


async def test_a_contract_that_does_not_say_whether_it_is_paused_is_asked_for_statuses_all_the_same() -> None:
    node = Answering(120)
    node.status = "0x" + (2).to_bytes(32).hex()
    async with querying(node) as (queries, _, _):
        with pytest.raises(Unanswered):
            await queries.paused()
        assert await queries.transfer_status(TRANSFER) is TransferStatus.EXECUTED


async def test_a_burst_behind_a_rate_limit_is_answered_at_the_pace_of_the_endpoint() -> None:
    node = Answering(120)
    node.a_second = 20
    async with querying(node) as (queries, _, _):
        at_once = asyncio.Semaphore(16)

        async def asked() -> None:
            async with at_once:
                while True:
                    with suppress(Unanswered):
                        assert await queries.transfer_status(TRANSFER) is TransferStatus.NONE
                        return

        async with asyncio.timeout(60):
            await asyncio.gather(*(asked() for _ in range(60)))
        assert len(node.calls("eth_call")) < 150


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
    refusal: tuple[int, str],
) -> None:
    node = Refusing(120)
    node.refusal = refusal
    async with querying(node, patience=0.1) as (queries, _, _):
        with pytest.raises(Unanswered):
            await queries.token(CONTRACT)


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
    async with querying(node) as (queries, _, state):
        assert await queries.token(CONTRACT) is None
        assert state.endpoint is not None
        assert state.endpoint.pacer.throttle.refusals == 0
