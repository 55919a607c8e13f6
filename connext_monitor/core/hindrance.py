"""What keeps legs from being judged, found out from what is known of their destination."""

from connext_monitor.core.events import Timestamp
from connext_monitor.core.facts import duration_words
from connext_monitor.core.unjudged import Hindrance, Obstacle


def hindrance(
    kept: Hindrance | None,
    first_due: Timestamp,
    watermark: Timestamp | None,
    now: float,
    *,
    reads_history: bool,
    trouble: str | None,
) -> Hindrance:
    """What keeps legs from being judged, the first of which was due at ``first_due``.

    ``kept`` is what was met in judging them; ``now`` is our clock's Unix seconds, ``trouble`` what is wrong with the
    destination.
    """
    about = f" ({trouble})" if trouble else ""
    if kept is not None:
        return kept
    if watermark is None:
        return Hindrance(Obstacle.NOT_COVERED, f"nothing of the chain has been covered since the start{about}")
    behind = f"{duration_words(now - watermark)} before our clock{about}"
    if reads_history:
        return Hindrance(Obstacle.READS_HISTORY, f"its past is still being read, which has come to {behind}")
    if watermark <= first_due:
        return Hindrance(Obstacle.NOT_COVERED, f"the last block that could be covered is stamped {behind}")
    return Hindrance(Obstacle.NOT_LOOKED_AT, f"for no reason that is known; see the log{about}")
