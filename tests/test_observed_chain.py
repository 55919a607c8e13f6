"""What an observed chain makes of questions, answered or not: real endpoints and a test's set answers do the same."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from math import inf
from typing import Protocol

import pytest
from structlog.testing import capture_logs

from connext_monitor.clock import SystemClock
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.events import BlockNumber, Timestamp, TransferId
from connext_monitor.core.side_events import DESTINATION_TOPICS
from connext_monitor.monitoring.chain_queries import ChainQueries, Unanswered
from connext_monitor.monitoring.intervals import USUAL
from connext_monitor.observed_chain import ObservedChain
from tests.alerting.answering_chain import AnsweringChain
from tests.monitoring.covering import Memory, Whole, observing
from tests.monitoring.made_up_chain import GENESIS_TIME
from tests.monitoring.nodes import http_node, posting
from tests.monitoring.querying import TRANSFER, Answering, observed
from tests.world.alerts import INFO
from tests.world.waiting import until

OTHER = TransferId(b"\x78" * 32)
SINCE = Timestamp(GENESIS_TIME + 100)


class AskedChain(Protocol):
    """A chain that answers, as long as a test does not have it refuse."""

    @property
    def chain(self) -> ObservedChain: ...

    @property
    def queries(self) -> ChainQueries: ...

    @property
    def has_recorded(self) -> bool:
        """Whether anything that was found has been recorded."""
        ...

    def refuse(self) -> None:
        """Nothing is answered any more."""
        ...

    def answer_again(self) -> None: ...

    def refuse_about(self, transfer_id: TransferId) -> None:
        """Nobody answers about this one."""
        ...

    def execute(self) -> None:
        """Every transfer is executed, and the event of one stands on the chain."""
        ...


@dataclass
class SetChain:
    """A chain with set answers."""

    chain: AnsweringChain = field(default_factory=AnsweringChain)
    recorded: list[TransferId] = field(default_factory=list)

    @property
    def queries(self) -> ChainQueries:
        return self.chain.answers

    @property
    def has_recorded(self) -> bool:
        return bool(self.recorded)

    def refuse(self) -> None:
        answers = self.chain.answers
        answers.status = answers.pause = answers.side = None
        answers.searched = False

    def answer_again(self) -> None:
        answers = self.chain.answers
        answers.status, answers.pause, answers.side, answers.searched = TransferStatus.NONE, False, [], True

    def refuse_about(self, transfer_id: TransferId) -> None:
        self.chain.answers.nameless = transfer_id

    def execute(self) -> None:
        async def record(transfer_id: TransferId) -> None:
            self.recorded.append(transfer_id)

        self.chain.answers.status, self.chain.answers.find = TransferStatus.EXECUTED, record


@dataclass
class RealChain:
    """A chain with a loopback node."""

    chain: ObservedChain
    queries: ChainQueries
    node: Answering
    checker: Memory

    @property
    def has_recorded(self) -> bool:
        return self.checker.blocks == [110]

    def refuse(self) -> None:
        self.node.refuses = ("eth_call", "eth_getLogs")

    def answer_again(self) -> None:
        self.node.refuses = ()

    def refuse_about(self, transfer_id: TransferId) -> None:
        self.node.nameless = transfer_id

    def execute(self) -> None:
        self.node.status = "0x" + TransferStatus.EXECUTED.to_bytes(32).hex()
        self.node.logs = [110]


@asynccontextmanager
async def real_chain() -> AsyncIterator[RealChain]:
    node = Answering(120)
    async with observed(node) as (observer, queries, checker):
        assert observer.state.endpoint is not None
        observer.state.saw_head(await observer.state.endpoint.head())
        yield RealChain(ObservedChain(observer, queries), queries, node, checker)


@pytest.fixture(params=["set answers", "endpoints"])
async def asked(request: pytest.FixtureRequest) -> AsyncIterator[AskedChain]:
    if request.param == "set answers":
        yield SetChain()
        return
    async with real_chain() as chain:
        yield chain


async def test_an_answer_is_passed_on(asked: AskedChain) -> None:
    assert await asked.chain.transfer_status(TRANSFER) is TransferStatus.NONE
    assert await asked.chain.fetch_events(TRANSFER, SINCE) is False
    assert await asked.queries.fetch_origin(TRANSFER, SINCE) is False
    assert await asked.chain.paused() is False
    assert await asked.chain.side_events(TRANSFER, DESTINATION_TOPICS, SINCE) == []
    assert asked.chain.unanswered is None
    assert not asked.has_recorded


async def test_several_transfers_are_answered_for_together_or_none_is(asked: AskedChain) -> None:
    asked.execute()
    executed = TransferStatus.EXECUTED
    assert await asked.chain.transfer_statuses([OTHER, TRANSFER]) == [executed, executed]
    asked.refuse_about(TRANSFER)
    assert await asked.chain.transfer_statuses([OTHER, TRANSFER]) is None
    assert asked.chain.unanswered is not None


async def test_an_unanswered_question_is_none_and_says_why(asked: AskedChain) -> None:
    asked.refuse()
    assert await asked.chain.transfer_status(TRANSFER) is None
    assert "refused eth_call" in str(asked.chain.unanswered)
    assert await asked.chain.fetch_events(TRANSFER, SINCE) is None
    assert "refused eth_" in str(asked.chain.unanswered)
    with pytest.raises(Unanswered, match="refused eth_"):
        await asked.queries.fetch_origin(TRANSFER, SINCE)
    asked.answer_again()
    assert await asked.chain.transfer_status(TRANSFER) is TransferStatus.NONE
    assert asked.chain.unanswered is None


async def test_what_is_found_is_recorded_before_the_answer(asked: AskedChain) -> None:
    asked.execute()
    assert await asked.chain.transfer_status(TRANSFER) is TransferStatus.EXECUTED
    assert await asked.chain.fetch_events(TRANSFER, SINCE) is True
    assert asked.has_recorded


async def test_an_origin_that_is_found_is_recorded_before_the_answer(asked: AskedChain) -> None:
    asked.execute()
    assert await asked.queries.fetch_origin(TRANSFER, SINCE) is True
    assert asked.has_recorded


async def test_one_transfer_without_an_answer_leaves_others_theirs(asked: AskedChain) -> None:
    asked.refuse_about(TRANSFER)
    assert await asked.chain.transfer_status(TRANSFER) is None
    assert await asked.chain.transfer_status(OTHER) is TransferStatus.NONE
    assert await asked.chain.fetch_events(TRANSFER, SINCE) is None
    assert await asked.chain.fetch_events(OTHER, SINCE) is False
    assert await asked.chain.side_events(TRANSFER, DESTINATION_TOPICS, SINCE) is None
    assert await asked.chain.side_events(OTHER, DESTINATION_TOPICS, SINCE) == []


async def test_a_reason_is_logged_once_for_as_long_as_it_stands(asked: AskedChain) -> None:
    with capture_logs() as lines:
        for refuses in (True, True, False, True):
            (asked.refuse if refuses else asked.answer_again)()
            await asked.chain.transfer_status(TRANSFER)
    logged = [line["chain"] for line in lines if line["event"] == "chain.not_asked"]
    assert logged == [asked.chain.name] * 2


async def test_a_circumstance_that_is_not_known_hinders_no_judgement(asked: AskedChain) -> None:
    asked.refuse()
    assert await asked.chain.paused() is None
    assert await asked.chain.side_events(TRANSFER, DESTINATION_TOPICS, SINCE) is None
    assert await asked.chain.sent_params(TRANSFER, BlockNumber(90)) is None
    assert await asked.chain.simulated_execution(TRANSFER, INFO, []) is None
    assert asked.chain.unanswered is None


async def test_a_chain_that_only_goes_on_is_read_again_when_asked() -> None:
    node, seldom = Whole(10), replace(USUAL, calm=3600.0)
    async with (
        http_node(posting(node.answer)) as url,
        observing(url, patience=36_000, intervals=seldom) as (observer, memory),
    ):
        chain = ObservedChain(observer, ChainQueries(observer.state, memory, memory, observer.pool))
        await until(lambda: chain.has_reread(BlockNumber(10)))
        since = SystemClock().monotonic()
        node.head = 11
        await until(lambda: node.ranges[-1] == (11, 11))
        await until(lambda: observer.state.covered and observer.state.covered.number == 11)
        assert not observer.state.has_reread(BlockNumber(10), since)
        await until(lambda: chain.has_reread(BlockNumber(10), since))
        assert node.ranges[-1][0] < 11
        read = len(node.ranges)
        assert chain.has_reread(BlockNumber(10), since)
        assert len(node.ranges) == read


async def test_after_a_store_outage_a_chain_is_read_again_at_once() -> None:
    node, works_since = Whole(10), -inf
    clock, seldom = SystemClock(), replace(USUAL, calm=3600.0)
    async with (
        http_node(posting(node.answer)) as url,
        observing(url, patience=36_000, intervals=seldom, store_works_for=lambda: clock.monotonic() - works_since) as (
            observer,
            memory,
        ),
    ):
        chain = ObservedChain(observer, ChainQueries(observer.state, memory, memory, observer.pool))
        await until(lambda: chain.has_reread(BlockNumber(10)))
        works_since = clock.monotonic()
        assert not chain.has_reread(BlockNumber(10))
        await until(lambda: chain.has_reread(BlockNumber(10)))
        assert node.ranges[-1][1] == 10
