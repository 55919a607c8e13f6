"""A pathway is called stalled once enough wait for long enough, its destination shows no execution, and says so."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.alerts.kinds.pathway_stalled import PATHWAY_STALLED
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.deadline import Durations
from connext_monitor.core.events import BlockNumber, Timestamp
from connext_monitor.core.transfer import EventRecord
from tests.alerting.answering_chain import UNOBSERVED_AFTER
from tests.alerting.stalling import EARLIER, LATER, RULE, STALLED_AT, WAITING, StallBench, calls
from tests.world.databases import open_store
from tests.world.examples import examples
from tests.world.recording import commit, gone, seen
from tests.world.two_chains import DESTINATION, NAMES, ORIGIN, START, Sample, durations


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[StallBench]:
    store = await open_store(tmp_path / "monitor.db", NAMES)
    yield StallBench(store)
    await store.close()


async def test_a_stall_opens_one_alert_that_names_what_waits(bench: StallBench) -> None:
    await bench.record(*calls(*WAITING, EARLIER), EARLIER.executed(after=40))
    await bench.look()
    [alert] = await bench.alerts()
    details = PATHWAY_STALLED.details_of(alert)
    assert (alert.subject, alert.pathway) == ("here/there", (ORIGIN, DESTINATION))
    assert (details.transfers, details.since, details.last) == (3, START, START - 10)
    assert details.waiting.split() == [sample.hex_id for sample in WAITING]


async def test_two_that_wait_are_no_stall(bench: StallBench) -> None:
    await bench.record(*calls(*WAITING[:2], EARLIER), EARLIER.executed(after=40))
    await bench.look()
    assert await bench.alerts() == []


async def test_what_was_sent_before_the_last_execution_does_not_count(bench: StallBench) -> None:
    await bench.record(*calls(*WAITING, LATER), LATER.executed(after=1))
    await bench.look()
    assert await bench.alerts() == []


async def test_what_waits_since_before_the_last_execution_hides_no_stall(bench: StallBench) -> None:
    await bench.record(*calls(EARLIER, *WAITING, Sample(13, START - 60)), Sample(13, START - 60).executed(after=30))
    await bench.look()
    [alert] = await bench.alerts()
    assert PATHWAY_STALLED.details_of(alert).transfers == 3


async def test_nothing_is_said_before_the_oldest_has_waited_long_enough(bench: StallBench) -> None:
    bench.now = STALLED_AT
    await bench.record(*calls(*WAITING))
    await bench.look()
    assert await bench.alerts() == []
    bench.now = STALLED_AT + 1
    await bench.look()
    assert len(await bench.alerts()) == 1


OBSTACLES = (
    *("not covered", "out of sight", "history", "silent"),
    *("not reread", "not reread since", "origin not reread", "origin not reread since"),
)


@pytest.mark.parametrize("obstacle", OBSTACLES)
async def test_no_pathway_is_accused_without_evidence(bench: StallBench, obstacle: str) -> None:
    chain = bench.destination
    match obstacle:
        case "not covered":
            bench.read_past(STALLED_AT - 1)
        case "out of sight":
            chain.fall_silent(UNOBSERVED_AFTER + 1)
        case "not reread":
            chain.state.caught_up = False
        case "history":
            chain.state.caught_up = False
            chain.state.final = BlockNumber(10**9)
            chain.read_history_until(STALLED_AT + 2)
        case "not reread since":
            chain.mute = True
        case "origin not reread":
            bench.origin.state.caught_up = False
        case "origin not reread since":
            bench.origin.mute = True
        case "silent":
            chain.answers.status = None
    await bench.record(*calls(*WAITING))
    await bench.look()
    assert await bench.alerts() == []
    if obstacle == "not covered":
        assert chain.looks[-1] == Timestamp(STALLED_AT)
    chain.fall_silent(0)
    chain.state.caught_up = bench.origin.state.caught_up = True
    chain.mute = bench.origin.mute = False
    chain.answers.status = TransferStatus.NONE
    bench.read_past(STALLED_AT)
    await bench.look()
    assert len(await bench.alerts()) == 1


async def test_what_seems_stalled_anew_is_read_again_anew(bench: StallBench) -> None:
    bench.origin.mute = True
    await bench.record(*calls(*WAITING))
    await bench.look()
    bench.origin.state.reached_head(bench.clock.monotonic())
    await commit(bench.store, gone(WAITING[2].xcalled()), durations=durations)
    await bench.look()
    await bench.record(*calls(WAITING[2]))
    await bench.look()
    assert await bench.alerts() == []
    bench.origin.mute = False
    await bench.look()
    assert len(await bench.alerts()) == 1


async def test_an_execution_that_is_missing_here_is_fetched_and_accuses_nobody(bench: StallBench) -> None:
    hidden = WAITING[1]
    bench.destination.answers.statuses[hidden.id] = TransferStatus.EXECUTED
    bench.destination.answers.find = lambda _: bench.record(hidden.executed(after=30))
    await bench.record(*calls(*WAITING))
    await bench.look()
    assert (await bench.alerts(), set(bench.destination.answers.fetched)) == ([], {hidden.id})


async def test_what_is_executed_while_the_destination_is_asked_accuses_nobody(bench: StallBench) -> None:
    bench.destination.answers.while_asked = lambda: bench.record(WAITING[2].executed(after=30))
    await bench.record(*calls(*WAITING))
    await bench.look()
    assert await bench.alerts() == []


async def test_what_a_reorg_takes_while_the_destination_is_asked_accuses_nobody(bench: StallBench) -> None:
    lost = gone(WAITING[2].xcalled())
    bench.destination.answers.while_asked = lambda: commit(bench.store, lost, durations=durations)
    await bench.record(*calls(*WAITING))
    await bench.look()
    assert await bench.alerts() == []


async def test_an_execution_ends_it_and_a_reorg_of_that_opens_another(bench: StallBench) -> None:
    await bench.record(*calls(*WAITING, LATER))
    await bench.look()
    await bench.record(LATER.executed(after=200))
    await bench.look()
    assert await bench.endings() == [Resolution.EXECUTING]
    bench.clock.advance(1)
    await commit(bench.store, gone(LATER.executed(after=200)), durations=durations)
    await bench.look()
    assert await bench.endings() == [None, Resolution.EXECUTING]


async def test_a_reorg_that_leaves_too_few_ends_it(bench: StallBench) -> None:
    await bench.record(*calls(*WAITING))
    await bench.look()
    await commit(bench.store, gone(WAITING[0].xcalled()), durations=durations)
    await bench.look()
    assert await bench.endings() == [Resolution.REORGED]


async def test_a_restart_neither_repeats_nor_forgets_it(bench: StallBench) -> None:
    await bench.record(*calls(*WAITING))
    await bench.look()
    bench.restart()
    await bench.record(*calls(LATER))
    await bench.look()
    [alert] = await bench.alerts()
    assert (alert.resolution, PATHWAY_STALLED.details_of(alert).transfers) == (None, 4)
    bench.restart()
    bench.destination.fall_silent(UNOBSERVED_AFTER + 1)
    await bench.record(LATER.executed(after=200))
    await bench.look()
    assert await bench.endings() == [Resolution.EXECUTING]


async def test_what_a_backfill_finds_alerts_nobody(bench: StallBench) -> None:
    def none(*_: object) -> Durations | None:
        return None

    await commit(bench.store, seen(*calls(*WAITING)), durations=none)
    await bench.look()
    assert await bench.alerts() == []


EVENTS = [
    *calls(*WAITING, EARLIER, LATER),
    EARLIER.executed(after=40),
    EARLIER.reconciled(after=45),
    WAITING[2].reconciled(after=50),
]
LAST = LATER.executed(after=200)
AT_LAST = LATER.started_at + RULE.after


@examples(15)
@given(
    order=st.permutations([*EVENTS, LAST]),
    without=st.sets(st.sampled_from([*EVENTS, LAST]), max_size=3),
    size=st.integers(1, 9),
    seed=st.integers(0, 3),
)
async def test_in_any_order_the_same_events_leave_the_same_alerts(
    order: list[EventRecord], without: set[EventRecord], size: int, seed: int
) -> None:
    events = [event for event in order if event not in without]
    async with AsyncExitStack() as stack:
        left = []
        for arrangement in (events, sorted(events, key=lambda event: event.sighting.block.timestamp)):
            folder = stack.enter_context(TemporaryDirectory())
            bench = StallBench(await open_store(Path(folder) / "monitor.db", NAMES))
            stack.push_async_callback(bench.store.close)
            # Whichever of them is missing, the oldest of those that wait has waited for long enough.
            bench.now = AT_LAST + 1
            bench.read_past(AT_LAST)
            for start in range(0, len(arrangement), size):
                await bench.record(*arrangement[start : start + size])
                if (start + seed) % 3 == 0:
                    await bench.look()
            await bench.look()
            standing = await bench.store.alerts.open_of_kinds([PATHWAY_STALLED])
            left.append([(alert.subject, alert.details) for alert in standing])
    assert left[0] == left[1]
    called = {event.event.transfer_id for event in events if event in EVENTS[:5]}
    waiting = called & {sample.id for sample in (*WAITING, LATER)}
    assert bool(left[0]) == (LAST not in events and len(waiting) >= RULE.transfers)
