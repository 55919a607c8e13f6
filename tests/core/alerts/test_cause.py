"""What is known of a cause: found, kept and said, never guessed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.alerts.alert import AlertState, compose
from connext_monitor.core.alerts.cause import (
    Cause,
    CauseKind,
    Findings,
    RouterBids,
    known_words,
    merged,
    of_bids,
    of_pause,
    of_side_events,
    of_sight,
    of_simulation,
    of_transfer,
    state_to_simulate,
)
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import Leg
from connext_monitor.core.documents.alerts import SimulationDocument, alert_in_words
from connext_monitor.core.events import Address, BlockNumber
from connext_monitor.core.execution import SimulatedExecution
from connext_monitor.core.side_events import CalldataExecuted, RelayerFeeIncreased, SideEvent, SlippageUpdated
from tests.world.alerts import ARRIVED, DESTINATION, DUE_AT, LABELS, LATE, NOW, OPENED, ORIGIN, sighting
from tests.world.kinds import overdue

COIN, TOKEN = Address(bytes(20)), Address(b"\x09" * 20)
RECONCILED = replace(LATE, reconciled=sighting(DUE_AT - 9))
PAUSED = of_pause(DESTINATION, paused=True)


def said(findings: Findings, *, ended: bool = False) -> str:
    return known_words(findings.causes, LABELS, ended=ended)


def kinds(findings: Findings) -> list[CauseKind]:
    return [cause.kind for cause in findings.causes]


@pytest.mark.parametrize(
    ("transfer", "leg", "expected"),
    [
        (LATE, Leg.EXECUTE, [CauseKind.RECONCILE_PENDING]),
        (LATE, Leg.RECONCILE, [CauseKind.RECONCILE_PENDING]),
        (RECONCILED, Leg.EXECUTE, [CauseKind.AWAITS_EXECUTION]),
        (ARRIVED, Leg.RECONCILE, []),
    ],
)
def test_the_transfer_says_what_its_leg_waits_for(transfer: object, leg: Leg, expected: list[CauseKind]) -> None:
    assert kinds(of_transfer(transfer, leg)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("without", "by_routers", "silent"), [(1, 0, False), (2, 0, True), (9, 1, False)])
def test_routers_are_silent_where_none_took_any_of_several(without: int, by_routers: int, silent: bool) -> None:
    assert bool(of_bids(RouterBids(6 * 3600, without, by_routers)).causes) is silent


def test_what_is_known_is_said_in_plain_words() -> None:
    events: list[SideEvent] = [
        RelayerFeeIncreased(10**15, COIN),
        RelayerFeeIncreased(2 * 10**15, COIN),
        SlippageUpdated(550),
    ]
    assert said(of_side_events(events, LATE)) == (
        "Known of the cause: "
        "its relayer fee was raised 2 times by 0.003 of the origin chain's native coin after it was sent; "
        "its slippage was changed from 0.3 % to 5.5 %."
    )
    assert "raised once after" in said(of_side_events([RelayerFeeIncreased(5, TOKEN)], LATE))
    assert "in the 6 h before (7 of them" in said(of_bids(RouterBids(6 * 3600, 7, 0)))
    assert said(of_sight([ORIGIN])) == "Known of the cause: ethereum is not observed."
    assert said(of_side_events([CalldataExecuted(success=True)], LATE)) == ""
    assert "call to its recipient failed" in said(of_side_events([CalldataExecuted(success=False)], LATE))


def test_the_last_slippage_counts() -> None:
    assert "to 2 %" in said(of_side_events([SlippageUpdated(500), SlippageUpdated(200)], LATE))


def test_what_no_longer_holds_is_said_of_the_past() -> None:
    (cause,) = merged(PAUSED.causes, of_pause(DESTINATION, paused=False))
    assert cause.past
    assert "was paused" in known_words([cause], LABELS, ended=False)
    assert "is paused" in said(PAUSED)
    assert "was paused" in said(PAUSED, ended=True)


def test_a_cause_not_looked_for_again_stays() -> None:
    assert merged(PAUSED.causes, Findings()) == PAUSED.causes


def test_what_was_done_stays_true() -> None:
    bumped = of_side_events([RelayerFeeIncreased(1, COIN)], LATE).causes
    assert merged(bumped, of_side_events([], LATE) + PAUSED) == (*PAUSED.causes, *bumped)


def simulated(**says: str) -> Findings:
    by_relayer = "by_delegate" not in says
    says.pop("by_delegate", None)
    return of_simulation(SimulatedExecution(BlockNumber(7), by_relayer, **says), "a state")


@pytest.mark.parametrize(
    ("says", "now", "past"),
    [
        ({"reverts": "X__y"}, "would revert: X__y", "would have reverted: X__y"),
        (
            {},
            "would succeed: no relayer has executed it",
            "would have succeeded: no relayer had executed it",
        ),
        (
            {"by_delegate": "1"},
            "would succeed for an approved relayer, of which none is known here",
            "would have succeeded for an approved relayer, of which none is known here",
        ),
        (
            {"recipient_reverts": "Y"},
            "would succeed: no relayer has executed it, although the call to its recipient would fail: Y",
            "would have succeeded: no relayer had executed it, although the call to its recipient would have failed: Y",
        ),
    ],
)
def test_a_simulated_execution_is_said_with_its_block(says: dict[str, str], now: str, past: str) -> None:
    for words, ended in ((now, False), (past, True)):
        expected = f"Known of the cause: its execution, simulated at block 7, {words}."
        assert said(simulated(**says), ended=ended) == expected


@pytest.mark.parametrize("reverts", [None, "X__y"])
@pytest.mark.parametrize("by_relayer", [True, False])
def test_a_document_says_what_was_simulated(by_relayer: bool, reverts: str | None) -> None:
    simulation = SimulatedExecution(BlockNumber(7), by_relayer, reverts, reverts)
    causes = of_simulation(simulation, "a state").causes
    alert = overdue(LATE.transfer_id, Leg.EXECUTE, DUE_AT, NOW, causes=causes)
    document = alert_in_words(alert, LATE, LABELS).simulated_execution
    assert document == SimulationDocument(7, by_relayer, reverts, reverts)
    assert alert_in_words(OPENED, LATE, LABELS).simulated_execution is None


def test_an_execution_is_simulated_once_in_each_state_of_a_reconciled_transfer() -> None:
    state = state_to_simulate(RECONCILED, ())
    assert state is not None
    known = of_simulation(SimulatedExecution(BlockNumber(7), by_relayer=True), state).causes
    assert state_to_simulate(RECONCILED, known) is None
    slipped = of_side_events([SlippageUpdated(550)], RECONCILED).causes
    elsewhere = replace(RECONCILED, reconciled=sighting(DUE_AT - 8, block_hash=b"\x01" * 32))
    assert len({state, state_to_simulate(RECONCILED, [*known, *slipped]), state_to_simulate(elsewhere, known)}) == 3
    assert state_to_simulate(LATE, ()) is state_to_simulate(replace(RECONCILED, executed=sighting(1)), ()) is None


causes = st.builds(
    Cause,
    st.sampled_from(CauseKind),
    st.just(
        {"domain": DESTINATION, "transfers": 2, "lately": 21600, "times": 1, "wei": "1", "slippage": "9", "block": 1}
    ),
    st.booleans(),
)
any_findings = st.builds(
    Findings,
    st.lists(causes, unique_by=lambda cause: cause.kind).map(tuple),
    st.frozensets(st.sampled_from(CauseKind)),
)


@given(st.lists(any_findings, max_size=4))
def test_each_kind_is_named_once_and_in_order(looks: list[Findings]) -> None:
    known: tuple[Cause, ...] = ()
    for look in looks:
        known = merged(known, look)
        assert all(cause in known for cause in look.causes)
    assert [cause.kind for cause in known] == [kind for kind in CauseKind if kind in {c.kind for c in known}]
    assert known_words(known, LABELS, ended=True).count(";") == max(0, len(known) - 1)


def test_a_message_names_causes_only_where_there_are_any() -> None:
    alert = overdue(OPENED.transfer_id or LATE.transfer_id, Leg.EXECUTE, DUE_AT, NOW, causes=PAUSED.causes)
    assert compose(alert, LATE, LABELS).text == (
        "Due 1 min before this alert, and the recipient has not received the funds. "
        "Known of the cause: the bridge on gnosis is paused and executes nothing."
    )
    ended = replace(alert, state=AlertState.RESOLVED, resolved_at=NOW, resolution=Resolution.EXECUTED)
    assert compose(ended, ARRIVED, LABELS).text.endswith("the bridge on gnosis was paused and executed nothing.")
    withdrawn = replace(ended, resolution=Resolution.REORGED)
    assert "cause" not in compose(withdrawn, LATE, LABELS).text
    assert "cause" not in compose(OPENED, LATE, LABELS).text
