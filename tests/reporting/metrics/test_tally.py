"""What is counted as it happens, and that nobody's text becomes a label."""

from collections.abc import Iterable
from dataclasses import replace

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import ChannelDead, FailureCause, Outcome, Refused, Sent, TryLater
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.core.recording import Changes
from connext_monitor.core.transfer import ObservedChange
from connext_monitor.reporting.metrics.tally import Tally
from tests.world.ledger import Ledger
from tests.world.transfers import ALPHA, BETA, executed, info, sighting, xcalled
from tests.world.two_chains import covered

NAMES = {ALPHA: "alpha", BETA: "beta"}
STRANGE = DomainId(666)


def counted(tally: Tally, metric: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric that are not 0, by their labels' values in the order of the names."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in tally.families()
        for sample in family.samples
        if sample.name == f"connext_monitor_{metric}" and sample.value
    }


def commit(tally: Tally, steps: Iterable[ObservedChange], progress: Iterable[ChainProgress] = ()) -> None:
    ledger = Ledger()
    for step in steps:
        tally.committed(ledger.apply(step), progress, {})


def test_events_are_counted_and_taken_back_by_chain_and_kind() -> None:
    tally = Tally(NAMES, [])
    sent, delivered = xcalled(info(), sighting(10)), executed(info(), sighting(20))
    gone = ObservedChange(gone=frozenset({(BETA, delivered.sighting.block.hash)}))
    commit(tally, [ObservedChange(seen=(sent,)), ObservedChange(seen=(delivered,)), gone])
    assert counted(tally, "events_recorded_total") == {("alpha", "xcalled"): 1, ("beta", "executed"): 1}
    assert counted(tally, "events_taken_back_total") == {("beta", "executed"): 1}
    assert counted(tally, "reorgs_total") == {("beta", "shallow"): 1}


def test_a_replaced_final_block_is_a_deep_reorg() -> None:
    tally = Tally(NAMES, [])
    tally.committed(Changes(), [replace(covered(ALPHA), replaced=BlockNumber(7)), covered(BETA)], {})
    assert counted(tally, "reorgs_total") == {("alpha", "deep"): 1}


def test_malformed_logs_are_counted_by_chain() -> None:
    tally = Tally(NAMES, [])
    for malformed in ({ALPHA: 2}, {ALPHA: 1, BETA: 1}):
        tally.committed(Changes(), [], malformed)
    assert tally.malformed == {ALPHA: 3, BETA: 1}


def test_legs_are_counted_by_punctuality_and_by_latency() -> None:
    tally = Tally(NAMES, [])
    for nonce, seconds in enumerate((60, 61, 301)):
        params = info(nonce)
        commit(
            tally,
            [
                ObservedChange(seen=(xcalled(params, sighting(0)),)),
                ObservedChange(seen=(executed(params, sighting(seconds)),)),
            ],
        )
    assert counted(tally, "deadlines_settled_total") == {
        ("beta", "execute", "alpha", "met"): 2,
        ("beta", "execute", "alpha", "late"): 1,
    }
    buckets = counted(tally, "leg_latency_seconds_bucket")
    latencies = [
        buckets.get(("beta", bound, "execute", "alpha")) for bound in ("30.0", "60.0", "300.0", "600.0", "+Inf")
    ]
    assert latencies == [None, 1, 2, 3, 3]
    assert counted(tally, "leg_latency_seconds_sum") == {("beta", "execute", "alpha"): 422}


def test_an_awaited_latency_is_shown_at_0_before_the_first_arrives() -> None:
    tally = Tally(NAMES, [])
    tally.expect([(ALPHA, BETA, Leg.EXECUTE), (STRANGE, BETA, Leg.EXECUTE)])
    (latency,) = [family for family in tally.families() if family.name == "connext_monitor_leg_latency_seconds"]
    assert {(sample.labels["origin"], sample.value) for sample in latency.samples} == {("alpha", 0)}


def test_every_outcome_is_one_word_of_ours_whatever_a_channel_says() -> None:
    tally = Tally(NAMES, ["ops"])
    evil = 'answered "}\n evil'
    outcomes: list[Outcome] = [Sent(evil), TryLater(evil, cause=FailureCause.TIMED_OUT), TryLater(evil), Refused(evil)]
    for outcome in [*outcomes, ChannelDead(evil)]:
        tally.delivered("ops", outcome)
    words = ("sent", "timed_out", "not_taken", "refused", "dead")
    assert counted(tally, "deliveries_total") == {(word, "ops"): 1 for word in words}


def test_a_chain_that_is_not_configured_becomes_no_label() -> None:
    tally = Tally(NAMES, [])
    params = info(1, origin=STRANGE)
    commit(tally, [ObservedChange(seen=(xcalled(params, sighting(10)), executed(params, sighting(20))))])
    values = {value for family in tally.families() for sample in family.samples for value in sample.labels.values()}
    assert not any("666" in value for value in values)
