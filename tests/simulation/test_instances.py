"""Several instances on one database: one of them works, and another one takes over once it is gone."""

from dataclasses import replace
from functools import cache

import pytest

from tests.simulation.harness import Run
from tests.simulation.mutants.aimed.made import calls, story
from tests.simulation.runner import played
from tests.simulation.story import ClockStep, DiskFault, Kill, Standby, Story, Suspension
from tests.simulation.trace import Ending
from tests.simulation.troubles import KillManner

LATE = calls(60.0, 800.0, 60.0, (60.0, 400.0), (500.0, 900.0), (None, None))
ALONE = story(1550.0, LATE)
# It is tried again every ten seconds, and each attempt is the start of a whole process.
STANDBY = Standby(instance=1, at=550.0, seconds=350.0)
BESIDE = replace(ALONE, standbys=(STANDBY,))
REFUSAL = "is in use by another monitor; stop that one, or name another monitor.database"


def sound(played_story: Story) -> Run:
    run, verdict = played(played_story)
    assert (run.faults, verdict.findings) == ((), ())
    return run


@cache
def undisturbed() -> Run:
    return sound(ALONE)


def lines(run: Run, words: str) -> list[str]:
    return [line for line in run.log.lines if words in line]


def announced(run: Run) -> set[tuple[str, str, str | None, str]]:
    return {(message.channel, message.kind, message.subject, message.state) for message in run.trace.messages}


def test_a_second_instance_is_refused_with_words_and_harms_nothing() -> None:
    run = sound(BESIDE)
    first, *others = run.trace.lives
    assert (first.instance, first.ending) == (0, Ending.NONE)
    assert {(life.instance, life.ending) for life in others} == {(1, Ending.REFUSED)}
    assert len(lines(run, REFUSAL)) == len(lines(run, "ended: exit code 1")) == len(others) == 35
    assert all("[1] " in line for line in (*lines(run, REFUSAL), *lines(run, "exit code")))
    assert announced(run) == announced(undisturbed())


@pytest.mark.parametrize("manner", KillManner)
def test_another_instance_takes_over_where_the_first_is_gone(manner: KillManner) -> None:
    """The first one finds it at work when it comes back, and has the database again once that is stopped."""
    run = sound(replace(BESIDE, kills=(Kill(0, at=603.0, down_for=100.0, manner=manner, count=3),)))
    first, other, last = run.trace.working
    how = Ending.STOPPED if manner is KillManner.STOP else Ending.KILLED
    assert [(life.instance, life.ending) for life in (first, other, last)] == [
        (0, how),
        (1, Ending.STOPPED),
        (0, Ending.NONE),
    ]
    assert other.during.begin - first.during.end <= 10.1
    assert last.during.begin - other.during.end <= 10.1
    assert {message.instance for message in run.trace.messages} == {0, 1}
    assert {change.instance for change in run.trace.alerts} == {0, 1}
    assert all(life.ending is Ending.REFUSED for life in run.trace.lives if life not in (first, other, last))


def test_who_comes_at_the_instant_of_a_kill_has_the_database() -> None:
    killed = replace(ALONE, kills=(Kill(0, at=603.0, down_for=100.0, manner=KillManner.STEP, count=3),))
    at = sound(killed).trace.lives[0].during.end
    run = sound(replace(killed, standbys=(replace(STANDBY, at=at),)))
    first, other, _ = run.trace.working
    assert (first.during.end, other.instance) == (at, 1)
    assert other.during.begin - at < 0.001


def test_an_instance_that_took_over_may_be_killed_too() -> None:
    kills = (
        Kill(0, at=603.0, down_for=400.0, manner=KillManner.ALERT, count=2),
        Kill(1, at=720.0, down_for=20.0, manner=KillManner.EVENT, count=2),
    )
    assert [life.instance for life in sound(replace(BESIDE, kills=kills)).trace.working] == [0, 1, 1, 0]


@pytest.mark.parametrize(
    "trouble",
    [
        {"clock_steps": (ClockStep(1, at=560.0, seconds=310.0, by=-7200.0),)},
        {"disk_faults": (DiskFault(1, at=560.0, seconds=310.0),)},
        {"suspensions": (Suspension(1, at=560.0, seconds=310.0),)},
        {"kills": (Kill(1, at=580.0, down_for=5.0, manner=KillManner.STOP),)},
    ],
    ids=lambda trouble: next(iter(trouble)),
)
def test_what_befalls_an_instance_befalls_no_other(trouble: dict[str, object]) -> None:
    run = sound(replace(BESIDE, **trouble))  # type: ignore[arg-type]
    assert [life.instance for life in run.trace.working] == [0]
    assert lines(run, "clock.differs") == lines(run, "database.failing") == lines(run, "endpoint.suspended") == []


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({"clock_steps": (ClockStep(1, at=460.0, seconds=330.0, by=-7200.0),)}, "[1] warning clock.differs"),
        ({"disk_faults": (DiskFault(1, at=460.0, seconds=330.0),)}, "[1] error database.failing"),
    ],
    ids=["clock", "disk"],
)
def test_what_befalls_who_works_is_its_own(trouble: dict[str, object], words: str) -> None:
    kill = Kill(0, at=403.0, down_for=100.0, manner=KillManner.STEP, count=3)
    standby = replace(STANDBY, at=350.0, seconds=500.0)
    run = sound(replace(ALONE, standbys=(standby,), kills=(kill,), **trouble))  # type: ignore[arg-type]
    assert lines(run, words)
    assert not lines(run, words.replace("[1]", "[0]"))


def test_an_instance_that_the_story_has_no_more_is_hit_by_nothing() -> None:
    kill = Kill(1, at=400.0, down_for=5.0, manner=KillManner.STEP, count=1)
    assert sound(replace(ALONE, kills=(kill,))).digest == undisturbed().digest
