from datetime import UTC, datetime, timedelta

import pytest

from connext_monitor.core.alert import (
    OVERDUE_KINDS,
    SEVERITIES,
    AlertKind,
    AlertState,
    Severity,
    chain_unobserved,
    overdue,
    overdue_id,
)
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import TransferId

ID = TransferId(bytes(range(32)))
AT = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        (AlertKind.EXECUTE_OVERDUE, Severity.CRITICAL),
        (AlertKind.RECONCILE_OVERDUE, Severity.WARNING),
        (AlertKind.CHAIN_UNOBSERVED, Severity.WARNING),
        (AlertKind.PHANTOM_DELIVERY, Severity.CRITICAL),
        (AlertKind.DELIVERY_MISMATCH, Severity.CRITICAL),
    ],
)
def test_kind_is_as_severe_as_the_contract_says(kind: AlertKind, severity: Severity) -> None:
    assert SEVERITIES[kind] is severity


def test_every_kind_has_a_severity_and_every_leg_a_kind() -> None:
    assert set(SEVERITIES) == set(AlertKind)
    assert set(OVERDUE_KINDS) == set(Leg)


def test_severities_rank_from_info_to_critical() -> None:
    assert sorted(Severity, key=lambda severity: severity.rank) == [
        Severity.INFO,
        Severity.WARNING,
        Severity.CRITICAL,
    ]


@pytest.mark.parametrize("leg", Leg)
def test_overdue_alert_is_about_its_transfer_and_leg(leg: Leg) -> None:
    alert = overdue(ID, leg, 1030, AT)
    assert alert.kind.value == f"{leg.value}_overdue"
    assert alert.severity is SEVERITIES[alert.kind]
    assert (alert.transfer_id, alert.subject) == (ID, f"0x{ID.hex()}")
    assert (alert.state, alert.resolved_at, alert.resolution) == (AlertState.OPEN, None, None)
    assert alert.details["due_at"] == 1030


def test_overdue_alert_has_the_same_id_whenever_it_is_opened() -> None:
    later = overdue(ID, Leg.EXECUTE, 1031, AT + timedelta(days=1))
    assert later.id == overdue(ID, Leg.EXECUTE, 1030, AT).id == overdue_id(ID, Leg.EXECUTE)


def test_legs_of_one_transfer_have_different_alerts() -> None:
    assert overdue_id(ID, Leg.EXECUTE) != overdue_id(ID, Leg.RECONCILE)


def test_chain_alert_is_about_the_chain_s_name() -> None:
    alert = chain_unobserved("gnosis", AT, silent_for=120, waiting=3, why="refused the connection")
    assert (alert.kind, alert.subject, alert.transfer_id) == (AlertKind.CHAIN_UNOBSERVED, "gnosis", None)
    assert alert.details == {"silent_for": 120, "waiting": 3, "why": "refused the connection"}


def test_chain_out_of_sight_again_is_another_alert() -> None:
    first = chain_unobserved("gnosis", AT, silent_for=120, waiting=0, why="")
    again = chain_unobserved("gnosis", AT + timedelta(seconds=1), silent_for=120, waiting=0, why="")
    assert first.id != again.id
