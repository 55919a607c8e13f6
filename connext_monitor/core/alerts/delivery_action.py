"""What is done next for a channel, as values with their reasons; `grouping.next_action` decides."""

from enum import StrEnum

from connext_monitor.core.delivery import Change
from connext_monitor.core.queue import Topic
from connext_monitor.core.structs import struct


class ActionReason(StrEnum):
    """Why an action is the next one."""

    LONE = "nothing else of its topic"
    FEW = "waited for others of its kind, and there are few"
    ENDED = "it has ended"
    TRIED = "tried before, and goes first"
    BURST = "more than a few of one topic"
    CAUSE = "late because of an alert that the channel knows of"
    GROWN = "more than twice as many as were reported"
    GATHERED = "the burst is gathered"
    CHANGED = "the count has changed"
    JOINS = "belongs to a group that is open"
    NOTHING_DUE = "nothing is due"


@struct(frozen=True, slots=True)
class SendAlert:
    """Send one delivery by itself."""

    delivery_id: int
    reason: ActionReason


@struct(frozen=True, slots=True)
class SendGroup:
    """Send a group's message as it is now: its opening, its change, or its end."""

    group_id: int
    change: Change
    reason: ActionReason


@struct(frozen=True, slots=True)
class FormGroup:
    """Make a group of a topic's openings that wait; the channel knows of ``before`` others.

    With a ``cause``, of all that wait because of it: then the topic is that of the first.
    """

    topic: Topic
    before: int
    reason: ActionReason
    cause: str | None = None


@struct(frozen=True, slots=True)
class JoinGroup:
    """Put at most ``most`` of the topic's openings that wait into a group."""

    group_id: int
    topic: Topic
    most: int
    reason: ActionReason = ActionReason.JOINS


@struct(frozen=True, slots=True)
class NoteEnds:
    """Note in the groups which of their members have ended."""

    reason: ActionReason = ActionReason.ENDED


@struct(frozen=True, slots=True)
class Wait:
    """Nothing is to be done before ``until``; None where nothing waits at all."""

    until: float | None
    reason: ActionReason = ActionReason.NOTHING_DUE


DeliveryAction = SendAlert | SendGroup | FormGroup | JoinGroup | NoteEnds | Wait


def is_news(action: DeliveryAction) -> bool:
    """Whether it brings something to a channel that this has not been told: no retry, change or end."""
    match action:
        case SendAlert(_, reason):
            return reason in {ActionReason.LONE, ActionReason.FEW}
        case SendGroup(_, change, _):
            return change is Change.OPENED
        case _:
            return isinstance(action, FormGroup)
