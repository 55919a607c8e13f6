"""What a seed makes go wrong."""

from collections import Counter
from itertools import combinations
from random import Random

import pytest

from tests.faults.faults import Empty, Malform, Mangled, Partial, RefuseHandshake
from tests.soak.plan import ChannelTrouble, EndpointTrouble, Incident, ProcessTrouble, fates, plan

CHAINS = ("alpha", "beta")
HOUR = 3600.0


def drawn(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - choices of a test


def planned(seed: int) -> list[Incident]:
    return plan(drawn(seed), HOUR, CHAINS)


def test_the_same_seed_plans_the_same() -> None:
    assert planned(1) == planned(1)
    assert planned(1) != planned(2)
    assert fates(drawn(1), 50) == fates(drawn(1), 50)


@pytest.mark.parametrize("seed", range(20))
def test_nothing_goes_wrong_twice_at_a_time(seed: int) -> None:
    def target(incident: Incident) -> object:
        trouble = incident.trouble
        return trouble.chain if isinstance(trouble, EndpointTrouble) else type(trouble)

    overlapping = [
        (first, second)
        for first, second in combinations(planned(seed), 2)
        if first.at <= second.end and second.at <= first.end
    ]
    assert [pair for pair in overlapping if target(pair[0]) == target(pair[1])] == []


@pytest.mark.parametrize("seed", range(20))
def test_of_an_hour_forty_minutes_are_one_life(seed: int) -> None:
    ends = [i.at for i in planned(seed) if i.trouble in {ProcessTrouble.KILLED, ProcessTrouble.STOPPED}]
    assert max(b - a for a, b in zip([0, *ends], [*ends, HOUR], strict=True)) >= 2 / 3 * HOUR


@pytest.mark.parametrize("seed", range(20))
def test_the_run_ends_with_calm(seed: int) -> None:
    assert all(incident.end < HOUR + 60 for incident in planned(seed))
    assert all(incident.at < HOUR - 45 for incident in planned(seed))


def test_endpoints_that_hide_or_only_refuse_handshakes_blind_no_chain() -> None:
    troubles = [incident.trouble for seed in range(50) for incident in planned(seed)]
    blinded = [t for t in troubles if isinstance(t, EndpointTrouble) and len(t.endpoints) > 1]
    assert blinded
    assert not any(isinstance(t.fault, Empty | Partial | RefuseHandshake) for t in blinded)
    assert not any(isinstance(t.fault, Malform) and t.fault.mangled is Mangled.LOGS for t in blinded)


def test_everything_that_can_go_wrong_does_in_some_runs() -> None:
    troubles = [incident.trouble for seed in range(50) for incident in planned(seed)]
    assert {t for t in troubles if isinstance(t, ChannelTrouble)} == set(ChannelTrouble)
    assert {t for t in troubles if isinstance(t, ProcessTrouble)} == set(ProcessTrouble)
    faults = Counter(type(t.fault).__name__ for t in troubles if isinstance(t, EndpointTrouble))
    assert len(faults) == 14
    assert {t.chain for t in troubles if isinstance(t, EndpointTrouble)} == set(CHAINS)


def test_an_hour_has_kills_stops_and_long_outages() -> None:
    runs = [planned(seed) for seed in range(20)]
    assert all(sum(isinstance(i.trouble, ProcessTrouble) for i in run) >= 3 for run in runs)
    assert sum(any(i.lasts > 70 for i in run) for run in runs) >= 15
