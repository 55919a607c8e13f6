"""What simulated endpoints push, and what they do not."""

import asyncio

import pytest

from connext_monitor.core.decoding import EVENT_TOPICS
from connext_monitor.monitoring.chain_data import MalformedEntry, PushedLog
from connext_monitor.monitoring.json_rpc import EndpointUnavailable
from connext_monitor.monitoring.pushes import Pushes
from tests.simulation.opened_endpoint import CONTRACT, Opened, at, fault, story_of
from tests.simulation.small_worlds import HERE, PUSHING
from tests.simulation.story import EndpointFault, Reorg, Story
from tests.simulation.troubles import EndpointTrouble


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
    assert heads_until(45.0, story_of(traits=PUSHING)) == [61, 62, 63, 64]
    assert logs_until(45.0, story_of(traits=PUSHING)) == [(7, False), (8, False), (9, False)]


def test_an_endpoint_that_no_longer_lags_pushes_all_heads_that_it_owes() -> None:
    lagging = EndpointFault(HERE, 0, 0.0, 25.0, EndpointTrouble.LAG, 3)
    assert heads_until(45.0, story_of(lagging, traits=PUSHING)) == [58, 59, 60, 61, 62, 63, 64]


def test_a_reorg_pushes_removed_logs_and_only_the_newest_head() -> None:
    reorged = story_of(traits=PUSHING, reorgs=(Reorg(HERE, 32.0, 2, rises=False),))
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
        (
            EndpointTrouble.FALSE_REMOVED,  # of each block, and of the one before it
            [(7, False), (7, True), (8, False), (7, True), (8, True), (9, False), (8, True), (9, True), (9, True)],
        ),
    ],
)
def test_pushes_are_mute_doubled_or_falsely_removed(trouble: EndpointTrouble, pushed: list[tuple[int, bool]]) -> None:
    assert logs_until(45.0, story_of(fault(trouble), traits=PUSHING)) == pushed


def test_a_connection_that_is_cut_ends_its_subscriptions() -> None:
    with pytest.raises(EndpointUnavailable):
        heads_until(45.0, story_of(fault(EndpointTrouble.DISCONNECT, at=30.0), traits=PUSHING))


def test_a_monitor_that_is_killed_is_pushed_nothing_more() -> None:
    async def killed(node: Opened) -> list[tuple[int, bool]]:
        stream = await node.endpoint.subscribe_logs(CONTRACT, [EVENT_TOPICS])
        node.endpoints.kill()
        return await pushed_logs(stream, 45.0)

    assert at(1.0, story_of(traits=PUSHING), killed) == []
