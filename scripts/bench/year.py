"""A database with a year of transfers of every state, made through the store's own transaction.

Five chains, six tokens, twenty routers, latencies as on a bridge. Of what began within the last sixty days so much is
not completed that one deadline is open for every ten transfers; a thousandth is stuck with an open alert, another was
late with an alert that has ended, and the first thousandth began before the watch, so that nobody saw its XCalled.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.effects import OpenAlert
from connext_monitor.core.batch import Batch, ChainProgress
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.deadline import Durations, Leg
from connext_monitor.core.decoding import transfer_id_of
from connext_monitor.core.events import (
    Address,
    BlockNumber,
    BlockRef,
    DomainId,
    Hash32,
    Timestamp,
    TransferEvent,
    TransferId,
    TransferInfo,
    XCalled,
)
from connext_monitor.core.prior_state import PriorState
from connext_monitor.core.recording import Changes, record
from connext_monitor.core.transfer import EventRecord, ObservedChange, Sighting
from connext_monitor.store.executor import Inline
from connext_monitor.store.store import Store
from scripts.bench.made_up_bridge import block_hash, executed, overdue, reconciled, xcalled

CHAINS = {DomainId(1001 + number): name for number, name in enumerate(("alpha", "beta", "gamma", "delta", "epsilon"))}
CONTRACT = "0x" + "11" * 20
_DAY = 86_400
YEAR = 365 * _DAY
DURATIONS = Durations(execute=70 * _DAY, reconcile=90 * _DAY)
"""So long that none is due while something is measured, and so short that what is stuck is overdue."""
_OPEN_SINCE = 60 * _DAY
_OPEN_SHARE = 0.1 * YEAR / _OPEN_SINCE
"""Open deadlines for each transfer that began lately."""
_NOT_EXECUTED = 0.2
"""Of what is open; these have two deadlines each."""
_SELDOM = 1_000
_BATCH = 2_000
_ROUTERS = [Address(bytes([0x40 + number]) * 20) for number in range(20)]
_TOKENS = 6


@dataclass(frozen=True, slots=True)
class _Made:
    """The events of one transfer; what is ``late`` has an alert, which ends with the leg where that has arrived."""

    called: EventRecord | None
    legs: Sequence[EventRecord]
    late: Leg | None


@dataclass
class _Year:
    """Makes one transfer after the other; ``now`` is when the year ends (Unix seconds)."""

    transfers: int
    now: int
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - the same every time
    nonces: Counter[DomainId] = field(default_factory=Counter)
    unseen: Counter[DomainId] = field(default_factory=Counter)
    """Nonces of before the watch."""

    def batches(self) -> Iterator[list[_Made]]:
        """All of it, in the order in which it began."""
        for first in range(0, self.transfers, _BATCH):
            yield [self._transfer(number) for number in range(first, min(self.transfers, first + _BATCH))]

    def _transfer(self, number: int) -> _Made:
        chance, began = self.chance, self.now - YEAR + number * YEAR // self.transfers
        origin, destination = chance.sample(list(CHAINS), 2)
        called = xcalled(number)
        info = replace(
            called.params,
            origin_domain=origin,
            destination_domain=destination,
            nonce=self.nonces[origin],
            bridged_amount=round(chance.lognormvariate(0, 2) * 10**18),
            canonical_id=bytes([chance.randrange(_TOKENS)]) * 32,
        )
        self.nonces[origin] += 1
        transfer_id = transfer_id_of(info)
        legs = list(self._legs(number, info, transfer_id, began))
        if number < self.transfers // _SELDOM:
            self.unseen[origin] += 1
            return _Made(None, legs, None)
        of_params = replace(called, transfer_id=transfer_id, nonce=info.nonce, params=info, local=_token(origin, info))
        late = Leg.EXECUTE if self._stuck(number) or number % _SELDOM == 1 else None
        return _Made(_at(origin, of_params, began), legs, late)

    def _stuck(self, number: int) -> bool:
        return number % _SELDOM == 0 and number * YEAR // self.transfers < YEAR - _OPEN_SINCE - 30 * _DAY

    def _legs(self, number: int, info: TransferInfo, transfer_id: TransferId, began: int) -> Iterator[EventRecord]:
        chance, on = self.chance, info.destination_domain
        fast = chance.random() < 0.95
        back = began + 1_800 + round(chance.expovariate(1 / 4_000))
        paid = began + round(chance.lognormvariate(4.5, 0.8)) if fast else back + 60
        routers = tuple(chance.sample(_ROUTERS, 1 + (number % 50 == 0))) if fast else ()
        open_deadlines = chance.random() < _OPEN_SHARE / (1 + _NOT_EXECUTED) and began > self.now - _OPEN_SINCE
        if self._stuck(number) or (open_deadlines and chance.random() < _NOT_EXECUTED):
            return
        local = _token(on, info)
        amount = info.bridged_amount * 9_995 // 10_000
        if paid <= self.now:
            delivery = replace(
                executed(number), transfer_id=transfer_id, params=info, routers=routers, local=local, amount=amount
            )
            yield _at(on, delivery, paid)
        if back <= self.now and not open_deadlines:
            paid_back = replace(
                reconciled(number),
                transfer_id=transfer_id,
                origin_domain=info.origin_domain,
                local=local,
                routers=routers,
                amount=info.bridged_amount,
            )
            yield _at(on, paid_back, back)


@cache
def _local(domain: DomainId, canonical_id: bytes) -> Address:
    return Address(domain.to_bytes(4, "big") * 4 + canonical_id[:4])


def _token(domain: DomainId, info: TransferInfo) -> Address:
    """The bridge's own token of a chain."""
    return _local(domain, info.canonical_id)


def _at(domain: DomainId, event: TransferEvent, at: int) -> EventRecord:
    block = BlockRef(BlockNumber(at), block_hash(domain, at), Timestamp(at))
    tx_hash = Hash32(event.transfer_id[::-1] if event.kind.value == "xcalled" else block_hash(at, event.transfer_id[0]))
    return EventRecord(domain, event, Sighting(block, tx_hash, 0))


async def fill(file: Path, transfers: int, now: int, made: Callable[[int], None] = lambda _: None) -> None:
    """Make the database; the year ends ``now`` (Unix seconds). ``made`` hears how many transfers it has."""
    store = await Store.open(file, CHAINS, executor=Inline)
    year = _Year(transfers, now)
    for count, batch in enumerate(year.batches()):
        made(count * _BATCH)
        accused = [made for made in batch if made.late is not None]
        await _record(store, [made.called for made in accused if made.called], accused)
        rest = [made.called for made in batch if made.called and made.late is None]
        await _record(store, [*rest, *(leg for made in batch for leg in made.legs)])
    end = BlockRef(BlockNumber(now), Hash32(bytes(32)), Timestamp(now))
    reached = Coverage(BlockNumber(now - YEAR), end.number, end)
    progress = [
        ChainProgress(domain, reached, year.unseen[domain], year.nonces[domain], anchor=end) for domain in CHAINS
    ]
    await _record(store, [], progress=progress)
    await store.close()


async def _record(
    store: Store,
    seen: Sequence[EventRecord],
    accused: Sequence[_Made] = (),
    progress: Sequence[ChainProgress] = (),
) -> None:
    batch = Batch([ObservedChange(seen=tuple(seen))], progress)
    at = datetime.fromtimestamp(max((its.sighting.block.timestamp for its in seen), default=0), UTC)
    opened = [OpenAlert(alert) for made in accused if (alert := _alert(made))]

    def decide(prior: PriorState) -> Changes:
        changes = record(prior, batch, at, durations=lambda *_: DURATIONS, name=str)
        return replace(changes, effects=(*changes.effects, *opened))

    await store.record(batch, decide, lambda _alert: (), at)


def _alert(made: _Made) -> Alert | None:
    if made.called is None or made.late is None or not isinstance(made.called.event, XCalled):
        return None
    due = Timestamp(made.called.sighting.block.timestamp + DURATIONS.of(made.late))
    params = made.called.event.params
    at = datetime.fromtimestamp(due, UTC) + timedelta(seconds=20)
    return overdue(made.called.event.transfer_id, made.late, due, at, (params.origin_domain, params.destination_domain))
