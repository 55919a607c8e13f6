"""Hand-made runs: bridges that are paused, and transactions that change who may do what."""

from dataclasses import replace

from tests.simulation.findings import Verdict, Wrong
from tests.simulation.handmade import BETA, delivered, ended, opened, run, stands, world
from tests.simulation.rules.bridge import A_DAY, bridge_changes, pauses
from tests.simulation.rules.bridge_records import bridge_records
from tests.simulation.rules.weather import Case
from tests.simulation.rules.wording import wording
from tests.simulation.trace import AlertChange, BridgeSighting, Interval, Trace
from tests.simulation.truth import BridgeTransaction, Standing, Truth

PAUSE, LATER = Interval(1000.0, 2000.0), 3600.0
OWNER = stands(1000)
TX = OWNER.where.tx_hash
ALERT = replace(opened(1010.0, "bridge_paused", "beta"), severity="critical")
OVER = ended(ALERT, 2010.0, "unpaused")


def judged(truth: Truth, trace: Trace) -> Verdict:
    rules = (pauses, bridge_changes, bridge_records, wording)
    return Verdict.of(finding for rule in rules for finding in rule(Case(truth, trace)))


def counted(wrong: Wrong, truth: Truth, trace: Trace) -> int:
    return judged(truth, trace).counts[wrong]


def says(*names: str, standing: tuple[Standing, ...] = (OWNER,)) -> BridgeTransaction:
    return BridgeTransaction(domain=BETA, tx_hash=standing[0].where.tx_hash, says=names, standing=standing)


def paused(*transactions: BridgeTransaction) -> Truth:
    truth = world()
    alpha, beta = truth.chains
    blocks = tuple(replace(block, paused=block.since in PAUSE) for block in beta.blocks)
    bridge = transactions or (says("Paused"), says("Unpaused", standing=(stands(2000),)))
    return replace(truth, chains=(alpha, replace(beta, blocks=blocks)), bridge=bridge)


def said(transaction: BridgeTransaction, trace: Trace, times: int = 1) -> Trace:
    where = transaction.standing[-1].where
    seen = [BridgeSighting("beta", name, where.block_hash, transaction.tx_hash) for name in transaction.says]
    return replace(trace, bridge=(*trace.bridge, *seen * times))


def recorded(truth: Truth, *alerts: AlertChange) -> Trace:
    trace = run(*alerts)
    for transaction in truth.bridge:
        trace = said(transaction, trace)
    return trace


def changed(at: float = 1020.0, tx: str = TX) -> AlertChange:
    alert = opened(at, "bridge_changed", "beta")
    return replace(alert, alert_id=f"bridge_changed:beta:{tx}", severity="critical")


def changes(*transactions: BridgeTransaction, seconds: float = 4000.0) -> Truth:
    return replace(world(seconds=seconds), quiet_from=0.0, bridge=transactions)


def test_a_paused_bridge_must_be_told_of_until_it_is_not() -> None:
    truth = paused()
    assert judged(truth, recorded(truth, ALERT, OVER)).sound
    assert counted(Wrong.MISSED, truth, recorded(truth)) == 1
    assert counted(Wrong.MISSED, truth, recorded(truth, replace(ALERT, at=1500.0), OVER)) == 1
    assert counted(Wrong.FALSE, truth, recorded(truth, ALERT)) == 1


def test_the_alert_about_a_paused_bridge_must_not_end_before() -> None:
    truth = paused()
    assert counted(Wrong.MISSED, truth, recorded(truth, ALERT, replace(OVER, at=1300.0))) == 1


def test_a_bridge_that_works_must_not_be_called_paused() -> None:
    truth = changes()
    assert counted(Wrong.FALSE, truth, run(ALERT, ended(ALERT, 1020.0, "unpaused"))) >= 1


def test_a_pause_ends_by_what_is_seen_on_its_chain() -> None:
    truth = paused()
    assert counted(Wrong.FALSE, truth, recorded(truth, ALERT, ended(ALERT, 2010.0, "reorged"))) == 1
    assert counted(Wrong.FALSE, truth, recorded(truth, ALERT, ended(ALERT, 2010.0, "noted"))) == 1
    gone = paused(says("Paused", standing=(stands(1000, until=2000),)))
    assert counted(Wrong.FALSE, gone, run(ALERT, ended(ALERT, 2010.0, "reorged"))) == 0
    assert counted(Wrong.FALSE, gone, run(ALERT, OVER)) == 1


def test_a_pause_whose_event_was_cut_short_need_not_be_told_of() -> None:
    truth = paused()
    alpha, beta = truth.chains
    mangled = replace(truth, chains=(alpha, replace(beta, mangling=(Interval(990.0, 1005.0),))))
    assert judged(mangled, recorded(mangled)).sound


def test_who_changes_what_must_be_told_of_once() -> None:
    truth = changes(says("OwnershipTransferred", "RouterAdded"))
    assert judged(truth, recorded(truth, changed())).sound
    assert counted(Wrong.MISSED, truth, recorded(truth)) == 1
    assert counted(Wrong.TWICE, truth, recorded(truth, changed(), changed(tx=f"{TX}:2"))) == 1
    assert counted(Wrong.FALSE, truth, recorded(truth, replace(changed(), severity="warning"))) == 1


def test_what_changes_nothing_must_not_be_told_of() -> None:
    truth = changes(says("DiamondCutProposed", "RouterLiquidityAdded"))
    assert judged(truth, recorded(truth)).sound
    assert counted(Wrong.FALSE, truth, recorded(truth, changed())) == 1
    assert counted(Wrong.FALSE, changes(), run(changed())) == 1


def test_a_change_that_is_taken_back_is_told_of_no_more() -> None:
    truth = changes(says("DiamondCut", standing=(stands(1000, until=1500),)))
    assert judged(truth, run(changed(), ended(changed(), 1520.0, "reorged"))).sound
    assert counted(Wrong.FALSE, truth, run(changed())) == 1


def test_a_change_that_moved_is_told_of_all_the_same() -> None:
    moved = changes(says("DiamondCut", standing=(stands(1000, until=1500), stands(1500, fork="b"))))
    assert judged(moved, recorded(moved, changed())).sound
    assert counted(Wrong.MISSED, moved, recorded(moved, changed(), ended(changed(), 1510.0, "reorged"))) == 1


def test_a_change_is_noted_after_a_day_and_no_sooner() -> None:
    truth = changes(says("DiamondCut"), seconds=A_DAY + 9000.0)

    def until(at: float) -> Trace:
        trace = replace(recorded(truth, changed(), ended(changed(), at, "noted")), seconds=truth.seconds)
        return replace(trace, lives=run(seconds=truth.seconds).lives)

    assert judged(truth, until(1020.0 + A_DAY + LATER)).sound
    assert counted(Wrong.FALSE, truth, until(1020.0 + A_DAY - 60.0)) == 1
    assert counted(Wrong.FALSE, truth, until(1020.0 + A_DAY + LATER + 400.0)) == 1


def test_what_bridges_say_must_be_recorded_as_it_stands() -> None:
    truth = changes(says("RouterAdded"))
    assert counted(Wrong.DIFFERS, truth, delivered(recorded(truth))) == 0
    assert counted(Wrong.DIFFERS, truth, run()) == 1
    assert counted(Wrong.DIFFERS, truth, said(truth.bridge[0], run(), times=2)) == 1
    gone = changes(says("RouterAdded", standing=(stands(1000, until=1500),)))
    assert counted(Wrong.DIFFERS, gone, recorded(gone)) == 1
    assert counted(Wrong.DIFFERS, changes(), recorded(truth)) == 1
