"""What asks for a chain to be covered before the calm interval is over: heads, hints of reorgs, and who waits."""

import asyncio
from math import inf

from connext_monitor.clock.watch_loop import rest
from connext_monitor.core.events import BlockNumber, Timestamp
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.chain_state import ChainState


class CoverRequests:
    """The requests for one chain; whichever endpoint is in use, its coverer takes them from here.

    ``reorg_hinted``: since the last confirming cover began, something suggested that blocks were replaced.
    """

    def __init__(self, state: ChainState, calm: float) -> None:
        """``calm`` is how many seconds after one confirming cover the next one is due."""
        self.reorg_hinted = False
        self._state = state
        self._calm = calm
        self._confirmed_at = state.clock.monotonic()
        self._woken = asyncio.Event()

    def saw_head(self, head: Header) -> None:
        """The endpoint in use announced a head."""
        if self._state.replaces(head) or self._state.looks_again:
            self.reorg_hinted, self._state.looks_again = True, False
        self._state.saw_head(head)
        if self._is_to_be_seen:
            self._state.await_cover(Timestamp(head.timestamp - 1))
        if self._is_asked_for(head):
            self._woken.set()

    @property
    def _is_to_be_seen(self) -> bool:
        """Whether the next confirming cover may come too late to say that the chain is in sight.

        Nothing new has been covered for a calm interval, or will have been for longer by then: the last one had nothing
        to read, or came early since somebody asked for it.
        """
        still = self._state.clock.monotonic() - self._state.covered_risen_at
        return still > self._calm or still + self.until_confirm > 1.5 * self._calm

    def _is_asked_for(self, head: Header) -> bool:
        """Whether anything may be due with a head: one that nobody waits for is covered with the next, see below."""
        state = self._state
        pushes = state.endpoint is not None and state.endpoint.pushes
        awaited = bool(state.awaited) and head.timestamp > state.awaited[0]
        return self.reorg_hinted or awaited or not pushes or state.covered is None

    def hint_reorg(self) -> None:
        """Blocks may have been replaced, or hold something that was not read."""
        self.reorg_hinted = True
        self._woken.set()

    def cover_block(self, number: BlockNumber) -> None:
        """Have a block read that was heard of: at once, or with the head that brings it."""
        head = self._state.head
        if head is None or head.number < number:
            self._state.looks_again = True
        else:
            self.hint_reorg()

    def cover_past(self, instant: Timestamp) -> None:
        """Someone waits for the chain to be covered past this block time."""
        self._state.await_cover(instant)
        self._woken.set()

    def confirm_since(self, since: float) -> None:
        """Have what is not final read again, unless a cover that does has begun since then (on the monotonic clock)."""
        if self._confirmed_at < since:
            self._confirmed_at = -inf
            self._woken.set()

    def confirming(self) -> None:
        """A confirming cover begins, which answers every hint given before."""
        self.reorg_hinted = False
        self._confirmed_at = self._state.clock.monotonic()

    @property
    def until_confirm(self) -> float:
        """Seconds until the next confirming cover is due; 0 or less if it is."""
        return self._confirmed_at + self._calm - self._state.clock.monotonic()

    async def wait(self, seconds: float) -> None:
        """Wait until something is requested, but no longer than that."""
        await rest(seconds, self._woken)
