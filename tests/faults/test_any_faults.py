"""Promises 1 to 4 and 8: whatever happens, whatever goes wrong meanwhile, in the end the database holds the truth."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings

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


PLAYED: list[Played] = []


# Nothing is kept between runs and no schedule is drawn anew, so that a failure is there again in the next run. Each
# schedule takes seconds and is short: to shrink one would take longer than to read it.
each_takes_seconds = settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.asyncio(loop_scope="session")
@each_takes_seconds
@given(schedule=schedules())
async def test_whatever_goes_wrong_the_database_holds_the_truth_in_the_end(
    bridge: Devnet, tmp_path_factory: pytest.TempPathFactory, schedule: Schedule
) -> None:
    played = Played(schedule)
    PLAYED.append(played)
    firsts = [await chain.head() + 1 for chain in bridge.chains]
    folder = tmp_path_factory.mktemp("any-faults")
    async with story_of(bridge, played, folder) as story:
        await story.begin()
        await story.play(schedule)
        await story.settle()
        await hold_against_chains(bridge, firsts, story, played, folder / "connext-monitor.db")


@asynccontextmanager
async def story_of(bridge: Devnet, played: Played, folder: Path) -> AsyncIterator[Story]:
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
        story = Story(bridge, (alpha, beta), setup, folder, recipient=f"0x{0xF000 + len(PLAYED):040x}")
        try:
            yield story
        finally:
            await story.stop()
            played.bites.update(alpha.bites + beta.bites)
            for name in played.bites:
                event(f"changed something: {name}")


def endpoints(chain: Chain, proxy: Proxy, schedule: Schedule) -> list[str]:
    """The one that misbehaves, and where it denies logs an honest one behind it: alone it could not be found out."""
    return [proxy.ws_url, chain.ws_url] if any(map(hides_logs, schedule.faults)) else [proxy.ws_url]


def hides_logs(fault: Fault) -> bool:
    """Whether the endpoint denies logs that it has."""
    return isinstance(fault, Empty | Partial) or (isinstance(fault, Malform) and fault.what is Mangled.LOGS)


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
        nonces = await story.watch.store.nonces(DomainId(chain.domain_id))
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


def test_in_what_was_played_every_kind_of_fault_changed_something_and_transfers_were_judged() -> None:
    if not PLAYED:
        pytest.skip("the schedules were not played in this process")
    bites = sum((played.bites for played in PLAYED), Counter[str]())
    assert {kind.__name__ for kind in KINDS} - bites.keys() == set()
    assert any(played.accused for played in PLAYED)
    assert any(played.in_time for played in PLAYED)


def test_every_kind_of_fault_and_reorgs_and_restarts_are_in_a_fair_share_of_the_schedules() -> None:
    drawn: list[Schedule] = []

    @settings(each_takes_seconds, max_examples=200)
    @given(schedule=schedules())
    def draw(schedule: Schedule) -> None:
        drawn.append(schedule)

    draw()
    holding = Counter(kind for schedule in drawn for kind in kinds(schedule))
    assert {kind.__name__ for kind in (*KINDS, Reorg, Restart) if holding[kind] < 0.2 * len(drawn)} == set()


def kinds(schedule: Schedule) -> set[type]:
    """The kinds of what goes wrong and happens in a schedule."""
    return {type(fault) for fault in schedule.faults} | {
        type(happening) for episode in schedule.episodes for happening in episode.happenings
    }
