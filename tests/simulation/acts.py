"""What people do about alerts in a story."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody silences some alerts for so many seconds, or ``acknowledges`` the oldest open one of a kind.

    Silenced is what is of this ``kind`` and of pathways from ``origin`` and to ``destination`` (domain ids); what is
    None names nothing. Somebody ends that ``ended_after`` so many seconds, if it has not ended.
    """

    at: float
    seconds: float
    kind: str | None
    acknowledges: bool = False
    ended_after: float | None = None
    origin: int | None = None
    destination: int | None = None
