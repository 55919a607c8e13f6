"""What a channel's answer means, and when to try again."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from connext_monitor.core.structs import struct

FIRST_WAIT = 1.0
# As waits double, an alert waits at most about as long again as the channel's outage has lasted, and no longer than
# this. Asking more often after hours of failures is what gets an address banned.
LONGEST_WAIT = 3600.0
# A channel that asks for ten years does so by mistake: it is tried once an hour all the same.
LONGEST_RETRY_AFTER = 3600.0
_WORTH_SAYING = 60.0


@struct(frozen=True, slots=True)
class Sent:
    """The channel took it; ``reference`` is what it calls the message, for a later edit, where it says that."""

    reference: str | None = None


class FailureCause(StrEnum):
    """Why a channel did not take a message now: one of a few words, by which attempts are counted."""

    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    FAULT = "fault"
    """Our own code failed."""
    NOT_TAKEN = "not_taken"
    """Anything else."""


@dataclass(frozen=True, slots=True)
class TryLater:
    """The channel cannot take it now; to be tried again in ``after`` seconds if it said so."""

    reason: str
    after: float | None = None
    cause: FailureCause = field(default=FailureCause.NOT_TAKEN, compare=False)


@struct(frozen=True, slots=True)
class Refused:
    """The channel rejects the message in every form; others may pass, and this one is tried again later."""

    reason: str


@struct(frozen=True, slots=True)
class ChannelDead:
    """The channel refuses for good, as the vendor's own error says: its address or its key is wrong.

    Nothing more is sent to it until a restart.
    """

    reason: str


Outcome = Sent | TryLater | Refused | ChannelDead


class Change(StrEnum):
    """What a message says of an alert or a group of alerts; only a group can be CHANGED in between."""

    OPENED = "opened"
    CHANGED = "changed"
    RESOLVED = "resolved"


def wait_before(attempt: int, retry_after: float | None, jitter: float) -> float:
    """Seconds to wait after the ``attempt``-th failed attempt (the first is 1); ``jitter`` is from 0 to 1.

    Doubles from a second up to an hour. Half of it is random, so that many monitors do not retry in step. Never less
    than the channel asked for, up to an hour.
    """
    full = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempt - 1, 20))
    return max(full * (0.5 + 0.5 * jitter), min(retry_after or 0.0, LONGEST_RETRY_AFTER))


def with_retry_after(reason: str, retry_after: float | None, at: datetime) -> str:
    """The reason and, where the channel asked ``at`` that instant to be left alone for long, until when."""
    if retry_after is None or retry_after <= _WORTH_SAYING:
        return reason
    try:
        until = f"until {at + timedelta(seconds=retry_after):%Y-%m-%d %H:%M:%S} UTC"
    except OverflowError:
        until = "until after the year 9999"
    more = "; it is tried within an hour all the same" if retry_after > LONGEST_RETRY_AFTER else ""
    return f"{reason} and asks to wait {until}{more}"
