"""What keeps legs from being judged, concluded from what is known of their destination."""

from enum import StrEnum

from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.structs import struct
from connext_monitor.core.words import duration_words

_ANSWERS_WITHIN = 3.0
"""Seconds. What takes no longer than that hinders nobody."""


class Obstacle(StrEnum):
    """What keeps legs from being judged; the values label metrics."""

    NOT_COVERED = "not_covered"
    """The destination is not covered past the deadline: it stands still, or its block times do."""
    READS_HISTORY = "reads_history"
    """Its past is still being read: the legs may have arrived in what comes."""
    ORIGIN_NOT_READ = "origin_not_read"
    """Their origin has not been read again since they were due: a reorg may have taken their calls back."""
    NOT_ANSWERED = "not_answered"
    """No endpoint answers transferStatus."""
    EVENT_MISSING = "event_missing"
    """Its contract says that a leg has happened, and no endpoint shows the event."""
    FAULT = "fault"
    """Judging fails."""
    NOT_LOOKED_AT = "not_looked_at"
    """Nothing is known to keep them from it."""

    @property
    def is_met(self) -> bool:
        """Whether it is met by who judges them, once their destination is covered past the deadline and at its head."""
        return self in {Obstacle.NOT_ANSWERED, Obstacle.EVENT_MISSING, Obstacle.FAULT}


@struct(frozen=True, slots=True)
class Hindrance:
    """An obstacle in words that go on from "cannot be judged"; ``chain`` is the one to blame, None the destination."""

    obstacle: Obstacle
    words: str
    chain: DomainId | None = None


def origin_not_read(domain: DomainId, name: str, trouble: str | None) -> Hindrance:
    """An origin is to blame; ``trouble`` is what is wrong with it."""
    words = f"{name} has not been read again since they were due, and a reorg may have taken their calls back"
    return Hindrance(Obstacle.ORIGIN_NOT_READ, words + _about(trouble), domain)


def hindrance(
    met: Hindrance | None,
    first_due: Timestamp,
    watermark: Timestamp | None,
    now: float,
    *,
    reads_history: bool,
    asked_for: float | None,
    in_turn: int,
    trouble: str | None,
) -> Hindrance:
    """What keeps legs from being judged, the first of which was due at ``first_due``.

    ``met`` is what was met in judging them; ``now`` is our clock's Unix seconds, ``trouble`` what is wrong with the
    destination, ``asked_for`` the seconds for which it has been asked about legs and has not answered,
    ``in_turn`` how many are being judged.
    """
    about = _about(trouble)
    if met is not None:
        return met
    if watermark is None:
        return Hindrance(Obstacle.NOT_COVERED, f"nothing of the chain has been covered since the start{about}")
    behind = f"{duration_words(max(0.0, now - watermark))} before our clock{about}"
    if reads_history:
        return Hindrance(Obstacle.READS_HISTORY, f"its past is still being read, and reading has reached {behind}")
    if watermark <= first_due:
        return Hindrance(Obstacle.NOT_COVERED, f"the last block that could be covered is stamped {behind}")
    return _not_yet_judged(asked_for, in_turn, about)


def _about(trouble: str | None) -> str:
    return f" ({trouble})" if trouble else ""


def _not_yet_judged(asked_for: float | None, in_turn: int, about: str) -> Hindrance:
    """Of legs that the chain is covered past."""
    if asked_for is not None and asked_for > _ANSWERS_WITHIN:
        words = f"transferStatus was asked {duration_words(asked_for)} ago and has not been answered yet{about}"
        return Hindrance(Obstacle.NOT_ANSWERED, words)
    if in_turn:
        many = f"{in_turn:,} are being judged, one after the other, which takes a while"
        return Hindrance(Obstacle.NOT_LOOKED_AT, (many if in_turn > 1 else "it is being judged now") + about)
    return Hindrance(Obstacle.NOT_LOOKED_AT, f"for no known reason; see the log{about}")
