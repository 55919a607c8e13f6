"""What is to be done about a leg that is past due, and why: absence is established, never assumed (promise 5)."""

from enum import StrEnum

from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.deadline import Awaited, DueDates, done, sighting_of
from connext_monitor.core.events import Timestamp
from connext_monitor.core.structs import struct
from connext_monitor.core.transfer import Transfer


class LegRuling(StrEnum):
    """Why a leg is, or is not, called overdue; only ``ABSENT`` accuses."""

    WITHDRAWN = "its XCalled is gone, or nobody watches its destination"
    """Nothing is owed: forget it."""
    ARRIVED = "the leg has arrived"
    """Forget it."""
    MOVED = "a reorg has moved its deadline to an instant that the destination is not covered past"
    """Await it until then."""
    ORIGIN_NOT_READ = "its origin has not been read again since the leg was late: XCalled may be gone"
    """Wait until it has been."""
    NOT_COVERED = "the destination is not covered past the deadline"
    """Out of sight: wait for the chain."""
    NOT_ANSWERED = "the destination's transferStatus has not answered"
    """Ask, and ask again."""
    EVENT_MISSING = "the destination says that it is done: the event is missing here, not there"
    """The gap is ours: fetch the event."""
    SETTLING = "its alert ended a moment ago: with a reorg the leg may come and go"
    """Look again once that has settled."""
    ABSENT = "covered past the deadline, asked, and not there"
    """Open its alert."""


@struct(frozen=True, slots=True)
class Evidence:
    """What is known of a leg that is past due.

    ``transfer`` and ``due`` are as they stand now, ``answer`` is the destination's, asked at its ``watermark`` or
    later. ``origin_read``: a reorg that took XCalled back would be known, as far as the origin can be seen.
    ``settles_for``: seconds for which the leg's last alert, which has ended, is still to settle.
    """

    awaited: Awaited
    transfer: Transfer | None
    due: DueDates | None
    watermark: Timestamp | None
    answer: TransferStatus | None = None
    origin_read: bool = True
    settles_for: float = 0.0

    @property
    def due_at(self) -> Timestamp:
        """Until when the leg is due: a reorg may have moved that."""
        return self.awaited.due_at if self.due is None else self.due.of(self.awaited.leg)


def rule(evidence: Evidence) -> LegRuling:
    """Promise 5, in its order.

    (a) XCalled stands and the leg has not been seen; (b) the destination is covered strictly past the deadline, and the
    origin read again, so that (a) is sure; (c) the destination, asked, denies it. Then it is absent, unless an alert
    about it has only just ended.
    """
    transfer, leg = evidence.transfer, evidence.awaited.leg
    if transfer is None or transfer.xcalled is None or evidence.due is None:
        return LegRuling.WITHDRAWN
    if sighting_of(transfer, leg) is not None:
        return LegRuling.ARRIVED
    if evidence.watermark is None or evidence.watermark <= evidence.due_at:
        return LegRuling.NOT_COVERED if evidence.due_at == evidence.awaited.due_at else LegRuling.MOVED
    if not evidence.origin_read:
        return LegRuling.ORIGIN_NOT_READ
    return _rule_on_answer(evidence)


def _rule_on_answer(evidence: Evidence) -> LegRuling:
    if evidence.answer is None:
        return LegRuling.NOT_ANSWERED
    if done(evidence.awaited.leg, evidence.answer):
        return LegRuling.EVENT_MISSING
    return LegRuling.SETTLING if evidence.settles_for > 0 else LegRuling.ABSENT
