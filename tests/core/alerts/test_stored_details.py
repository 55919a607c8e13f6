"""The details that versions so far have stored are still read, and read the same by every later one."""

from typing import Any

import pytest

from connext_monitor.core.alerts.alert import KindOf
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.kinds.backup_failed import BACKUP_FAILED, BackupFailedDetails
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED, UnobservedDetails
from connext_monitor.core.alerts.kinds.database_failing import DATABASE_FAILING, DatabaseFailingDetails
from connext_monitor.core.alerts.kinds.deep_reorg import DEEP_REORG, DeepReorgDetails
from connext_monitor.core.alerts.kinds.delivery_mismatch import DELIVERY_MISMATCH, MismatchDetails
from connext_monitor.core.alerts.kinds.monitor_started_blind import MONITOR_STARTED_BLIND, StartedBlindDetails
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE, RECONCILE_OVERDUE, OverdueDetails
from connext_monitor.core.alerts.kinds.owner_changed import OWNER_CHANGED, OwnerChangedDetails
from connext_monitor.core.alerts.kinds.phantom_delivery import PHANTOM_DELIVERY, PhantomDetails
from connext_monitor.core.alerts.kinds.provider_failing import PROVIDER_FAILING, ProviderFailingDetails
from connext_monitor.core.events import DomainId
from connext_monitor.core.hindrance import Obstacle
from connext_monitor.core.mismatch import Mismatch

ALPHA, BETA = DomainId(1001), DomainId(1002)
MISMATCH = MismatchDetails(
    origin=ALPHA,
    destination=BETA,
    wrong=Mismatch.RECIPIENT,
    nonce="7",
    to="0x" + "11" * 20,
    sender="0x" + "22" * 20,
    bridged_amount="12",
    executed_at=1700000000,
    tx_hash="0x" + "33" * 32,
)
STORED: list[tuple[KindOf[Any], str, Details]] = [
    (EXECUTE_OVERDUE, '{"due_at": 5}', OverdueDetails(due_at=5)),
    (
        RECONCILE_OVERDUE,
        '{"due_at": 5, "origin": 1001, "destination": 1002, "escalated_at": 9}',
        OverdueDetails(due_at=5, origin=ALPHA, destination=BETA, escalated_at=9),
    ),
    (
        CHAIN_UNOBSERVED,
        '{"silent_for": 120, "waiting": 3, "why": "it hangs"}',
        UnobservedDetails(silent_for=120, waiting=3, why="it hangs"),
    ),
    (
        CHAIN_UNOBSERVED,
        '{"waiting": 3, "deliveries": 0, "waited_for": 130, "obstacle": "not_answered", "why": "w"}',
        UnobservedDetails(waiting=3, deliveries=0, waited_for=130, obstacle=Obstacle.NOT_ANSWERED, why="w"),
    ),
    (DEEP_REORG, '{"block": 5, "checkpoint": 4}', DeepReorgDetails(block=5, checkpoint=4)),
    (PROVIDER_FAILING, '{"reason": "answered 503", "dead": 0}', ProviderFailingDetails(reason="answered 503")),
    (PROVIDER_FAILING, '{"reason": "r", "dead": 1}', ProviderFailingDetails(reason="r", dead=True)),
    (
        PHANTOM_DELIVERY,
        '{"origin": 1001, "destination": 1002, "nonce": "7"}',
        PhantomDetails(origin=ALPHA, destination=BETA, nonce="7"),
    ),
    (
        PHANTOM_DELIVERY,
        '{"origin": 1001, "destination": 1002, "nonce": "7", "holder": "a transfer that is no longer kept"}',
        PhantomDetails(origin=ALPHA, destination=BETA, nonce="7", holder="a transfer that is no longer kept"),
    ),
    (OWNER_CHANGED, '{"before": "left", "now": "right"}', OwnerChangedDetails(before="left", now="right")),
    (BACKUP_FAILED, '{"reason": "the disk is full \\ud83d"}', BackupFailedDetails(reason="the disk is full \ud83d")),
    (
        DATABASE_FAILING,
        '{"reason": "r", "cure": "c", "final": 1, "since": 5}',
        DatabaseFailingDetails(reason="r", cure="c", final=True, since=5),
    ),
    (
        DATABASE_FAILING,
        '{"reason": "r", "cure": "c", "final": 0, "since": 5, "started": 0}',
        DatabaseFailingDetails(reason="r", cure="c", since=5, started=False),
    ),
    (
        DELIVERY_MISMATCH,
        (
            '{"origin": 1001, "destination": 1002, "wrong": "the recipient among the topics is not the one in params",'
            f' "nonce": "7", "to": "0x{"11" * 20}", "sender": "0x{"22" * 20}", "bridged_amount": "12",'
            f' "executed_at": 1700000000, "tx_hash": "0x{"33" * 32}"}}'
        ),
        MISMATCH,
    ),
    (MONITOR_STARTED_BLIND, '{"first": 1, "last": 2}', StartedBlindDetails(first=1, last=2)),
    (MONITOR_STARTED_BLIND, '{"first": 1, "last": 2, "of_a_later_version": "x"}', StartedBlindDetails(first=1, last=2)),
]


@pytest.mark.parametrize(("kind", "stored", "details"), STORED)
def test_stored_details_are_read(kind: KindOf[Any], stored: str, details: Details) -> None:
    assert kind.read_details(stored) == details
