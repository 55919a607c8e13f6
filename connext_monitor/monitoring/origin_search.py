"""Looks up where transfers began whose deliveries were seen and whose XCalled was not.

Such a transfer is `Unknown`. Usually it began before its origin was watched, and the origin, asked by transfer id, says
so. Nobody is accused because of what is not found: proving that a delivery has no origin is left to the phantom watch.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import NoReturn, Protocol

import structlog

from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import StepFailures, look_every
from connext_monitor.core.events import DomainId, Timestamp, TransferId
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.recording import Changes
from connext_monitor.monitoring.chain_queries import Unanswered

_LOOK_EVERY = 30.0
"""Seconds between two looks at least, unless a new delivery without an origin wakes the search."""
_REST = 600.0
"""Seconds between two looks at most: only deliveries that a backfill finds, in a process of its own, wait for it."""
_PAUSE = 1.0
"""Seconds between two look-ups: at a first start there may be many, and none of them is urgent."""
_MAY_FOLLOW = 120.0
"""Seconds within which a watched origin may still bring an XCalled by itself: no order between chains is promised."""
_BACK = 86_400
"""Seconds before the first leg that an origin is searched back to: a leg comes within hours of its XCalled."""
_REMEMBERED = 100_000
_ASK_AGAIN, _LONGEST = 600.0, 86_400.0
"""Seconds after which an origin that had nothing is asked again, longer each time: one answer may have lacked it."""
_REFUSED_IN_A_ROUND = 3
"""How many questions an origin may leave unanswered before the other transfers wait for the next round."""

log = structlog.get_logger()


class UnknownStore(Protocol):
    """What the search reads."""

    async def without_origin(self, origin: DomainId) -> Sequence[tuple[TransferId, Timestamp]]:
        """The transfers of this origin whose XCalled has not been seen, with their first legs' block times."""
        ...


class OriginQueries(Protocol):
    """A chain that can be asked where a transfer began."""

    async def fetch_origin(self, transfer_id: TransferId, since: Timestamp) -> bool:
        """Look for its XCalled from the head back to ``since``, and have it recorded; False: there is none.

        Raises Unanswered.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Recheck:
    """When to ask about a transfer again (monotonic seconds), and how long the pause before that is."""

    again_at: float
    pause: float


class OriginSearch:
    """Asks about each transfer once, and, if nobody answered or nothing was found, again at growing intervals."""

    def __init__(
        self,
        store: UnknownStore,
        origins: Mapping[DomainId, OriginQueries],
        labels: ChainLabels,
        clock: Clock,
        every: float = _LOOK_EVERY,
        pause: float = _PAUSE,
        again: float = _ASK_AGAIN,
        rest: float = _REST,
    ) -> None:
        self._store = store
        self._origins = origins
        self._labels = labels
        self._clock = clock
        self._every = every
        self._pause = pause
        self._again = again
        self._rest = rest
        self._woken = asyncio.Event()
        self._rechecks: dict[TransferId, _Recheck] = {}
        self._failures = StepFailures("origins.not_searched")

    async def run(self) -> NoReturn:
        """Search until cancelled."""
        await look_every(self._every, self._look, failed="origins.not_searched", woken=self._woken)

    def committed(self, changes: Changes) -> None:
        """Look soon, if a leg has been stored whose XCalled was not seen."""
        if any(transfer.xcalled_at is None for transfer in changes.transfers):
            self._woken.set()

    async def _look(self) -> float:
        """Seconds to the next look."""
        waits = [await self._survive_search(domain) for domain in self._origins]
        return max(self._every, min([self._rest, *waits]))

    async def _survive_search(self, domain: DomainId) -> float:
        """Seconds until anything is to be looked for again."""
        with self._failures.survive(self._labels.display_name(domain)):
            return await self._search(domain)
        return self._every

    async def _search(self, domain: DomainId) -> float:
        """Seconds until anything is to be looked for again."""
        unknown = await self._store.without_origin(domain)
        await self._ask(domain, [leg for leg in unknown if self._is_due(*leg)])
        return min((self._wait(*leg) for leg in unknown), default=inf)

    async def _ask(self, domain: DomainId, due: Sequence[tuple[TransferId, Timestamp]]) -> None:
        refused = 0
        for transfer_id, started_at in due:
            try:
                exists = await self._origins[domain].fetch_origin(transfer_id, Timestamp(max(0, started_at - _BACK)))
            except Unanswered as error:
                log.debug("origin.not_asked", chain=self._labels.display_name(domain), reason=str(error))
                self._remember(transfer_id, self._every)
                refused += 1
                if refused >= _REFUSED_IN_A_ROUND:
                    break
                continue
            self._remember(transfer_id, self._again)
            log.info(
                "origin.looked_up",
                transfer=f"0x{transfer_id.hex()}",
                chain=self._labels.display_name(domain),
                found=exists,
            )
            await asyncio.sleep(self._pause)

    def _is_due(self, transfer_id: TransferId, started_at: Timestamp) -> bool:
        return self._wait(transfer_id, started_at) <= 0

    def _wait(self, transfer_id: TransferId, started_at: Timestamp) -> float:
        """Seconds until it is to be looked for, 0 or less if that is now."""
        may_follow_for = started_at + _MAY_FOLLOW - self._clock.now().timestamp()
        recheck = self._rechecks.get(transfer_id)
        return may_follow_for if recheck is None else max(may_follow_for, recheck.again_at - self._clock.monotonic())

    def _remember(self, transfer_id: TransferId, first_pause: float) -> None:
        before = self._rechecks.pop(transfer_id, None)
        pause = first_pause if before is None else max(first_pause, min(_LONGEST, 2 * before.pause))
        self._rechecks[transfer_id] = _Recheck(self._clock.monotonic() + pause, pause)
        if len(self._rechecks) > _REMEMBERED:
            del self._rechecks[next(iter(self._rechecks))]
