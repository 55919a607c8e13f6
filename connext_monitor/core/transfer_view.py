"""A transfer as readers see it: with its deadlines, and what has been established about them."""

from connext_monitor.core.deadline import DeadlineState, DueDates, Leg, sighting_of, state
from connext_monitor.core.selection import Cursor
from connext_monitor.core.structs import struct
from connext_monitor.core.transfer import Transfer


@struct(frozen=True, slots=True)
class TransferView:
    """A transfer with what the store knows beside it: its deadlines and what has been established about them.

    ``overdue`` holds the legs whose overdue alert stands open; ``observed`` says whether its destination is in sight.
    ``number`` is the store's own, 0 of what is not stored.
    """

    transfer: Transfer
    due: DueDates | None
    overdue: frozenset[Leg] = frozenset()
    observed: bool = True
    number: int = 0

    @property
    def cursor(self) -> Cursor:
        """Where a list continues after this one."""
        return (self.transfer.started_at, self.number)

    def state(self, leg: Leg, now: float) -> DeadlineState | None:
        """The leg's deadline state at ``now`` (Unix seconds); None where it has no deadline."""
        if self.due is None:
            return None
        return state(
            sighting_of(self.transfer, leg),
            self.due.of(leg),
            now,
            established=leg in self.overdue,
            observed=self.observed,
        )
