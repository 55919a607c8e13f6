"""A soak of seconds: the real process on real chains through one trouble of each sort."""

import random
import sys
from dataclasses import replace
from pathlib import Path

from scripts.devnet.traffic import Fate, Pace
from tests.e2e.monitor import PATIENCE, Monitor
from tests.faults.faults import Drop
from tests.soak.evidence import EXECUTE, RECONCILE
from tests.soak.plan import ChannelTrouble, EndpointTrouble, Incident, ProcessTrouble
from tests.soak.reorgs import Reorg
from tests.soak.report import report
from tests.soak.run import CALM, TROUBLED, Course, Soak
from tests.soak.samples import growth

COURSE = Course(
    incidents=[
        Incident(6, 12, ChannelTrouble.LOSES),
        Incident(3, 3, EndpointTrouble("alpha", (0,), Drop())),
        Incident(5, 1, ProcessTrouble.SUSPENDED),
        Incident(8, 1, ProcessTrouble.KILLED),
        Incident(12, 1, ProcessTrouble.STOPPED),
    ],
    fates=[Fate.FAST, Fate.NEVER_EXECUTED, Fate.SLOW, Fate.NEVER_RECONCILED, Fate.LATE],
    pace=Pace(every=1.5, step=1.0, late_after=12.0),
    chance=random.Random(7),  # noqa: S311 - choices of a test
    durations={EXECUTE: 7, RECONCILE: 11},
    reorgs=[Reorg(4, "beta", 1), Reorg(9, "alpha", 2)],
)


async def test_a_short_soak_finds_the_monitor_sound(tmp_path: Path) -> None:
    said: list[str] = []
    # Memory is judged in the long soaks alone, so that these monitors may be forks.
    soaked = await Soak(COURSE, tmp_path, said.append, stops_within=PATIENCE, make=Monitor).run()
    printed = "\n".join([*said, *report(soaked, growth(soaked.samples))])
    print(printed, file=sys.stderr)  # noqa: T201 - what a failure needs
    # How fast it is shows only on a machine that does nothing else, as those of the long soaks.
    assert replace(soaked.verdict, late=[]).is_clean, printed
    assert soaked.mishaps == []
    # All of it says something only if it happened, was sampled, and was told.
    assert [life.by for life in soaked.lives] == ["kill -9", "SIGTERM", "SIGTERM"]
    assert {leg.kind for leg in soaked.evidence.legs if not leg.in_time} == {EXECUTE, RECONCILE}
    assert min(len(soaked.evidence.taken[channel]) for channel in (TROUBLED, CALM)) >= 2
    assert soaked.samples
    assert soaked.verdict.delays
