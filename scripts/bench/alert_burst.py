"""What channels are told of a burst: ``python -m scripts.bench.alert_burst [--alerts N] [--pathways N] [--lone N]``.

With ``--stored`` the burst stands in the store before the manager starts, as after an outage.

The real store on a file, the real manager and all providers over HTTP, with a loopback Discord that allows five
requests in two seconds as the real one does; the others take whatever comes, at the pace that the providers keep to by
themselves. First lone alerts, half a second apart and each of a topic of its own; then a burst, opened as the scheduler
opens it, 64 in a transaction; then every leg arrives. Memory is the whole process's, its servers included.
"""

import asyncio
import logging
import resource
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog

from connext_monitor.alerting.manager import AlertManager
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.clock import SystemClock
from connext_monitor.config import AlertsConfig
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.grouping import GroupRules
from connext_monitor.core.batch import Batch
from connext_monitor.core.deadline import Durations, Leg, TransferWithDeadlines
from connext_monitor.core.events import (
    Address,
    BlockNumber,
    BlockRef,
    DomainId,
    Executed,
    Hash32,
    Timestamp,
    TransferEvent,
    TransferId,
    TransferInfo,
    XCalled,
)
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.recording import record
from connext_monitor.core.transfer import EventRecord, ObservedChange, Sighting
from connext_monitor.store.store import Store
from scripts.bench.alert_delay import summary
from scripts.bench.loopback_channels import PROVIDERS, Channels, providers
from scripts.bench.made_up_bridge import overdue

_AT_ONCE = 64
_DEADLINE = 300
_DESTINATION = DomainId(9)
_SOMEBODY = Address(b"\x01" * 20)


@dataclass(frozen=True, slots=True)
class Late:
    """One transfer whose execution is late."""

    number: int
    origin: DomainId
    due_at: Timestamp

    @property
    def id(self) -> TransferId:
        """Its id."""
        return TransferId(self.number.to_bytes(32, "big"))

    def event(self, kind: type[XCalled] | type[Executed]) -> EventRecord:
        """Its XCalled on the origin, or its Executed on the destination, an hour late."""
        info = TransferInfo(
            origin_domain=self.origin,
            destination_domain=_DESTINATION,
            canonical_domain=self.origin,
            to=_SOMEBODY,
            delegate=_SOMEBODY,
            receive_local=False,
            call_data=b"",
            slippage=30,
            origin_sender=_SOMEBODY,
            bridged_amount=10**18,
            normalized_in=10**18 + self.number,
            nonce=self.number,
            canonical_id=bytes(32),
        )
        said: TransferEvent
        if kind is XCalled:
            said = XCalled(self.id, self.number, Hash32(bytes(32)), info, _SOMEBODY, 10**18, _SOMEBODY, b"")
            return EventRecord(self.origin, said, self._sighting(self.due_at - _DEADLINE))
        said = Executed(self.id, _SOMEBODY, _SOMEBODY, info, (), _SOMEBODY, 10**18, _SOMEBODY)
        return EventRecord(_DESTINATION, said, self._sighting(self.due_at + 3600))

    def _sighting(self, at: int) -> Sighting:
        block = Hash32(at.to_bytes(32, "big"))
        return Sighting(BlockRef(BlockNumber(at), block, Timestamp(at)), Hash32(self.id), 0)


def _accusation(late: Late, at: datetime, _watched: TransferWithDeadlines | None) -> Alert:
    return overdue(late.id, Leg.EXECUTE, late.due_at, at, (late.origin, _DESTINATION))


class Bench:
    """A store, a manager, and transfers that are late."""

    def __init__(self, store: Store, manager: AlertManager, channels: Channels) -> None:
        self.store = store
        self.manager = manager
        self.channels = channels

    async def put(self, late: Sequence[Late], kind: type[XCalled] | type[Executed]) -> None:
        """Record their events, 100 in a transaction, as the checker does."""
        for start in range(0, len(late), 100):
            batch = Batch([ObservedChange(seen=tuple(late_leg.event(kind) for late_leg in late[start : start + 100]))])
            at = datetime.now(UTC)
            decide = partial(
                record, batch=batch, at=at, durations=lambda *_: Durations(_DEADLINE, 10 * _DEADLINE), name=str
            )
            _, resolved = await self.store.record(batch, decide, lambda _alert: (), at)
            if resolved:
                self.manager.wake()

    async def accuse(self, late: Sequence[Late]) -> None:
        """Open their alerts as the scheduler does."""
        for start in range(0, len(late), _AT_ONCE):
            await self._open(late[start : start + _AT_ONCE])

    async def _open(self, part: Sequence[Late]) -> None:
        def everybody(_alert: object) -> Collection[str]:
            return PROVIDERS

        at = datetime.now(UTC)
        accused = [(late_leg.id, partial(_accusation, late_leg, at)) for late_leg in part]
        await self.store.alerts.open_decided(accused, everybody)
        self.manager.wake()

    async def drained(self) -> None:
        """Until no channel has anything left to be told."""
        while any(channel.waiting for channel in await self.store.outbox.channels()):  # noqa: ASYNC110 - asks the store
            await asyncio.sleep(0.05)

    async def lone(self, count: int) -> list[float]:
        """Seconds from before an alert is opened until Discord has it, of lone ones."""
        delays = []
        for number in range(count):
            late = Late(10**9 + number, DomainId(1000 + number), _now())
            await self.put([late], XCalled)
            begun = time.monotonic()
            await self._open([late])
            await asyncio.sleep(0.5)
            delays.append(self.channels.told_lone[f"0x{late.id.hex()}"] - begun)
        return delays


async def measure(alerts: int, pathways: int, lone: int, *, stored: bool) -> None:
    """Run and print."""
    late = [Late(number, DomainId(1 + number % pathways), _now()) for number in range(alerts)]
    async with _bench() as bench:
        await bench.put(late, XCalled)
        if stored:
            await bench.accuse(late)
        async with running(bench.manager):
            await _burst(bench, late, 0 if stored else lone, stored=stored)


async def _burst(bench: Bench, late: Sequence[Late], lone: int, *, stored: bool) -> None:
    if lone:
        print(summary("lone alert to Discord", await bench.lone(lone)))
        await bench.drained()
        _counted(bench.channels)
    idle, begun = _peak(), time.monotonic()
    if not stored:
        await bench.accuse(late)
        print(f"opened {len(late)} alerts in {time.monotonic() - begun:.1f} s")
    await report_channels(bench, begun, "alert.opened", len(late))
    begun = time.monotonic()
    await bench.put(late, Executed)
    print(f"recorded that all arrived in {time.monotonic() - begun:.1f} s")
    await report_channels(bench, begun, "alert.resolved", len(late))
    print(f"peak memory: {idle:.0f} MB before the burst, {_peak():.0f} MB after")


@asynccontextmanager
async def running(manager: AlertManager) -> AsyncIterator[None]:
    """The manager beside the block."""
    task = asyncio.create_task(manager.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def report_channels(bench: Bench, begun: float, kind: str, count: int) -> None:
    """Print when each channel has been told all, and in how many messages."""
    at: dict[str, float] = {}

    def all_by_webhook() -> bool:
        return sum(body_kind == kind for body_kind, _ in bench.channels.bodies) == count

    while len(at) < len(PROVIDERS):
        waiting = {channel.provider: channel.waiting for channel in await bench.store.outbox.channels()}
        for provider in PROVIDERS:
            if not waiting.get(provider) and provider not in at and (provider != "webhook" or all_by_webhook()):
                at[provider] = time.monotonic() - begun
        await asyncio.sleep(0.05)
    for provider in PROVIDERS:
        print(f"  {provider:9} was told all after {at[provider]:.1f} s")
    _counted(bench.channels)


def _counted(channels: Channels) -> None:
    for title in channels.titles if len(channels.titles) <= 40 else ():
        print(f"    {title}")
    if channels.requests:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(channels.requests.items()))
        print(f"  requests: {counts}; answered 429: {channels.limited}")
    channels.requests.clear()
    channels.titles.clear()
    channels.bodies.clear()


class _Unheard:
    """Nobody is told how the channels answer: they are well throughout."""

    def took(self, provider: str) -> None:
        """See `ProviderHealth`."""

    def failed(self, provider: str, reason: str, *, dead: bool, since: datetime) -> None:
        """See `ProviderHealth`."""


@asynccontextmanager
async def _bench() -> AsyncIterator[Bench]:
    labels = ChainLabels({_DESTINATION: ChainLabel("destination")})
    context, channels = ProviderContext(labels, SystemClock()), Channels()
    rules = AlertsConfig()
    with tempfile.TemporaryDirectory() as folder:
        async with channels.serving() as base:
            store = await Store.open(Path(folder) / "bench.db", {})
            grouping = GroupRules(rules.group_wait.total_seconds(), rules.group_interval.total_seconds())
            manager = AlertManager(store.outbox, providers(base, context), labels, grouping, _Unheard(), SystemClock())
            yield Bench(store, manager, channels)
            await store.close()


def _now() -> Timestamp:
    return Timestamp(int(time.time()))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.alert_burst", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--alerts", type=int, default=5000, help="how many open at once (default: %(default)s)")
    parser.add_argument("--pathways", type=int, default=4, help="on how many pathways (default: %(default)s)")
    parser.add_argument("--lone", type=int, default=30, help="how many lone ones first (default: %(default)s)")
    parser.add_argument("--stored", action="store_true", help="open the burst before the manager starts")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asyncio.run(measure(given.alerts, given.pathways, given.lone, stored=given.stored))


if __name__ == "__main__":
    main()
