"""Looks in the store for legs that are past due and have not been judged, whatever the reason.

It trusts neither timers nor judges: only what is stored, and the clock. The chain watch alerts about what it sees, and
about the deliveries that would be accused if a chain could be asked.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.judging_pace import SETTLES
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import look_every
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.deadline import Awaited
from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.hindrance import Hindrance, Obstacle
from connext_monitor.core.labels import ChainNames
from connext_monitor.core.unjudged import Marks, StandingBacklog, Unjudged, UnjudgedBacklog, UnjudgedCount, combined

_LOOK_EVERY = 5.0
_REST = 10.0
"""After a look, so many times the time that it took passes before the next."""
_HANDED_OVER_AT_ONCE = 1000

log = structlog.get_logger()


class UnjudgedStore(Protocol):
    """Where legs and the alerts about them are stored."""

    async def count(
        self, marks: Mapping[DomainId, Marks], settling: tuple[datetime, datetime]
    ) -> Mapping[DomainId, UnjudgedCount]:
        """By destination, the unjudged legs that were due before each of its marks."""
        ...

    async def first(
        self, destination: DomainId, due_before: int, settling: tuple[datetime, datetime], *, limit: int
    ) -> list[Awaited]:
        """The first of one destination's that were due before then."""
        ...

    async def coverage(self, domain: DomainId) -> Coverage | None:
        """How far a chain has been read."""
        ...


class Judging(Protocol):
    """Judges legs, and knows what keeps it from doing so."""

    def time(self, domain: DomainId) -> float:
        """The time on a chain (Unix seconds): what was due there before it is past due."""
        ...

    def hindered(self, domain: DomainId) -> bool:
        """Whether a leg due there was to be judged and could not be."""
        ...

    def hindrance(self, domain: DomainId, first_due: Timestamp) -> Hindrance:
        """What keeps legs due there from being judged, the first of which was due at ``first_due``."""
        ...

    def overlooked(self, legs: list[Awaited]) -> None:
        """Have these judged, whatever the scheduler's timers and notes say."""
        ...


class UnjudgedWatch:
    """Knows for each chain what has waited because of it for ``patience`` seconds to be judged and has not been.

    That is what is due on it, unless another chain is to blame for that: legs may wait for their origin.

    ``names`` are the chains' names, ``held_deliveries`` those that wait for a chain's answer.
    """

    def __init__(
        self,
        legs: UnjudgedStore,
        desk: AlertDesk,
        judging: Judging,
        held_deliveries: Callable[[DomainId], Unjudged | None],
        names: ChainNames,
        patience: float,
        clock: Clock,
        every: float = _LOOK_EVERY,
    ) -> None:
        self._legs = legs
        self._desk = desk
        self._judging = judging
        self._held_deliveries = held_deliveries
        self._names = names
        self._patience = patience
        self._clock = clock
        self._every = max(0.25, min(every, patience / 4))
        self._backlogs = {domain: UnjudgedBacklog(patience) for domain in names}
        self._standing = {domain: StandingBacklog(patience) for domain in names}
        self._recalled = self._has_looked = False

    def of(self, domain: DomainId) -> Unjudged | None:
        """What cannot be judged because of a chain, if some of it has waited for too long."""
        return self._standing[domain].unjudged

    def nothing_waits(self, domain: DomainId) -> bool:
        """Whether the store has been read, and nothing waits because of the chain for longer than judging takes."""
        return self._has_looked and self.of(domain) is None

    def settled(self, domain: DomainId) -> bool:
        """Whether the store has been read, and nothing has waited because of the chain for ``patience`` seconds."""
        return not self._standing[domain].standing

    async def run(self, changed: Callable[[], None]) -> NoReturn:
        """Look until cancelled; ``changed`` is called when `of`, `nothing_waits` or `settled` says something else.

        While the store cannot be read, what was seen before stands.
        """
        await look_every(self._every, partial(self._look, changed), failed="unjudged_legs.not_counted")

    async def _look(self, changed: Callable[[], None]) -> float:
        """Seconds to the next look."""
        began = self._clock.monotonic()
        if not self._recalled:
            await self._recall()
        await self._count(changed)
        took = self._clock.monotonic() - began
        rest = max(self._every, min(_REST * took, self._patience / 4))
        return min([rest, *(backlog.time_to_judge for backlog in self._backlogs.values() if backlog.ripens)])

    async def _recall(self) -> None:
        """What was alerted about before a restart stands until it has been judged, and what waited then waits on."""
        alerted = {alert.subject for alert in await self._desk.open_alerts(CHAIN_UNOBSERVED)}
        for domain, backlog in self._backlogs.items():
            self._standing[domain].standing = self._names[domain] in alerted
            reached = await self._legs.coverage(domain)
            if reached is not None and reached.covered is not None:
                backlog.recall(reached.covered.timestamp)
        self._recalled = True

    async def _count(self, changed: Callable[[], None]) -> None:
        now, at = self._clock.now(), self._clock.elapsed()
        settling = (now - timedelta(seconds=SETTLES), now)
        marks = {
            domain: backlog.marks(at, int(self._judging.time(domain))) for domain, backlog in self._backlogs.items()
        }
        counts = await self._legs.count(marks, settling)
        before = self._says()
        legs = [self._legs_due_on(domain, counts.get(domain), marks[domain]) for domain in self._backlogs]
        for domain, standing in self._standing.items():
            because = [part for blamed, part in filter(None, legs) if blamed == domain]
            self._conclude(domain, combined([*because, self._deliveries_of(domain, stood=standing.standing)]))
        self._has_looked = True
        if self._says() != before:
            changed()
        await self._hand_over(marks, settling)

    def _says(self) -> list[tuple[Unjudged | None, bool, bool]]:
        return [(self.of(domain), self.nothing_waits(domain), self.settled(domain)) for domain in self._backlogs]

    async def _hand_over(self, marks: Mapping[DomainId, Marks], settling: tuple[datetime, datetime]) -> None:
        """Have those legs judged that nothing known keeps from being judged."""
        for domain in self._backlogs:
            unjudged = self.of(domain)
            if unjudged is not None and unjudged.hindrance.obstacle is Obstacle.NOT_LOOKED_AT:
                legs = await self._legs.first(domain, marks[domain].aged, settling, limit=_HANDED_OVER_AT_ONCE)
                self._judging.overlooked(legs)

    def _conclude(self, domain: DomainId, unjudged: Unjudged | None) -> None:
        if self._standing[domain].conclude(unjudged, self._clock.monotonic()) and unjudged is not None:
            log.warning(
                "transfers.not_judged",
                chain=self._names[domain],
                legs=unjudged.legs,
                deliveries=unjudged.deliveries,
                reason=unjudged.hindrance.words,
            )

    def _legs_due_on(
        self, domain: DomainId, count: UnjudgedCount | None, marks: Marks
    ) -> tuple[DomainId, Unjudged] | None:
        """Those that count, and the chain to blame."""
        hindered, at = self._judging.hindered(domain), self._clock.monotonic()
        hindrance = None if count is None else self._judging.hindrance(domain, count.first_due)
        blamed = domain if hindrance is None or hindrance.chain is None else hindrance.chain
        met, standing = hindrance is not None and hindrance.obstacle.is_met, self._standing[blamed].standing
        backlog = self._backlogs[domain]
        counts = backlog.counts(count, at, blamed=blamed, standing=standing, hindered=hindered, met=met)
        if not counts or count is None or hindrance is None:
            return None
        return blamed, Unjudged(count.past_due, marks.now - count.first_due, hindrance)

    def _deliveries_of(self, domain: DomainId, *, stood: bool) -> Unjudged | None:
        held = self._held_deliveries(domain)
        return held if held is not None and (stood or held.waited_for >= self._patience) else None
