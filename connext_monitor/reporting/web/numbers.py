"""Statistics for the pages, cached for some seconds: nothing else there takes long to compute."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connext_monitor.clock import Clock
from connext_monitor.core.alerts.alert import AlertKind
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.amount import Amount, amount_on
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import Pathway
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.router_books import RouterBook
from connext_monitor.core.router_checks import BalanceCheck, RouterChecks
from connext_monitor.core.selection import OpenAlerts
from connext_monitor.core.stats import PathwayStats, RouterStats, Stats, WindowStats, last
from connext_monitor.core.stored_numbers import PendingLegs
from connext_monitor.reporting.web.plots import PlotBar, spark
from connext_monitor.reporting.web.read_store import ReadStatistics

_KEPT_FOR = 10.0
"""Seconds."""
_REST = 20
"""A count is kept for so many times as long as it took, so that open pages cost at most a twentieth of the time."""
_KEPT = 64


@dataclass(frozen=True, slots=True)
class PathwayRow:
    """One pathway of the matrix: the numbers of the window, and what is on its way and what is overdue now."""

    origin: str
    destination: str
    path: str
    stats: PathwayStats
    pending: PendingLegs
    overdue: Mapping[Leg, int]
    spark: tuple[PlotBar, ...]


@dataclass(frozen=True, slots=True)
class OwedRow:
    """What a router fronted on a chain and has not got back."""

    amount: Amount
    chain: str


@dataclass(frozen=True, slots=True)
class RouterRow:
    """One router."""

    router: bytes
    stats: RouterStats
    owed: tuple[OwedRow, ...]


@dataclass(frozen=True, slots=True)
class CheckRow:
    """What the contract said of a balance, and how far apart from the book's that was."""

    check: BalanceCheck
    balance: Amount
    apart: Amount


@dataclass(frozen=True, slots=True)
class BookRow:
    """One router's book of one token.

    ``owed`` is None where nothing is, ``name`` where the config gives the router none, ``check`` where none was made.
    """

    key: str
    book: RouterBook
    chain: str
    balance: Amount
    owed: Amount | None
    name: str | None
    check: CheckRow | None


class StatsCache:
    """Counts each window at most every ten seconds, and less often the longer that takes."""

    def __init__(self, statistics: ReadStatistics, clock: Clock) -> None:
        self._statistics = statistics
        self._clock = clock
        self._kept: dict[tuple[float, Pathway | None], tuple[float, WindowStats]] = {}
        self._turn = asyncio.Lock()

    async def over(self, seconds: float, pathway: Pathway | None = None) -> WindowStats:
        """The last so many seconds, of all pathways or of one."""
        key = (seconds, pathway)
        async with self._turn:
            until, kept = self._kept.get(key, (0.0, None))
            began = self._clock.elapsed()
            if kept is not None and began < until:
                return kept
            window = last(seconds, self._clock.now().timestamp(), *(pathway or (None, None)))
            numbers = await self._statistics.over(window)
            while len(self._kept) >= _KEPT:
                self._kept.pop(next(iter(self._kept)))
            ended = self._clock.elapsed()
            self._kept[key] = (ended + max(_KEPT_FOR, _REST * (ended - began)), numbers)
            return numbers


def matrix(
    stats: Stats, pending: Sequence[PendingLegs], topics: Sequence[OpenAlerts], labels: ChainLabels
) -> tuple[PathwayRow, ...]:
    """The pathways with any traffic: those with something overdue first, then by how much is in flight.

    What is overdue is counted from the open alerts, since ``stats`` may be those of a minute ago.
    """
    counted = {(pathway.origin, pathway.destination): pathway for pathway in stats.pathways}
    waiting = {(legs.origin, legs.destination): legs for legs in pending}
    overdue = Counter[tuple[Pathway | None, AlertKind]]()
    for topic in topics:
        overdue[topic.pathway, topic.kind] += topic.count
    rows = [
        PathwayRow(
            labels.display_name(origin),
            labels.display_name(destination),
            f"/pathways/{labels.name(origin) or origin}/{labels.name(destination) or destination}",
            pathway := counted.get((origin, destination), PathwayStats(origin, destination)),
            waiting.get((origin, destination), PendingLegs(origin, destination, 0, None, 0, None)),
            {leg: overdue[(origin, destination), kind] for leg, kind in OVERDUE.items()},
            spark(pathway.execute.histogram),
        )
        for origin, destination in counted.keys() | waiting.keys()
    ]
    return tuple(sorted(rows, key=_worst_first))


def routers(stats: Stats, labels: ChainLabels) -> tuple[RouterRow, ...]:
    """The routers, as they are counted."""
    return tuple(
        RouterRow(
            router.router,
            router,
            tuple(
                OwedRow(amount_on(owed.domain, owed.asset, owed.amount, labels), labels.display_name(owed.domain))
                for owed in router.owed
                if owed.amount
            ),
        )
        for router in stats.routers
    )


def book_row(book: RouterBook, labels: ChainLabels, checks: RouterChecks) -> BookRow:
    """The book, its amounts in the token's own units where they are known."""
    owed = book.owed.amount if book.owed else 0
    check = checks.of(book.id)
    return BookRow(
        f"{book.router.hex()}:{book.domain}:{book.asset.hex()}",
        book,
        labels.display_name(book.domain),
        amount_on(book.domain, book.asset, book.sums.balance, labels),
        amount_on(book.domain, book.asset, owed, labels) if owed else None,
        checks.names.get(book.router),
        None if check is None else _check_row(book, check, labels),
    )


def _check_row(book: RouterBook, check: BalanceCheck, labels: ChainLabels) -> CheckRow:
    balance, difference = (
        amount_on(book.domain, book.asset, amount, labels) for amount in (check.balance, abs(check.difference))
    )
    return CheckRow(check, balance, difference)


def _worst_first(row: PathwayRow) -> tuple[int, int, int, str, str]:
    overdue = row.overdue[Leg.EXECUTE] * 2 + row.overdue[Leg.RECONCILE]
    return (-overdue, -row.pending.executions, -row.stats.begun, row.origin, row.destination)
