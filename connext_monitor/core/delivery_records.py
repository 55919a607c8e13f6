"""How a channel is, and what became of a delivery, as people are shown."""

from datetime import datetime
from enum import StrEnum

from connext_monitor.core.delivery import Change
from connext_monitor.core.structs import struct


class ChannelState(StrEnum):
    """A channel's health, as it is shown to people."""

    OK = "ok"
    FAILING = "failing"
    DEAD = "dead"


@struct(frozen=True, slots=True)
class StoredHealth:
    """A channel's health, and since when it is that: the reason may have changed meanwhile."""

    state: ChannelState
    reason: str | None
    since: datetime


@struct(frozen=True, slots=True)
class ChannelRow:
    """A channel's health as last stored, and how many messages are queued for it."""

    provider: str
    state: ChannelState
    reason: str | None
    since: datetime | None
    waiting: int


class DeliveryStatus(StrEnum):
    """How far a delivery has come."""

    WAITING = "waiting"
    TAKEN = "taken"
    REFUSED = "refused"


@struct(frozen=True, slots=True)
class DeliveryRecord:
    """What became of one change of one alert at one channel, sent by itself or counted ``in_digest``.

    ``done_at`` is when the channel took or refused it. While it waits, ``attempts`` have failed for ``reason``, and the
    next is due at ``next_attempt_at``.
    """

    provider: str
    change: Change
    state: DeliveryStatus
    in_digest: bool
    created_at: datetime
    done_at: datetime | None
    attempts: int
    next_attempt_at: datetime | None
    reason: str | None
