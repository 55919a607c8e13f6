"""What people do about alerts in a story."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody silences the alerts of a kind for so many seconds, or ``acknowledges`` the oldest open one.

    Somebody ends that ``ended_after`` so many seconds, if it has not ended.
    """

    at: float
    seconds: float
    kind: str
    acknowledges: bool = False
    ended_after: float | None = None
