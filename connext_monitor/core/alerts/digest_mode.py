"""How a channel takes a burst of alerts: each by itself, or as a digest."""

from enum import Enum

from connext_monitor.core.delivery import Change
from connext_monitor.core.holds import Lane


class DigestMode(Enum):
    """How a channel takes a burst of alerts of one topic."""

    EACH = "each alert by itself"
    INCIDENTS = "a burst as one incident that opens and ends, each alert under a key"
    DIGEST = "a burst as one message when it opens and one when it has ended"
    CHANGING_DIGEST = "a burst as one message that changes"

    @property
    def counts_with_cause(self) -> bool:
        """Whether what is late because of something else is only counted in the message about that."""
        return self in {DigestMode.DIGEST, DigestMode.CHANGING_DIGEST}


def lane_of(change: Change, mode: DigestMode) -> Lane:
    """What a message about this change is held with."""
    edits = mode is DigestMode.CHANGING_DIGEST and change is not Change.OPENED
    return Lane.EDITS if edits else Lane.NEWS
