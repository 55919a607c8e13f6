"""Hand-made runs: chains out of sight, and legs of which nobody says anything."""

from dataclasses import replace

from tests.simulation.findings import Verdict, Wrong
from tests.simulation.handmade import SECONDS, ended, lives, opened, run, stands, transfer, world
from tests.simulation.rules.sight import sight, silence
from tests.simulation.rules.weather import Case
from tests.simulation.trace import AlertChange, Interval, Trace
from tests.simulation.truth import Truth

OUTAGE = Interval(2000.0, 2600.0)
UNSEEN = opened(2130.0, "chain_unobserved", "beta")
LATE = transfer(sent=stands(1000), executed=stands(3900), reconciled=stands(1500))
OVERDUE = opened(1312.0, "execute_overdue", LATE.transfer_id)


def blind(truth: Truth) -> Truth:
    alpha, beta = truth.chains
    return replace(truth, chains=(alpha, replace(beta, troubled=(OUTAGE,), blind=(OUTAGE,))))


def judged(truth: Truth, trace: Trace) -> Verdict:
    case = Case(truth, trace)
    return Verdict.of([*sight(case), *silence(case)])


def test_an_outage_that_is_told_of_and_ends_is_all_right() -> None:
    assert judged(blind(world()), run(UNSEEN, ended(UNSEEN, 2620.0, "observed"))).sound


def test_an_outage_that_nobody_hears_of_is_missed() -> None:
    assert judged(blind(world()), run()).counts[Wrong.MISSED] == 1


def test_an_outage_that_nobody_hears_of_in_time_is_late() -> None:
    slow = replace(UNSEEN, at=2500.0)
    assert judged(blind(world()), run(slow, ended(slow, 2620.0, "observed"))).counts[Wrong.LATE] == 1


def test_a_chain_in_sight_that_is_called_unobserved_is_false() -> None:
    assert judged(world(), run(UNSEEN, ended(UNSEEN, 2135.0, "observed"))).counts[Wrong.FALSE] == 1


def test_an_outage_that_is_told_of_too_early_is_false() -> None:
    early = replace(UNSEEN, at=2030.0)
    assert judged(blind(world()), run(early, ended(early, 2620.0, "observed"))).counts[Wrong.FALSE] == 1


def test_a_chain_whose_newest_log_cannot_be_decoded_is_out_of_sight() -> None:
    alpha, beta = world().chains
    truth = replace(world(), chains=(alpha, replace(beta, undecodable=(OUTAGE,))))
    assert judged(truth, run(UNSEEN, ended(UNSEEN, 2620.0, "observed"))).sound
    assert judged(truth, run(UNSEEN)).counts[Wrong.FALSE] == 1
    assert judged(truth, run()).counts[Wrong.MISSED] == 1


def test_an_outage_that_is_over_and_still_told_of_is_false() -> None:
    assert judged(blind(world()), run(UNSEEN)).counts[Wrong.FALSE] == 1


def test_a_leg_of_lost_history_is_looked_for_again_in_a_while() -> None:
    alpha, beta = blind(world()).chains
    truth = replace(world(), chains=(alpha, replace(beta, pruned=(OUTAGE,))))
    lost = opened(2010.0, "monitor_started_blind", "beta")
    for until, sound in ((3400.0, True), (3900.0, False)):
        alerts = run(UNSEEN, ended(UNSEEN, until, "observed"))
        assert not judged(truth, alerts).sound
        assert judged(truth, replace(alerts, alerts=(lost, *alerts.alerts))).sound is sound


def test_an_outage_while_the_monitor_is_down_excuses_it() -> None:
    down = replace(run(), lives=lives((0.0, 1990.0), (2590.0, 4000.0)))
    assert judged(blind(world()), down).sound


def restarted(every: float, *alerts: AlertChange) -> Trace:
    """A monitor that is killed so often from the outage's begin on, and starts again ten seconds later."""
    starts = range(int(OUTAGE.begin), int(SECONDS), int(every))
    often = [(at + 10.0, at + every) for at in starts]
    return replace(run(*alerts), lives=lives((0.0, OUTAGE.begin), *often))


def test_an_outage_is_to_be_told_of_however_often_the_monitor_starts() -> None:
    assert judged(blind(world()), restarted(100.0)).counts[Wrong.MISSED] > 0
    heard = replace(UNSEEN, at=2270.0)
    assert judged(blind(world()), restarted(100.0, heard, ended(heard, 2620.0, "observed"))).sound


def test_who_is_started_too_often_to_look_at_each_endpoint_is_excused() -> None:
    assert judged(blind(world()), restarted(80.0)).sound


def test_a_late_leg_of_which_nothing_is_said_is_missed() -> None:
    assert judged(world(LATE), run()).counts[Wrong.MISSED] == 1
    assert judged(world(LATE), run(OVERDUE)).sound


def test_a_late_leg_may_wait_for_a_chain_that_is_told_of() -> None:
    outage = Interval(1100.0, 3000.0)
    alpha, beta = world(LATE).chains
    truth = replace(world(LATE), chains=(alpha, replace(beta, troubled=(outage,), blind=(outage,))))
    unseen = replace(UNSEEN, at=1235.0)
    assert judged(truth, run(unseen, ended(unseen, 3010.0, "observed"), replace(OVERDUE, at=3020.0))).sound
    assert judged(truth, run(replace(OVERDUE, at=3020.0))).counts[Wrong.MISSED] == 2


def test_a_forged_delivery_leaves_a_leg_that_nobody_can_judge() -> None:
    forged = transfer(sent=stands(1000), forged=stands(1100))
    unseen = replace(UNSEEN, at=1430.0)
    assert judged(world(forged), run(unseen)).sound


def test_the_time_for_which_the_host_stood_still_is_no_silence() -> None:
    stood_still = (Interval(2000.0, 2400.0),)
    soon, later = replace(UNSEEN, at=2405.0), replace(UNSEEN, at=2500.0)
    for unseen, sound in ((soon, False), (later, True)):
        alerts = run(unseen, ended(unseen, unseen.at + 5.0, "observed"))
        assert judged(world(), replace(alerts, suspended=stood_still)).sound is sound


def test_a_wrong_clock_excuses_nothing_where_all_chains_tell_the_time() -> None:
    wrong = replace(world(LATE), clock_wrong=(Interval(1200.0, 4000.0),))
    assert judged(wrong, run()).counts[Wrong.MISSED] == 1
    alpha, beta = wrong.chains
    troubled = replace(wrong, chains=(replace(alpha, troubled=(Interval(1250.0, 1260.0),)), beta))
    assert judged(troubled, run()).sound
