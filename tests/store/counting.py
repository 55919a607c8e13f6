"""Statistics counted by hand, transfer by transfer: what those of the store are compared with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from connext_monitor.core.deadline import LEGS, Leg, sighting_of
from connext_monitor.core.events import Address, DomainId, Pathway, TransferInfo
from connext_monitor.core.stats import (
    LatencyPercentiles,
    LegStats,
    Owed,
    PathwayStats,
    RouterStats,
    TimeBucket,
    Window,
)
from connext_monitor.core.transfer import EventRecord, Status, Transfer
from connext_monitor.core.transfer import Path as Way
from connext_monitor.core.transfer_view import TransferView
from tests.world.latencies import histogram
from tests.world.transfers import ALPHA, BETA, GAMMA, executed, info, reconciled, sighting, xcalled

ROUTERS = [Address(bytes([number]) * 20) for number in (1, 2, 3)]
START = 1_700_000_000
LOCALS = {ALPHA: Address(b"\x09" * 20), BETA: Address(b"\x09" * 20), GAMMA: Address(b"\x09" * 20)}


@dataclass(frozen=True)
class Made:
    """One transfer: when it began, when its legs came after that (None: not yet), and what is said of it."""

    pathway: Pathway
    begun: int
    called: bool
    executed: int | None
    routers: tuple[Address, ...]
    reconciled: int | None
    accused: frozenset[Leg]
    amount: int

    def info(self, nonce: int) -> TransferInfo:
        return replace(info(nonce, *self.pathway), bridged_amount=self.amount)

    def records(self, nonce: int) -> Iterator[EventRecord]:
        params = self.info(nonce)
        if self.called:
            yield xcalled(params, sighting(nonce, START + self.begun))
        if self.executed is not None:
            yield executed(params, sighting(nonce, START + self.begun + self.executed), self.routers)
        if self.reconciled is not None:
            yield reconciled(params, sighting(nonce, START + self.begun + self.reconciled))


def in_window(transfer: Transfer, window: Window) -> bool:
    return window.origin in {None, transfer.origin} and window.destination in {None, transfer.destination}


def of_window(view: TransferView, window: Window) -> bool:
    return window.since <= view.transfer.started_at < window.until


def pathways(views: Sequence[TransferView], window: Window) -> set[PathwayStats]:
    every = {(view.transfer.origin, view.transfer.destination) for view in views}
    of = {ends: [v for v in views if ends == (v.transfer.origin, v.transfer.destination)] for ends in every}
    figures = (pathway(*ends, of_ends, window) for ends, of_ends in of.items())
    return {
        pathway_stats
        for pathway_stats in figures
        if pathway_stats != PathwayStats(pathway_stats.origin, pathway_stats.destination)
    }


def pathway(origin: DomainId, destination: DomainId, views: Sequence[TransferView], window: Window) -> PathwayStats:
    begun = [view for view in views if of_window(view, window) and view.transfer.xcalled]
    executions = [view.transfer.executed.block.timestamp for view in views if view.transfer.executed]
    return PathwayStats(
        origin,
        destination,
        begun=len(begun),
        executed_fast=sum(view.transfer.path is Way.FAST for view in begun),
        executed_slow=sum(view.transfer.path is Way.SLOW for view in begun),
        completed_fast=sum(view.transfer.status is Status.COMPLETED_FAST for view in begun),
        completed_slow=sum(view.transfer.status is Status.COMPLETED_SLOW for view in begun),
        last_executed=max(executions, default=None),
        execute=leg_stats(Leg.EXECUTE, views, begun),
        reconcile=leg_stats(Leg.RECONCILE, views, begun),
    )


def leg_stats(leg: Leg, views: Sequence[TransferView], begun: Sequence[TransferView]) -> LegStats:
    seconds = took(begun, leg)
    return LegStats(
        latency=percentiles(seconds),
        histogram=histogram(seconds),
        late=sum(view.state(leg, 0) in {"late", "overdue"} for view in begun)
        + sum(
            # What has no deadline (nobody watches its destination) is called overdue here by force.
            view.due is None and leg in view.overdue
            for view in begun
        ),
        overdue=sum(leg in view.overdue for view in views),
    )


def took(begun: Sequence[TransferView], leg: Leg) -> list[int]:
    """How long the legs took that have arrived."""
    ends = ((sighting_of(view.transfer, leg), view.transfer.xcalled) for view in begun)
    return sorted(max(0, end.block.timestamp - start.block.timestamp) for end, start in ends if end and start)


def percentiles(seconds: Sequence[int]) -> LatencyPercentiles:
    if not seconds:
        return LatencyPercentiles()
    return LatencyPercentiles(
        len(seconds), *(seconds[ceil(len(seconds) * percent / 100) - 1] for percent in (50, 95, 99))
    )


def routers(views: Sequence[TransferView], window: Window, amounts: dict[int, int]) -> set[RouterStats]:
    filled = [view.transfer for view in views if view.transfer.path is Way.FAST]
    inside = [view.transfer for view in views if view.transfer.path is Way.FAST and of_window(view, window)]
    stats = set()
    for router in {router for transfer in filled for router in transfer.routers}:
        fills = sum(router in transfer.routers for transfer in inside)
        last = max(t.executed.block.timestamp for t in filled if router in t.routers and t.executed)
        owed = []
        for domain in (ALPHA, BETA, GAMMA):
            open_ = [t for t in filled if t.destination == domain and router in t.routers and not t.reconciled]
            if open_:
                amount = sum(part(t, router, amounts[t.info.nonce]) for t in open_ if t.info)
                oldest = min(t.executed.block.timestamp for t in open_ if t.executed)
                owed.append(Owed(domain, LOCALS[domain], amount, len(open_), oldest))
        share = fills / len(inside) if inside else None
        stats.add(RouterStats(router, fills, share, last, tuple(sorted(owed, key=repr))))
    return stats


def part(transfer: Transfer, router: Address, amount: int) -> int:
    """What a router gets back of a transfer: an even part, and the last one the rest."""
    even, rest = divmod(amount, len(transfer.routers))
    return even * transfer.routers.count(router) + (rest if transfer.routers[-1] == router else 0)


def buckets(views: Sequence[TransferView], window: Window, width: int) -> list[TimeBucket]:
    begun = [view for view in views if of_window(view, window) and view.transfer.xcalled]
    parts = sorted({view.transfer.started_at // width * width for view in begun})
    counted = []
    for since in parts:
        inside = [view for view in begun if since <= view.transfer.started_at < since + width]
        fast, slow = (sum(view.transfer.path is way for view in inside) for way in Way)
        legs = [percentiles(took(inside, leg)) for leg in LEGS]
        counted.append(TimeBucket(since, len(inside), fast, slow, *legs))
    return counted
