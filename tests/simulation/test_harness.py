"""Everything that a story says happens to the monitor when it is played."""

import gc
import warnings
from dataclasses import replace

import pytest

from tests.simulation import small_worlds
from tests.simulation.drawing import draw
from tests.simulation.harness import play
from tests.simulation.loop import ProcessLoop
from tests.simulation.runner import played
from tests.simulation.story import ClockStep, DiskFault, EndpointFault, Kill, Story, Suspension
from tests.simulation.troubles import EndpointTrouble, KillManner

DAYS = 0.05
HOUR = 3600.0
FORTY_MINUTES = 2400.0


def story(**changes: object) -> Story:
    drawn = draw(3, DAYS)
    quiet = replace(drawn, kills=(), suspensions=(), clock_steps=(), disk_faults=())
    return replace(quiet, **changes)  # type: ignore[arg-type]


def kill(manner: KillManner, count: int = 1) -> Kill:
    return Kill(instance=0, at=900.0, down_for=20.0, manner=manner, count=count)


KILLS = tuple(
    Kill(instance=0, at=900.0 * number, down_for=20.0, manner=manner, count=7)
    for number, manner in enumerate((KillManner.STEP, KillManner.STATEMENT, KillManner.STOP), 1)
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kills": (kill(KillManner.STEP, 7),)}, "is killed (step)"),
        ({"kills": (kill(KillManner.STATEMENT, 7),)}, "is killed (statement)"),
        ({"kills": (kill(KillManner.STOP),)}, "ended: exit code 0"),
        ({"kills": (kill(KillManner.EVENT, 2),)}, "killed (event)"),
        ({"kills": (kill(KillManner.ALERT),), "seconds": HOUR, "quiet_from": HOUR}, "killed (alert)"),
        ({"clock_steps": (ClockStep(instance=0, at=900.0, seconds=1200.0, by=-7200.0),)}, "clock.differs"),
        ({"disk_faults": (DiskFault(instance=0, at=900.0, seconds=600.0),)}, "database.failing"),
        ({"suspensions": (Suspension(instance=0, at=900.0, seconds=900.0),)}, "endpoint"),
    ],
    ids=["step", "statement", "stop", "event", "alert", "clock", "disk", "suspension"],
)
def test_what_befalls_a_process_befalls_the_monitor(changes: dict[str, object], words: str) -> None:
    run = play(story(**{"seconds": FORTY_MINUTES, "quiet_from": FORTY_MINUTES} | changes))
    assert run.faults == ()
    assert any(words in line for line in run.log.lines)


def test_standstills_that_overlap_are_one_standstill() -> None:
    def lines_with(*standstills: tuple[float, float]) -> list[str]:
        suspensions = tuple(Suspension(0, *during) for during in standstills)
        return play(story(seconds=FORTY_MINUTES, quiet_from=FORTY_MINUTES, suspensions=suspensions)).log.lines

    unbroken = lines_with((900.0, 900.0))
    assert lines_with((900.0, 600.0), (1200.0, 600.0)) == unbroken
    assert lines_with((900.0, 900.0), (1200.0, 300.0)) == unbroken


def test_a_sound_monitor_is_found_sound_after_kills() -> None:
    run, verdict = played(story(kills=KILLS))
    assert (run.faults, verdict.findings) == ((), ())
    assert len(run.trace.up) == len(KILLS) + 1


def test_nothing_of_a_process_outlives_its_run() -> None:
    def loops() -> int:
        gc.collect()
        return sum(isinstance(each, ProcessLoop) for each in gc.get_objects())

    killed = story(kills=KILLS)
    refused = EndpointFault(killed.chains[0].domain, 0, 800.0, 300.0, EndpointTrouble.REFUSE, 1.0)
    before = loops()
    play(replace(killed, endpoint_faults=(refused,)))
    assert loops() == before


def test_nobody_hears_of_a_process_that_never_got_a_turn() -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", RuntimeWarning)
        play(story(suspensions=(Suspension(instance=0, at=0.0, seconds=HOUR * 24),)))
    assert [str(warning.message) for warning in heard] == []


def test_a_calm_hour_takes_few_steps() -> None:
    # What looks in vain costs most of a simulated day, and shows in no other test: an interval of the real monitor's
    # that `LOOKS` does not lengthen, or a part that looks though it has nothing to look after.
    long, short = (play(small_worlds.story(seconds=seconds)).steps for seconds in (2 * HOUR, HOUR))
    blocks = 2 * HOUR / small_worlds.BLOCK_TIME
    assert long - short < 7 * blocks
