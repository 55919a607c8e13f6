"""The time that the program goes by: the machine's, unless the chains show that it cannot be right."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, NoReturn

import structlog

from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import look_every
from connext_monitor.core import clock_agreement
from connext_monitor.core.clock_agreement import AGREES_AGAIN, TOLERANCE, ChainClock, ClockState
from connext_monitor.core.events import DomainId, Timestamp

_LOOK_EVERY = 1.0
_SETTLES = 30.0
"""Seconds after the first head within which some chain has told the time, if any ever does."""

_STEADY = 1.0
"""Seconds by which a chain's time, or ours, may move differently from what the machine counts and still be steady."""

log = structlog.get_logger()


class AgreedClock:
    """A `Clock` of which ``now`` may be set right by the chains' heads."""

    def __init__(self, own: Clock) -> None:
        self.own = own
        """The machine's, however wrong."""
        self.monotonic: Callable[[], float] = own.monotonic
        """As the machine's."""
        self._on_step: Callable[[], None] = lambda: None
        self._chains: dict[DomainId, ChainClock] = {}
        self._before: float | None = None
        self._first_head_at: float | None = None
        self._differs = self._stepped = False
        self._last: _Reading | None = None
        """What was read last, unless a chain has told the time since then."""
        self._last_own: datetime | None = None

    def on_step(self, stepped: Callable[[], None]) -> None:
        """Have this called whenever a chain's time, or ours, has moved differently from what the machine counts."""
        self._on_step = stepped

    def saw_head(self, domain: DomainId, timestamp: Timestamp) -> None:
        """A chain has a newest block of this time: with these the machine's clock is compared."""
        at = self.own.elapsed()
        before = self._chains.get(domain)
        after = ChainClock.begun(timestamp, at) if before is None else before.after(timestamp, at)
        self._chains[domain], self._last = after, None
        self._first_head_at = at if self._first_head_at is None else self._first_head_at
        self.look()
        if before is None or abs(after.time(at) - before.time(at)) > _STEADY:
            self._on_step()

    def now(self) -> datetime:
        """The time of day, aware, in UTC: a jump of the machine's clock that the chains contradict is left out."""
        return self._read().agreed

    def elapsed(self) -> float:
        """As the machine's."""
        return self.own.elapsed()

    def latest(self, domain: DomainId) -> float:
        """The later of our time and of what the chain's newest block says (Unix seconds): what is due there by now.

        Block times that are ahead of a time that some chain agrees with are left out.
        """
        read, chain = self._read(), self._chains.get(domain)
        there = None if chain is None else chain.time(read.at) - read.at
        settles = self._first_head_at is None or read.at - self._first_head_at < _SETTLES
        return clock_agreement.latest(read.offset, there, read.chains, settles=settles) + read.at

    def earliest(self) -> float | None:
        """Now for what cannot be undone (Unix seconds): not later than the chains say; None while none says it."""
        read = self._read()
        offset = clock_agreement.earliest(read.offset, read.chains)
        return None if offset is None else offset + read.at

    def settled(self) -> bool:
        """Whether a chain agrees with ``now``; not for the first seconds after a start."""
        read = self._read()
        return clock_agreement.is_supported(read.offset, read.chains)

    def state(self) -> ClockState:
        """How the machine's clock goes beside the chains'."""
        at = self.own.elapsed()
        chains = clock_agreement.offsets(self._chains.values(), at)
        ahead = clock_agreement.difference(self.own.now().timestamp() - at, chains)
        return ClockState(ahead, self._differs)

    async def run(self, every: float = _LOOK_EVERY) -> NoReturn:
        """Look until cancelled whether the machine's clock has jumped."""

        async def look() -> None:
            self.look()

        await look_every(every, look, failed="clock.fault")

    def look(self) -> None:
        """Compare the clocks, and say in the log when they differ and when they agree again."""
        # So that a jump is one beside a time that is at most a second old, whether anybody asked for it or not.
        read = self._read()
        self._compare(clock_agreement.difference(read.own, read.chains))
        if self._stepped:
            self._stepped = False
            self._on_step()

    def _compare(self, ahead: float | None) -> None:
        differs = ahead is not None and abs(ahead) > (AGREES_AGAIN if self._differs else TOLERANCE)
        if differs == self._differs:
            return
        self._differs = differs
        if differs:
            cure = (
                "set the machine's clock, and have it kept right (NTP); if it is right, look at the chains' endpoints"
            )
            log.warning("clock.differs", reason=self.state().words, time_in_use=self.now().isoformat(), cure=cure)
        else:
            log.info("clock.agrees", seconds_ahead=None if ahead is None else round(ahead, 1))

    def _read(self) -> "_Reading":
        own, at, last = self.own.now(), self.own.elapsed(), self._last
        if last is not None and at == last.at and own == self._last_own:
            return last  # to be read again at the same instant, it would say the same
        offset, chains = own.timestamp() - at, clock_agreement.offsets(self._chains.values(), at)
        before, self._before = self._before, clock_agreement.agreed(offset, self._before, chains)
        if before is not None and abs(self._before - before) > _STEADY:
            self._stepped = True
        agreed = own if self._before == offset else datetime.fromtimestamp(self._before + at, UTC)
        self._last, self._last_own = _Reading(agreed, at, self._before, offset, chains), own
        return self._last


class _Reading(NamedTuple):
    """What all clocks say at an instant: the time agreed on, and the offsets of that, of our own and of the chains'."""

    agreed: datetime
    at: float
    offset: float
    own: float
    chains: list[float]
