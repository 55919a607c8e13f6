"""What waits in the queue of a channel, and what the grouping makes of it."""

from dataclasses import replace

from connext_monitor.core.alerts.delivery_action import DeliveryAction
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.grouping import GroupRules, next_action
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.events import DomainId
from connext_monitor.core.holds import Held
from connext_monitor.core.queue import Group, GroupMessage, Queue, Topic, Waiting

RULES = GroupRules(wait=2.0, interval=60.0)
NOW = 1000.0
TOPIC = Topic(EXECUTE_OVERDUE, (DomainId(1), DomainId(2)))
OTHER = Topic(CHAIN_UNOBSERVED)
WAITING = Waiting(TOPIC, 1, 7, NOW, NOW)
GROUP = Group(3, TOPIC, members=10, open=10, before=0, oldest=NOW - 2, newest=NOW - 2, formed_at=NOW - 2)
SENT = replace(GROUP, opened_with=10, message=GroupMessage(NOW - 30, 10, 10), editable=True)


def action(queue: Queue, mode: DigestMode = DigestMode.CHANGING_DIGEST, now: float = NOW) -> DeliveryAction:
    return next_action(queue, mode, RULES, now)


def waiting(count: int, oldest: float = NOW, newest: float = NOW, *, fresh: bool = True) -> Queue:
    return Queue([Waiting(TOPIC, count, 7, oldest, newest, fresh)])


def held(queue: Queue, holds: Held, now: float = NOW) -> DeliveryAction:
    return next_action(queue, DigestMode.CHANGING_DIGEST, RULES, now, holds)
