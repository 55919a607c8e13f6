"""When a pathway counts as stalled: several transfers wait for their execution, and nothing is executed any more.

Instants are Unix seconds of block time. Absence is established as it is for a leg (promise 5).
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.deadline import Leg, done
from connext_monitor.core.events import DomainId, Pathway, Timestamp, TransferId
from connext_monitor.core.structs import struct

ASKED = 32
"""At most so many of the transfers that wait on a pathway are asked about, the oldest first."""


@struct(frozen=True, slots=True)
class StallRule:
    """How many ``transfers`` make a stall, and for how long the oldest has to have waited (``after``, seconds)."""

    transfers: int
    after: int


StallRules = Callable[[DomainId, DomainId], StallRule | None]
"""The rule of the pathway origin → destination; None where one of the two is not a configured chain."""


@struct(frozen=True, slots=True)
class PathwayWaits:
    """The transfers of a pathway that wait for their execution and were sent after its ``last`` execution.

    ``oldest`` are the first of them, at most `ASKED`, with when they were sent. What was sent before the last execution
    waits for a reason of its own. Those without a deadline, which were sent before the watch, do not count.
    """

    pathway: Pathway
    count: int = 0
    oldest: Sequence[tuple[TransferId, Timestamp]] = ()
    last: Timestamp | None = None

    @property
    def since(self) -> Timestamp | None:
        """When the oldest was sent; None where none waits."""
        return self.oldest[0][1] if self.oldest else None


class StallRuling(StrEnum):
    """Why a pathway is, or is not, called stalled; only ``STALLED`` accuses."""

    FEW = "fewer transfers wait than it takes"
    EARLY = "the oldest has not waited for long enough"
    OUT_OF_SIGHT = "the destination is not observed, or not covered past the instant"
    READS_HISTORY = "the destination reads its past"
    NOT_READ_AGAIN = "its chains have not been read again since it seemed stalled: a reorg may have ended that"
    NOT_ANSWERED = "the destination's transferStatus has not answered"
    EVENT_MISSING = "the destination says that some are executed: the events are missing here, not there"
    STALLED = "covered past the instant, asked, and nothing is executed"


@struct(frozen=True, slots=True)
class StallEvidence:
    """What is known of a pathway: ``time`` is that of its destination, ``watermark`` up to where that is covered.

    ``in_sight``: the destination is observed; ``reads_history``: it is catching up. ``reread``: both chains have been
    read again, as far as they are not final. ``answers`` are the destination's about ``waits.oldest``; None where it
    was not asked, or did not answer.
    """

    waits: PathwayWaits
    rule: StallRule
    time: float
    watermark: Timestamp | None
    in_sight: bool = True
    reads_history: bool = False
    reread: bool = True
    answers: Mapping[TransferId, TransferStatus] | None = None

    @property
    def stalled_at(self) -> Timestamp | None:
        """When it counts as stalled unless something is executed before; None where none waits."""
        since = self.waits.since
        return None if since is None else Timestamp(since + self.rule.after)


def rule_on_stall(evidence: StallEvidence) -> StallRuling:
    """What the evidence says, by the first of these that fits, in the order of `StallRuling`."""
    stalled_at = evidence.stalled_at
    if stalled_at is None or evidence.waits.count < evidence.rule.transfers:
        return StallRuling.FEW
    if evidence.time <= stalled_at:
        return StallRuling.EARLY
    if not evidence.in_sight or evidence.watermark is None or evidence.watermark <= stalled_at:
        return StallRuling.OUT_OF_SIGHT
    if evidence.reads_history:
        return StallRuling.READS_HISTORY
    if not evidence.reread:
        return StallRuling.NOT_READ_AGAIN
    return _rule_on_answers(evidence)


def _rule_on_answers(evidence: StallEvidence) -> StallRuling:
    answers, ids = evidence.answers, [transfer_id for transfer_id, _ in evidence.waits.oldest]
    if answers is None or not answers.keys() >= set(ids):
        return StallRuling.NOT_ANSWERED
    executed = any(done(Leg.EXECUTE, answers[transfer_id]) for transfer_id in ids)
    return StallRuling.EVENT_MISSING if executed else StallRuling.STALLED
