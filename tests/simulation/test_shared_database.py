"""Two instances on one server's database: one owns the work, and nothing is missed whatever befalls either of them."""

from dataclasses import replace

import pytest

from tests.simulation.harness import Run, play
from tests.simulation.mutants.aimed.made import HOOK, calls, story
from tests.simulation.runner import played
from tests.simulation.sharing import Cluster, Cut, Failover
from tests.simulation.story import ClockStep, Kill, Standby, Story, Suspension
from tests.simulation.trace import Ending
from tests.simulation.troubles import KillManner

SHARED = story(
    1500.0,
    calls(60.0, 640.0, 60.0, (60.0, 200.0), (400.0, 420.0), (None, None)),
    channels=(HOOK,),
    cluster=Cluster(30.0),
    standbys=(Standby(instance=1, at=0.0, seconds=800.0),),
)
TAKEN_OVER, UNDISTURBED, HANDED_OVER = (0, 1, 0), (0,), (0, 1, 0)


def sound(played_story: Story) -> Run:
    run, verdict = played(played_story)
    assert (run.faults, verdict.findings) == ((), ())
    return run


def owners(run: Run) -> tuple[int, ...]:
    assert run.trace.sharing is not None
    return tuple(term.instance for term in run.trace.sharing.terms)


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        ({"kills": (Kill(0, 485.0, 100.0, KillManner.ALERT, 3),)}, TAKEN_OVER),
        ({"kills": (Kill(0, 485.0, 100.0, KillManner.STOP),)}, HANDED_OVER),
        ({"suspensions": (Suspension(0, 485.0, 60.0),)}, TAKEN_OVER),
        ({"suspensions": (Suspension(0, 485.0, 15.0),)}, UNDISTURBED),
        ({"cuts": (Cut(0, 485.0, 120.0, unheard=True),)}, TAKEN_OVER),
        ({"clock_steps": (ClockStep(1, 485.0, 200.0, 3600.0),)}, UNDISTURBED),
    ],
    ids=["killed", "stopped", "suspended", "suspended shortly", "cut off", "clock set"],
)
def test_whatever_befalls_an_owner_nothing_is_missed(trouble: dict[str, object], expected: tuple[int, ...]) -> None:
    assert owners(sound(replace(SHARED, **trouble))) == expected  # type: ignore[arg-type]


def test_who_asks_for_another_s_lease_does_not_own_it() -> None:
    # The first owner stands still; when it goes on, the one that took over is gone.
    gone = Kill(1, 540.0, 100.0, KillManner.STEP)
    assert owners(sound(replace(SHARED, suspensions=(Suspension(0, 485.0, 65.0),), kills=(gone,)))) == TAKEN_OVER


@pytest.mark.parametrize("unnoticed", [False, True])
def test_an_owner_whose_commits_were_lost_begins_anew(unnoticed: bool) -> None:
    run = sound(replace(SHARED, failovers=(Failover(515.0, 0.0 if unnoticed else 5.0, 8.0, unnoticed),)))
    assert run.trace.sharing is not None
    assert run.trace.sharing.lost != ()
    first, *others = run.trace.sharing.terms
    assert (first.instance, first.ending, len(others) > 0) == (0, Ending.KILLED, True)


def test_instances_prefer_endpoints_of_their_own() -> None:
    chains = tuple(replace(chain, endpoints=chain.endpoints * 2) for chain in SHARED.chains)
    killed = replace(SHARED, chains=chains, kills=(Kill(0, 485.0, 100.0, KillManner.STOP),))
    said = [line for line in sound(killed).log.lines if "endpoint.connected" in line]
    assert {speaker for speaker in ("[0]", "[1]") if any(speaker in line for line in said)} == {"[0]", "[1]"}


def test_the_same_story_is_the_same_run_again() -> None:
    failing = replace(SHARED, seconds=700.0, failovers=(Failover(520.0, 5.0, 8.0),), cuts=(Cut(0, 300.0, 60.0),))
    assert play(failing).digest == play(failing).digest
