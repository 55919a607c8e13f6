"""Which of a chain's endpoints a question is put to, and when one rests."""

import asyncio
from contextlib import suppress

import pytest

from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.events import Timestamp
from connext_monitor.monitoring.chain_queries import Unanswered
from connext_monitor.monitoring.json_rpc import RpcLimits
from tests.monitoring.made_up_chain import GENESIS_TIME
from tests.monitoring.querying import (
    TRANSFER,
    Answering,
    executed,
    on_another_chain,
    querying,
    refusing,
)
from tests.world.waiting import until


@pytest.mark.parametrize("answer", ["0x", "0x" + (9).to_bytes(32).hex(), "0x12", "nonsense", None, {"a": 1}])
async def test_what_one_endpoint_does_not_answer_another_does(answer: object) -> None:
    node = Answering(120)
    node.status = answer
    async with querying(node, others=[executed()]) as (queries, _, _):
        assert await queries.transfer_status(TRANSFER) is TransferStatus.EXECUTED


async def test_endpoints_are_asked_until_one_has_the_covered_block() -> None:
    others = [refusing("eth_call"), Answering(99), on_another_chain(), executed()]
    async with querying(refusing("eth_call"), others=others) as (queries, _, _):
        assert await queries.transfer_status(TRANSFER) is TransferStatus.EXECUTED


async def test_if_nobody_answers_the_reasons_are_given() -> None:
    others = [Answering(99), on_another_chain()]
    async with querying(refusing("eth_call"), others=others) as (queries, _, _):
        with pytest.raises(Unanswered) as raised:
            await queries.transfer_status(TRANSFER)
        for words in ("refused eth_call: not available on your plan", "has no block 100", "has a different block 100"):
            assert words in str(raised.value)


async def test_an_endpoint_now_on_another_chain_is_not_believed() -> None:
    async with querying(on_another_chain()) as (queries, _, _):
        with pytest.raises(Unanswered, match="has a different block 100 from the one covered"):
            await queries.transfer_status(TRANSFER)
        with pytest.raises(Unanswered, match="has a different block 100 from the one covered"):
            await queries.fetch_events(TRANSFER, Timestamp(0))


async def test_an_endpoint_that_does_not_answer_rests() -> None:
    node, other = refusing("eth_call"), executed()
    async with querying(node, others=[other]) as (queries, _, _):
        for _ in range(20):
            assert await queries.transfer_status(TRANSFER) is TransferStatus.EXECUTED
        assert len(node.calls("eth_call")) < 5
        assert len(other.calls("eth_call")) == 20


async def test_an_endpoint_that_heals_is_asked_again() -> None:
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


async def test_an_endpoint_that_hangs_holds_up_questions_once() -> None:
    hanging = Answering(120)
    hanging.silent = ("eth_call",)
    async with querying(hanging, others=[executed()], limits=RpcLimits(answer_timeout=2.0)) as (queries, _, _):
        for _ in range(5):
            answers = await asyncio.gather(*(queries.transfer_status(TRANSFER) for _ in range(16)))
            assert set(answers) == {TransferStatus.EXECUTED}
        assert len(hanging.calls("eth_call")) < 20


async def test_questions_share_a_connection_to_another_endpoint() -> None:
    other = executed()
    async with querying(refusing("eth_call"), others=[other]) as (queries, _, _):
        answers = await asyncio.gather(*(queries.transfer_status(TRANSFER) for _ in range(30)))
        assert answers == [TransferStatus.EXECUTED] * 30
        assert len(other.calls("eth_chainId")) == 1


async def test_without_an_endpoint_in_use_the_others_are_asked() -> None:
    async with querying(executed(), others=[executed()]) as (queries, _, state):
        state.disconnected()
        assert await queries.transfer_status(TRANSFER) is TransferStatus.EXECUTED


async def test_events_one_endpoint_hides_are_fetched_from_another() -> None:
    async with querying(Answering(120), others=[Answering(120, logs=[110])]) as (queries, checker, _):
        assert await queries.fetch_events(TRANSFER, Timestamp(GENESIS_TIME)) is True
        assert checker.blocks == [110]


async def test_events_are_absent_only_if_nobody_shows_them() -> None:
    others = [refusing("eth_getLogs"), Answering(120)]
    async with querying(refusing("eth_getLogs"), others=others) as (queries, _, _):
        assert await queries.fetch_events(TRANSFER, Timestamp(GENESIS_TIME)) is False
    async with querying(refusing("eth_getLogs"), others=others[:1]) as (queries, _, _):
        with pytest.raises(Unanswered, match="plan"):
            await queries.fetch_events(TRANSFER, Timestamp(GENESIS_TIME))


async def test_an_endpoint_that_refuses_calls_is_asked_for_events() -> None:
    node = Answering(120, logs=[110])
    node.refuses = ("eth_call",)
    async with querying(node) as (queries, checker, _):
        with pytest.raises(Unanswered):
            await queries.transfer_status(TRANSFER)
        assert await queries.fetch_events(TRANSFER, Timestamp(GENESIS_TIME)) is True
        assert checker.blocks == [110]


async def test_an_endpoint_that_fails_at_pauses_is_asked_for_statuses() -> None:
    node = Answering(120)
    node.status = "0x" + (2).to_bytes(32).hex()
    async with querying(node) as (queries, _, _):
        with pytest.raises(Unanswered):
            await queries.paused()
        assert await queries.transfer_status(TRANSFER) is TransferStatus.EXECUTED


async def test_a_burst_is_answered_at_the_pace_of_the_endpoint() -> None:
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
