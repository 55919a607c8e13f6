"""Promises 1 to 4 and 8: whatever happens, whatever goes wrong meanwhile, in the end the database holds the truth."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from connext_monitor.core.events import DomainId
from scripts.devnet import Chain, Devnet
from tests.e2e.monitor import Setup
from tests.faults import truth
from tests.faults.faults import Empty, Malform, Mangled, Partial
from tests.faults.hooks import Fault
from tests.faults.proxy import Proxy
from tests.faults.schedule import KINDS, Reorg, Restart, Schedule, schedules
from tests.faults.story import CALM, Story

EXECUTE_WITHIN = 2
"""Seconds: some legs come in time, and some do not."""


@dataclass(frozen=True, slots=True)
class Played:
    """A schedule that was played: how often each fault changed anything, and the transfers that were judged."""

    schedule: Schedule
    bites: Counter[str] = field(default_factory=Counter)
    accused: set[str] = field(default_factory=set)
    in_time: set[str] = field(default_factory=set)


def drawn(count: int) -> list[Schedule]:
    """So many schedules, the same in every run: a failure is there again in the next one."""
    examples: list[Schedule] = []

    # Each takes seconds to play and is short: to shrink one would take longer than to read it.
    @settings(max_examples=count, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @given(schedule=schedules())
    def draw(schedule: Schedule) -> None:
        examples.append(schedule)

    draw()
    return examples


def varied(count: int) -> list[Schedule]:
    """So many of a hundred schedules, such that every kind of fault is in several of them."""
    candidates, chosen, holding = drawn(100), list[Schedule](), Counter[type]()
    for _ in range(count):
        # Each time the one with the kinds that are in the fewest so far.
        best = max(candidates, key=lambda schedule: sum(2.0 ** -holding[type(fault)] for fault in schedule.faults))
        candidates.remove(best)
        chosen.append(best)
        holding.update(type(fault) for fault in best.faults)
    return chosen


@pytest.mark.asyncio(loop_scope="session")
async def test_whatever_goes_wrong_the_database_holds_the_truth(
    bridge: Devnet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    everything = []
    for number, schedule in enumerate(varied(8)):
        folder = tmp_path_factory.mktemp("any-faults")
        try:
            everything.append(await play(bridge, schedule, folder, recipient=f"0x{0xF000 + number:040x}"))
        except BaseException as error:
            error.add_note(f"schedule {number}: {schedule}")
            raise
    # All of it proves something only if every kind of fault changed something, and transfers were judged both ways.
    bites = sum((played.bites for played in everything), Counter[str]())
    assert {kind.__name__ for kind in KINDS} - bites.keys() == set()
    assert any(played.accused for played in everything)
    assert any(played.in_time for played in everything)


async def play(bridge: Devnet, schedule: Schedule, folder: Path, recipient: str) -> Played:
    """Play a schedule, and hold the database against the chains in the end."""
    played = Played(schedule)
    firsts = [await chain.head() + 1 for chain in bridge.chains]
    async with story_of(bridge, played, folder, recipient) as story:
        await story.begin()
        await story.play(schedule)
        await story.settle()
        await hold_against_chains(bridge, firsts, story, played, folder / "connext-monitor.db")
    return played


@asynccontextmanager
async def story_of(bridge: Devnet, played: Played, folder: Path, recipient: str) -> AsyncIterator[Story]:
    """A story for the schedule; in the end its bites are counted."""
    async with Proxy(bridge.chains[0].http_url) as alpha, Proxy(bridge.chains[1].http_url) as beta:
        alpha.reorgs, beta.reorgs = played.schedule.reorgs
        proxies = list(zip(bridge.chains, (alpha, beta), strict=True))
        setup = Setup(
            bridge.chains,
            {},
            endpoints={chain.name: endpoints(chain, proxy, played.schedule) for chain, proxy in proxies},
            execute=f"PT{EXECUTE_WITHIN}S",
            unobserved_after=f"PT{2 * CALM}S",
        )
        story = Story(bridge, (alpha, beta), setup, folder, recipient)
        try:
            yield story
        finally:
            await story.stop()
            played.bites.update(alpha.bites + beta.bites)


def endpoints(chain: Chain, proxy: Proxy, schedule: Schedule) -> list[str]:
    """The one that misbehaves, and where it denies logs an honest one behind it: alone it could not be found out."""
    return [proxy.ws_url, chain.ws_url] if any(map(hides_logs, schedule.faults)) else [proxy.ws_url]


def hides_logs(fault: Fault) -> bool:
    """Whether the endpoint denies logs that it has."""
    return isinstance(fault, Empty | Partial) or (isinstance(fault, Malform) and fault.mangled is Mangled.LOGS)


async def hold_against_chains(bridge: Devnet, firsts: list[int], story: Story, played: Played, database: Path) -> None:
    """Hold the database against what the chains say from these blocks on."""
    events: set[truth.Event] = set()
    for chain, first in zip(bridge.chains, firsts, strict=True):
        events |= await truth.standing(chain, first)
    stored, times = truth.stored(database), truth.times(events)
    assert sorted(events - stored) == [], "lost"
    assert sorted(stored - events) == [], "invented"
    assert truth.stored_times(database) == times
    for chain in bridge.chains:
        nonces = await story.watch.store.chains.nonces(DomainId(chain.domain_id))
        assert nonces is not None
        assert nonces.complete
    played.accused.update(truth.accused(database))
    played.in_time.update(in_time(times))
    assert played.accused & played.in_time - story.called_twice == set(), "accused though in time"


def in_time(times: dict[str, truth.Times]) -> set[str]:
    """The transfers that were executed in time."""
    return {
        transfer_id
        for transfer_id, (called, executed, _) in times.items()
        if called is not None and executed is not None and executed - called <= EXECUTE_WITHIN
    }


def test_every_kind_of_fault_is_in_a_fair_share_of_the_schedules() -> None:
    many = drawn(200)
    holding = Counter(kind for schedule in many for kind in kinds(schedule))
    assert {kind.__name__ for kind in (*KINDS, Reorg, Restart) if holding[kind] < 0.2 * len(many)} == set()


def kinds(schedule: Schedule) -> set[type]:
    """The kinds of what goes wrong and happens in a schedule."""
    return {type(fault) for fault in schedule.faults} | {
        type(happening) for episode in schedule.episodes for happening in episode.happenings
    }
