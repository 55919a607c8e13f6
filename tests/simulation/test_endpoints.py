import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import pytest

from connext_monitor.config import ChainConfig
from connext_monitor.core.calls import NONCE_CALL, read_transfer_status, read_uint, transfer_status_call
from connext_monitor.core.decoding import EVENT_TOPICS
from connext_monitor.core.events import BlockNumber, TransferId
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.chain_data import MalformedEntry, PushedLog
from connext_monitor.monitoring.endpoint import Endpoint, Pushes
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcRefused
from tests.simulation.endpoints import Endpoints, SimulatedClient, chain_table
from tests.simulation.facts import Event
from tests.simulation.small_worlds import HERE, POLLED, PUSHING, THERE, chain, story, transfer
from tests.simulation.story import Beyond, EndpointFault, EndpointTraits, EndpointTrouble, Reorg, Story
from tests.simulation.world import World
from tests.simulation.written_log import contract_of
from tests.world.virtual_time import run_virtually

CONTRACT = contract_of(HERE)
WHILE = 500.0
"""Seconds from the story's begin for which the faults of these tests last."""
CLAMPING = EndpointTraits(pushes=False, beyond=Beyond.CLAMP)

_T = TypeVar("_T")


def fault(trouble: EndpointTrouble, amount: float = 1.0, at: float = 0.0) -> EndpointFault:
    return EndpointFault(HERE, 0, at, WHILE - at, trouble, amount)


def told(
    *faults: EndpointFault, traits: EndpointTraits = POLLED, reorgs: tuple[Reorg, ...] = (), tagged: bool = False
) -> Story:
    """A story in which an endpoint of a chain has these faults, and three transfers are called on it early."""
    transfers = tuple(transfer(at) for at in (5.0, 15.0, 25.0))
    chains = (chain(HERE, traits, tagged=tagged), chain(THERE))
    return story(*transfers, chains=chains, endpoint_faults=faults, reorgs=reorgs)


class Opened:
    """An endpoint of a world that passes in virtual time."""

    def __init__(self, world: World, endpoints: Endpoints, client: SimulatedClient, endpoint: Endpoint) -> None:
        self.world = world
        self.endpoints = endpoints
        self.client = client
        self.endpoint = endpoint

    async def logs(self, first: int = 0, last: int | None = None) -> list[int]:
        """The nonces of the calls in these blocks, up to the real head if no last one is given."""
        self.world.advance(asyncio.get_running_loop().time())
        last = self.world.ledger(HERE).head.number if last is None else last
        fetched = await self.endpoint.logs(CONTRACT, [EVENT_TOPICS], BlockNumber(first), BlockNumber(last))
        return [int.from_bytes(log.topics[2]) for log in fetched.logs]


@asynccontextmanager
async def opened(world_of: Story) -> AsyncIterator[Opened]:
    world = World(world_of)
    endpoints = Endpoints(world, asyncio.get_running_loop().time)
    table = chain_table(world_of.chains[0]) | {"name": "here"}
    url = ChainConfig.model_validate(table).endpoints[0]
    async with endpoints.open_endpoint(url, on_request=lambda _method, _outcome: None) as endpoint:
        (client,) = endpoints.clients
        yield Opened(world, endpoints, client, endpoint)


def at(seconds: float, world_of: Story, ask: Callable[[Opened], Awaitable[_T]]) -> _T:
    """What is answered when it is asked at an instant, over a connection that was opened at the story's begin."""

    async def asked() -> _T:
        async with opened(world_of) as node:
            await asyncio.sleep(seconds - asyncio.get_running_loop().time())
            return await ask(node)

    return run_virtually(asked())


async def head(node: Opened) -> int:
    return (await node.endpoint.head()).number


async def all_logs(node: Opened) -> list[int]:
    return await node.logs()


def refusal_of(trouble: EndpointTrouble, amount: float, ask: Callable[[Opened], Awaitable[object]]) -> Reaction:
    with pytest.raises(RpcRefused) as refused:
        at(50.0, told(fault(trouble, amount)), ask)
    return refused.value.refusal.reaction


# Well


def test_an_honest_endpoint_has_all_blocks_and_logs() -> None:
    assert at(50.0, told(), head) == 65
    assert at(50.0, told(), all_logs) == [7, 8, 9]


def test_it_answers_from_the_state_after_the_block_that_is_asked_about() -> None:
    async def nonces(node: Opened) -> list[int]:
        return [
            read_uint(await node.endpoint.call(CONTRACT, NONCE_CALL, BlockNumber(number))) for number in (60, 61, 65)
        ]

    assert at(50.0, told(), nonces) == [7, 8, 10]


def test_a_status_is_none_where_the_leg_stands_elsewhere() -> None:
    async def status(node: Opened) -> int:
        node.world.advance(400.0)
        called = TransferId(bytes.fromhex(node.world.ledger(HERE).facts.facts[0].transfer_id[2:]))
        return read_transfer_status(await node.endpoint.call(CONTRACT, transfer_status_call(called), "latest"))

    assert at(400.0, told(), status) == 0


def test_the_final_block_is_as_deep_as_the_chain_says() -> None:
    async def final(node: Opened) -> int:
        header = await node.endpoint.header("finalized")
        return header.number if header else -1

    assert at(50.0, told(), final) == 60


def test_a_state_above_the_head_is_lag() -> None:
    async def above(node: Opened) -> object:
        return await node.endpoint.call(CONTRACT, NONCE_CALL, BlockNumber(66))

    with pytest.raises(RpcRefused) as refused:
        at(50.0, told(), above)
    assert refused.value.refusal.reaction is Reaction.LAG


def test_logs_above_the_head_are_refused_by_some_and_clamped_by_others() -> None:
    async def above(node: Opened) -> list[int]:
        return await node.logs(0, 70)

    with pytest.raises(RpcRefused):
        at(50.0, told(), above)
    assert at(50.0, told(traits=CLAMPING), above) == [7, 8, 9]


def test_loose_writing_reads_the_same() -> None:
    assert at(50.0, told(traits=EndpointTraits(pushes=False, loose=True)), all_logs) == [7, 8, 9]


# Unwell


def test_an_endpoint_that_lags_has_an_older_head() -> None:
    assert at(50.0, told(fault(EndpointTrouble.LAG, 3)), head) == 62
    assert at(550.0, told(fault(EndpointTrouble.LAG, 3)), head) == 115


def test_what_is_left_out_is_always_the_same() -> None:
    leaving_out = told(fault(EndpointTrouble.LEAVE_OUT, 0.5))
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

    there_and_back = replace(told(), transfers=(transfer(5.0), transfer(5.0, origin=THERE, destination=HERE)))
    hiding = replace(there_and_back, endpoint_faults=(fault(EndpointTrouble.HIDE_LEGS),))
    assert [len(at(300.0, each, shown)[0]) for each in (there_and_back, hiding)] == [3, 1]
    assert [at(300.0, each, shown)[1] for each in (there_and_back, hiding)] == [3, 3]


def test_an_uneven_endpoint_is_behind_in_every_second_answer() -> None:
    async def heads(node: Opened) -> list[int]:
        return [await head(node) for _ in range(4)]

    assert sorted(at(50.0, told(fault(EndpointTrouble.UNEVEN, 3)), heads)) == [62, 62, 65, 65]


def test_shuffled_logs_come_in_the_opposite_order() -> None:
    assert at(50.0, told(fault(EndpointTrouble.SHUFFLE)), all_logs) == [9, 8, 7]


def test_an_empty_endpoint_finds_nothing() -> None:
    assert at(50.0, told(fault(EndpointTrouble.EMPTY)), all_logs) == []


@pytest.mark.parametrize(("trouble", "final"), [(EndpointTrouble.FINAL_HIGH, 65), (EndpointTrouble.FINAL_STUCK, 58)])
def test_a_wrong_final_block_is_too_high_or_stands(trouble: EndpointTrouble, final: int) -> None:
    async def tagged(node: Opened) -> int:
        header = await node.endpoint.header("finalized")
        return header.number if header else -1

    assert at(50.0, told(fault(trouble, at=30.0), tagged=True), tagged) == final


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

    assert at(50.0, told(fault(EndpointTrouble.RANGE_LIMIT, 5)), last_five) == [7, 8, 9]


def test_too_many_requests_in_a_second_are_refused_for_the_rate() -> None:
    async def many(node: Opened) -> list[object]:
        # Together, since one after another they would be paced.
        return await asyncio.gather(*(node.client.request("eth_chainId", []) for _ in range(5)), return_exceptions=True)

    answers = at(50.0, told(fault(EndpointTrouble.RATE_LIMIT, 2)), many)
    refused = [answer for answer in answers if isinstance(answer, RpcRefused)]
    assert len(refused) == 3
    assert {answer.refusal.reaction for answer in refused} == {Reaction.RATE}


@pytest.mark.parametrize("trouble", [EndpointTrouble.HANG, EndpointTrouble.MALFORMED, EndpointTrouble.DISCONNECT])
@pytest.mark.parametrize("traits", [POLLED, PUSHING], ids=["http", "ws"])
def test_an_endpoint_that_gives_no_answer_is_unavailable(trouble: EndpointTrouble, traits: EndpointTraits) -> None:
    with pytest.raises(EndpointUnavailable):
        at(50.0, told(fault(trouble, at=30.0), traits=traits), head)


def test_a_slow_answer_comes_later() -> None:
    async def seconds(node: Opened) -> float:
        before = asyncio.get_running_loop().time()
        await node.endpoint.head()
        return asyncio.get_running_loop().time() - before

    assert at(50.0, told(fault(EndpointTrouble.SLOW, 4)), seconds) > 4


def test_a_request_to_another_chain_is_answered_by_it() -> None:
    async def chain_ids(node: Opened) -> list[int]:
        return [await node.endpoint.chain_id() for _ in range(4)]

    assert set(at(50.0, told(fault(EndpointTrouble.OTHER_CHAIN, 1)), chain_ids)) == {30_000 + THERE}
    assert len(set(at(50.0, told(fault(EndpointTrouble.OTHER_CHAIN, 2)), chain_ids))) == 2


def test_the_data_of_a_malformed_log_is_cut_short() -> None:
    async def lengths(node: Opened) -> set[int]:
        last = BlockNumber(await head(node))
        fetched = await node.endpoint.logs(CONTRACT, [EVENT_TOPICS], BlockNumber(0), last)
        return {len(log.data) for log in fetched.logs}

    (whole,) = at(50.0, told(), lengths)
    assert at(50.0, told(fault(EndpointTrouble.MALFORMED_LOGS)), lengths) == {whole - 32}


# Pushes


async def pushed_logs(stream: Pushes[PushedLog | MalformedEntry], seconds: float) -> list[tuple[int, bool]]:
    """The nonces of what is pushed until then, and whether it was removed."""
    pushes: list[tuple[int, bool]] = []
    try:
        async with asyncio.timeout(seconds - asyncio.get_running_loop().time()):
            async for pushed in stream:
                assert isinstance(pushed, PushedLog)
                pushes.append((int.from_bytes(pushed.log.topics[2]), pushed.removed))
    except TimeoutError:
        pass
    return pushes


def logs_until(seconds: float, world_of: Story) -> list[tuple[int, bool]]:
    async def followed(node: Opened) -> list[tuple[int, bool]]:
        return await pushed_logs(await node.endpoint.subscribe_logs(CONTRACT, [EVENT_TOPICS]), seconds)

    return at(1.0, world_of, followed)


def heads_until(seconds: float, world_of: Story) -> list[int]:
    async def followed(node: Opened) -> list[int]:
        heads: list[int] = []
        stream = await node.endpoint.subscribe_heads()
        try:
            async with asyncio.timeout(seconds - asyncio.get_running_loop().time()):
                async for header in stream:
                    heads += [header.number]
        except TimeoutError:
            pass
        return heads

    return at(1.0, world_of, followed)


def test_each_head_and_log_is_pushed_once() -> None:
    assert heads_until(45.0, told(traits=PUSHING)) == [61, 62, 63, 64]
    assert logs_until(45.0, told(traits=PUSHING)) == [(7, False), (8, False), (9, False)]


def test_a_reorg_pushes_removed_logs_and_only_the_newest_head() -> None:
    reorged = told(traits=PUSHING, reorgs=(Reorg(HERE, 32.0, 2, rises=False),))
    assert heads_until(45.0, reorged) == [61, 62, 63, 63, 64]
    assert logs_until(45.0, reorged) == [
        (7, False),
        (8, False),
        (9, False),
        (8, True),
        (9, True),
        (8, False),
        (9, False),
    ]


@pytest.mark.parametrize(
    ("trouble", "pushed"),
    [
        (EndpointTrouble.MUTE, []),
        (EndpointTrouble.MUTE_LOGS, []),
        (EndpointTrouble.MUTE_HEADS, [(7, False), (8, False), (9, False)]),
        (EndpointTrouble.TWICE, [(nonce, False) for nonce in (7, 7, 8, 8, 9, 9)]),
        (EndpointTrouble.FALSE_REMOVED, [(nonce, removed) for nonce in (7, 8, 9) for removed in (False, True)]),
    ],
)
def test_pushes_are_mute_doubled_or_falsely_removed(trouble: EndpointTrouble, pushed: list[tuple[int, bool]]) -> None:
    assert logs_until(45.0, told(fault(trouble), traits=PUSHING)) == pushed


def test_a_connection_that_is_cut_ends_its_subscriptions() -> None:
    with pytest.raises(EndpointUnavailable):
        heads_until(45.0, told(fault(EndpointTrouble.DISCONNECT, at=30.0), traits=PUSHING))


def test_a_monitor_that_is_killed_is_pushed_nothing_more() -> None:
    async def killed(node: Opened) -> list[tuple[int, bool]]:
        stream = await node.endpoint.subscribe_logs(CONTRACT, [EVENT_TOPICS])
        node.endpoints.kill()
        return await pushed_logs(stream, 45.0)

    assert at(1.0, told(traits=PUSHING), killed) == []
