import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from connext_monitor.core.calls import NONCE_CALL, read_transfer_status, read_uint, transfer_status_call
from connext_monitor.core.decoding import EVENT_TOPICS
from connext_monitor.core.events import BlockNumber, TransferId
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcRefused
from tests.simulation.facts import Event
from tests.simulation.opened_endpoint import CLAMPING, CONTRACT, Opened, at, fault, story_of
from tests.simulation.small_worlds import HERE, POLLED, PUSHING, THERE, transfer
from tests.simulation.story import EndpointTraits
from tests.simulation.troubles import EndpointTrouble


async def head(node: Opened) -> int:
    return (await node.endpoint.head()).number


async def all_logs(node: Opened) -> list[int]:
    return await node.logs()


def refusal_of(trouble: EndpointTrouble, amount: float, ask: Callable[[Opened], Awaitable[object]]) -> Reaction:
    with pytest.raises(RpcRefused) as refused:
        at(50.0, story_of(fault(trouble, amount)), ask)
    return refused.value.refusal.reaction


# Well


def test_an_honest_endpoint_has_all_blocks_and_logs() -> None:
    assert at(50.0, story_of(), head) == 65
    assert at(50.0, story_of(), all_logs) == [7, 8, 9]


def test_it_answers_from_the_state_after_the_block_that_is_asked_about() -> None:
    async def nonces(node: Opened) -> list[int]:
        return [
            read_uint(await node.endpoint.call(CONTRACT, NONCE_CALL, BlockNumber(number))) for number in (60, 61, 65)
        ]

    assert at(50.0, story_of(), nonces) == [7, 8, 10]


def test_a_status_is_none_where_the_leg_stands_elsewhere() -> None:
    async def status(node: Opened) -> int:
        node.world.advance(400.0)
        called = TransferId(bytes.fromhex(node.world.ledger(HERE).facts.facts[0].transfer_id[2:]))
        return read_transfer_status(await node.endpoint.call(CONTRACT, transfer_status_call(called), "latest"))

    assert at(400.0, story_of(), status) == 0


def test_the_final_block_is_as_deep_as_the_chain_says() -> None:
    async def final(node: Opened) -> int:
        header = await node.endpoint.header("finalized")
        return header.number if header else -1

    assert at(50.0, story_of(), final) == 60


def test_a_state_above_the_head_is_lag() -> None:
    async def above(node: Opened) -> object:
        return await node.endpoint.call(CONTRACT, NONCE_CALL, BlockNumber(66))

    with pytest.raises(RpcRefused) as refused:
        at(50.0, story_of(), above)
    assert refused.value.refusal.reaction is Reaction.LAG


def test_logs_above_the_head_are_refused_by_some_and_clamped_by_others() -> None:
    async def above(node: Opened) -> list[int]:
        return await node.logs(0, 70)

    with pytest.raises(RpcRefused):
        at(50.0, story_of(), above)
    assert at(50.0, story_of(traits=CLAMPING), above) == [7, 8, 9]


def test_loose_writing_reads_the_same() -> None:
    assert at(50.0, story_of(traits=EndpointTraits(pushes=False, loose=True)), all_logs) == [7, 8, 9]


# Unwell


def test_an_endpoint_that_lags_has_an_older_head() -> None:
    assert at(50.0, story_of(fault(EndpointTrouble.LAG, 3)), head) == 62
    assert at(550.0, story_of(fault(EndpointTrouble.LAG, 3)), head) == 115


def test_what_is_left_out_is_always_the_same() -> None:
    leaving_out = story_of(fault(EndpointTrouble.LEAVE_OUT, 0.5))
    shown = at(50.0, leaving_out, all_logs)
    assert 0 < len(shown) < 3
    assert at(300.0, leaving_out, all_logs) == shown
    assert at(550.0, leaving_out, all_logs) == [7, 8, 9]


def test_legs_that_are_hidden_are_told_of_by_the_contract_alone() -> None:
    async def shown(node: Opened) -> tuple[list[int], int]:
        ledger = node.world.ledger(HERE)
        logs = await node.logs()
        leg = next(fact for fact in ledger.facts.facts if fact.event is Event.EXECUTED)
        asked = transfer_status_call(TransferId(bytes.fromhex(leg.transfer_id[2:])))
        return logs, read_transfer_status(await node.endpoint.call(CONTRACT, asked, "latest"))

    there_and_back = replace(story_of(), transfers=(transfer(5.0), transfer(5.0, origin=THERE, destination=HERE)))
    hiding = replace(there_and_back, endpoint_faults=(fault(EndpointTrouble.HIDE_LEGS),))
    assert [len(at(300.0, each, shown)[0]) for each in (there_and_back, hiding)] == [3, 1]
    assert [at(300.0, each, shown)[1] for each in (there_and_back, hiding)] == [3, 3]


def test_an_uneven_endpoint_is_behind_in_half_its_answers_in_no_rhythm() -> None:
    async def heads(node: Opened) -> list[int]:
        return [await head(node) for _ in range(16)]

    heard = at(50.0, story_of(fault(EndpointTrouble.UNEVEN, 3)), heads)
    assert set(heard) == {62, 65}
    assert {heard[number] == heard[number + 1] for number in range(15)} == {True, False}
    assert 4 <= heard.count(62) <= 12


def test_shuffled_logs_come_in_the_opposite_order() -> None:
    assert at(50.0, story_of(fault(EndpointTrouble.SHUFFLE)), all_logs) == [9, 8, 7]


def test_an_empty_endpoint_finds_nothing() -> None:
    assert at(50.0, story_of(fault(EndpointTrouble.EMPTY)), all_logs) == []


@pytest.mark.parametrize(("trouble", "final"), [(EndpointTrouble.FINAL_HIGH, 65), (EndpointTrouble.FINAL_STUCK, 58)])
def test_a_wrong_final_block_is_too_high_or_stands(trouble: EndpointTrouble, final: int) -> None:
    async def tagged(node: Opened) -> int:
        header = await node.endpoint.header("finalized")
        return header.number if header else -1

    assert at(50.0, story_of(fault(trouble, at=30.0), tagged=True), tagged) == final


async def tag(node: Opened) -> object:
    return await node.endpoint.header("finalized")


async def call(node: Opened) -> object:
    return await node.endpoint.call(CONTRACT, NONCE_CALL, "latest")


@pytest.mark.parametrize(
    ("trouble", "amount", "ask", "reaction"),
    [
        (EndpointTrouble.FINAL_MISSING, 1, tag, Reaction.LAG),
        (EndpointTrouble.REFUSE, 1, head, Reaction.OTHER),
        (EndpointTrouble.REFUSE_LOGS, 1, all_logs, Reaction.OTHER),
        (EndpointTrouble.REFUSE_CALLS, 1, call, Reaction.UNSUPPORTED),
        (EndpointTrouble.RANGE_LIMIT, 5, all_logs, Reaction.RANGE),
        (EndpointTrouble.PRUNE, 5, all_logs, Reaction.PRUNED),
    ],
)
def test_a_refusal_says_what_it_is_about(
    trouble: EndpointTrouble, amount: float, ask: Callable[[Opened], Awaitable[object]], reaction: Reaction
) -> None:
    assert refusal_of(trouble, amount, ask) is reaction


def test_a_range_within_the_limit_is_answered() -> None:
    async def last_five(node: Opened) -> list[int]:
        return await node.logs(61, 65)

    assert at(50.0, story_of(fault(EndpointTrouble.RANGE_LIMIT, 5)), last_five) == [7, 8, 9]


def test_too_many_requests_in_a_second_are_refused_for_the_rate() -> None:
    async def many(node: Opened) -> list[object]:
        # Together, since one after another they would be paced.
        return await asyncio.gather(*(node.client.request("eth_chainId", []) for _ in range(5)), return_exceptions=True)

    answers = at(50.0, story_of(fault(EndpointTrouble.RATE_LIMIT, 2)), many)
    refused = [answer for answer in answers if isinstance(answer, RpcRefused)]
    assert len(refused) == 3
    assert {answer.refusal.reaction for answer in refused} == {Reaction.RATE}


@pytest.mark.parametrize("trouble", [EndpointTrouble.HANG, EndpointTrouble.MALFORMED, EndpointTrouble.DISCONNECT])
@pytest.mark.parametrize("traits", [POLLED, PUSHING], ids=["http", "ws"])
def test_an_endpoint_that_gives_no_answer_is_unavailable(trouble: EndpointTrouble, traits: EndpointTraits) -> None:
    with pytest.raises(EndpointUnavailable):
        at(50.0, story_of(fault(trouble, at=30.0), traits=traits), head)


def test_a_slow_answer_comes_later() -> None:
    async def seconds(node: Opened) -> float:
        before = asyncio.get_running_loop().time()
        await node.endpoint.head()
        return asyncio.get_running_loop().time() - before

    assert at(50.0, story_of(fault(EndpointTrouble.SLOW, 4)), seconds) > 4


def test_a_request_to_another_chain_is_answered_by_it() -> None:
    async def chain_ids(node: Opened) -> list[int]:
        return [await node.endpoint.chain_id() for _ in range(4)]

    assert set(at(50.0, story_of(fault(EndpointTrouble.OTHER_CHAIN, 1)), chain_ids)) == {30_000 + THERE}
    assert len(set(at(50.0, story_of(fault(EndpointTrouble.OTHER_CHAIN, 2)), chain_ids))) == 2


def test_the_data_of_a_malformed_log_is_cut_short() -> None:
    async def lengths(node: Opened) -> set[int]:
        last = BlockNumber(await head(node))
        fetched = await node.endpoint.logs(CONTRACT, [EVENT_TOPICS], BlockNumber(0), last)
        return {len(log.data) for log in fetched.logs}

    (whole,) = at(50.0, story_of(), lengths)
    assert at(50.0, story_of(fault(EndpointTrouble.MALFORMED_LOGS)), lengths) == {whole - 32}
