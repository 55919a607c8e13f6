"""Finds out that a subscription to logs is mute: heads come, and the logs in their blocks do not."""

from collections import OrderedDict

from connext_monitor.clock import Clock
from connext_monitor.core.events import BlockNumber, Hash32, SeenLog
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.observation import Observation

_KEPT = 20_000
"""Logs above the checkpoint that are remembered, the most of them."""

_PushKey = tuple[Hash32, Hash32]
"""A log by its block and its transaction: endpoints may number the logs of a block differently."""


class PushedLogs:
    """What one subscription has brought, and what it owes."""

    def __init__(self, clock: Clock, late_push: float) -> None:
        """``late_push``: seconds for which a log may be pushed after a cover has read it; no order is promised."""
        self._clock = clock
        self._late_push = late_push
        self._begins_after: BlockNumber | None = None
        self._brought: OrderedDict[_PushKey, BlockNumber] = OrderedDict()
        self._owed: OrderedDict[_PushKey, float] = OrderedDict()

    def saw_head(self, head: Header) -> None:
        """The first head that is pushed shows from which block on logs are pushed too."""
        if self._begins_after is None:
            self._begins_after = head.number

    def brought(self, log: SeenLog) -> None:
        """A log was pushed."""
        key = (log.block_hash, log.tx_hash)
        self._brought[key] = log.block_number
        self._owed.pop(key, None)
        if len(self._brought) > _KEPT:
            self._brought.popitem(last=False)

    def is_final(self, number: BlockNumber) -> None:
        """What stands in the blocks up to this one is not owed any more, and what was brought of it is forgotten."""
        if self._begins_after is not None and number > self._begins_after:
            self._begins_after = number
        while self._brought and next(iter(self._brought.values())) <= number:
            self._brought.popitem(last=False)

    def covered(self, observation: Observation) -> None:
        """A range was read: note which of its logs should have been pushed and have not been yet."""
        begins_after = self._begins_after
        if begins_after is None:
            return
        for log in [decoded.log for decoded in observation.logs if decoded.log.block_number > begins_after]:
            key = (log.block_hash, log.tx_hash)
            if key not in self._brought:
                self._owed.setdefault(key, self._clock.monotonic())

    @property
    def mute(self) -> bool:
        """Whether a log has been owed for longer than any order of messages explains."""
        if not self._owed:
            return False
        oldest = next(iter(self._owed.values()))
        return self._clock.monotonic() - oldest >= self._late_push
