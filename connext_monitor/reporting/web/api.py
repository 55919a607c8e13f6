"""``/api/v1``: what the monitor knows, as JSON."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from aiohttp import web

from connext_monitor.clock import Clock
from connext_monitor.core.events import DomainId
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.selection import TransferFilter
from connext_monitor.core.sight import ChainSight
from connext_monitor.core.stats import last, starts
from connext_monitor.reporting.web import parameters
from connext_monitor.reporting.web.answers import NotKnownError, answer
from connext_monitor.reporting.web.cursors import read_alert_cursor, read_transfer_cursor
from connext_monitor.reporting.web.documents import alerts_list, chains_list, stats, transfers_document, transfers_list
from connext_monitor.reporting.web.read_store import ReadStatistics, ReadStore

# The store has few readers, and the scheduler needs them too: callers of the API take turns among themselves.
_AT_ONCE = 2

_LIST = ("limit", "cursor")
_MOST_BUCKETS = 1_000

T = TypeVar("T")


class Api:
    """The routes below ``/api/v1``."""

    def __init__(
        self,
        store: ReadStore,
        statistics: ReadStatistics,
        sights: Callable[[], Sequence[ChainSight]],
        labels: ChainLabels,
        clock: Clock,
    ) -> None:
        self._store = store
        self._statistics = statistics
        self._sights = sights
        self._labels = labels
        self._clock = clock
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/api/v1/chains", self.chains),
            web.get("/api/v1/transfers", self.transfers),
            web.get("/api/v1/transfers/{id_or_tx}", self.transfer),
            web.get("/api/v1/alerts", self.alerts),
            web.get("/api/v1/stats", self.stats),
        ]

    async def chains(self, request: web.Request) -> web.Response:
        """All configured chains."""
        parameters.only(request.query)
        async with self._turns:
            return answer(await chains_list(self._store, self._sights(), self._now()))

    async def transfers(self, request: web.Request) -> web.Response:
        """Transfers, newest first, filtered by status, origin and destination."""
        query = parameters.only(request.query, "status", "origin", "destination", *_LIST)
        wanted = TransferFilter(
            statuses=self._read(query, "status", parameters.read_statuses),
            origin=self._read(query, "origin", self._read_chain),
            destination=self._read(query, "destination", self._read_chain),
        )
        limit = self._read(query, "limit", parameters.read_limit) or parameters.DEFAULT_LIMIT
        after = self._read(query, "cursor", lambda text: parameters.found(read_transfer_cursor(text)))
        async with self._turns:
            return answer(
                await transfers_list(self._store, wanted, self._labels, self._now(), limit=limit, after=after)
            )

    async def transfer(self, request: web.Request) -> web.Response:
        """One transfer by its id or by a transaction that holds an event of it.

        A transaction with events of several transfers is answered with the list of them, in the order of its logs.
        """
        parameters.only(request.query)
        wanted = parameters.read_hash(request.match_info["id_or_tx"])
        async with self._turns:
            views = await self._store.transfers_by(wanted)
        if not views:
            raise NotKnownError("no transfer has this id, and none an event in a transaction of this hash")
        return answer(transfers_document(views, self._labels, self._now()))

    async def alerts(self, request: web.Request) -> web.Response:
        """Alerts, newest first: the open ones, the resolved ones, or without ``state`` all."""
        query = parameters.only(request.query, "state", *_LIST)
        state = self._read(query, "state", parameters.read_state)
        limit = self._read(query, "limit", parameters.read_limit) or parameters.DEFAULT_LIMIT
        after = self._read(query, "cursor", lambda text: parameters.found(read_alert_cursor(text)))
        async with self._turns:
            return answer(await alerts_list(self._store, state, self._labels, limit=limit, after=after))

    async def stats(self, request: web.Request) -> web.Response:
        """Counts and latencies of the transfers begun since then, by pathway and router, and in parts of time."""
        query = parameters.only(request.query, "since", "origin", "destination", "bucket")
        since = self._read(query, "since", parameters.read_duration) or parameters.DEFAULT_SINCE
        origin, destination = (self._read(query, name, self._read_chain) for name in ("origin", "destination"))
        window = last(since.total_seconds(), self._now(), origin, destination)
        width = self._read(query, "bucket", parameters.read_width)
        if width is not None and len(starts(window, width)) > _MOST_BUCKETS:
            raise parameters.BadValueError(f"bucket: would make more than {_MOST_BUCKETS} of them; write a longer one")
        async with self._turns:
            return answer(await stats(self._statistics, window, self._labels, width=width))

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _read_chain(self, text: str) -> DomainId:
        return parameters.read_chain(text, self._labels)

    @staticmethod
    def _read(query: Mapping[str, str], name: str, read: Callable[[str], T]) -> T | None:
        if name not in query:
            return None
        try:
            return read(query[name])
        except parameters.BadValueError as error:
            raise parameters.BadValueError(f"{name}: {error}") from None
