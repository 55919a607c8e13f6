"""``/api/v1``: what the monitor knows, as JSON."""

from functools import partial

from aiohttp import web

from connext_monitor.core.documents.bridge_events import BridgeEventList, bridge_event_document
from connext_monitor.core.documents.chains import clock_document
from connext_monitor.core.documents.instances import instance_list
from connext_monitor.core.documents.transfers import TransferList, lookup_document, transfer_document
from connext_monitor.core.stats import last, starts
from connext_monitor.reporting.web import parameters
from connext_monitor.reporting.web.answers import NotKnownError, answer
from connext_monitor.reporting.web.bridge_query import BRIDGE_FILTERS, read_bridge_query
from connext_monitor.reporting.web.cursors import (
    read_alert_cursor,
    read_router_cursor,
    write_bridge_event_cursor,
    write_transfer_cursor,
)
from connext_monitor.reporting.web.lists import alerts_list, chains_list, routers_list, stats
from connext_monitor.reporting.web.openapi import description
from connext_monitor.reporting.web.sources import WebSources
from connext_monitor.reporting.web.transfer_query import FILTERS, find, read_transfer_query

_LIST = ("limit", "cursor")
_MOST_BUCKETS = 1_000


class Api:
    """The routes below ``/api/v1``."""

    def __init__(self, sources: WebSources) -> None:
        self._sources = sources
        self._store = sources.store
        self._labels = sources.labels
        self._now = sources.now

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/api/v1/chains", self.chains),
            web.get("/api/v1/transfers", self.transfers),
            web.get("/api/v1/transfers/{id_or_tx}", self.transfer),
            web.get("/api/v1/alerts", self.alerts),
            web.get("/api/v1/bridge-events", self.bridge_events),
            web.get("/api/v1/openapi.json", self.openapi),
            web.get("/api/v1/routers", self.routers),
            web.get("/api/v1/stats", self.stats),
            web.get("/api/v1/clock", self.clock),
            web.get("/api/v1/instances", self.instances),
        ]

    async def openapi(self, request: web.Request) -> web.Response:
        """The description of all this."""
        parameters.only(request.query)
        return answer(description())

    async def chains(self, request: web.Request) -> web.Response:
        """All configured chains."""
        parameters.only(request.query)
        async with self._sources.turns:
            return answer(await chains_list(self._store, self._sources.statuses(), self._now()))

    async def transfers(self, request: web.Request) -> web.Response:
        """Transfers, newest first, filtered by status, origin, destination and an address that has a part in them."""
        query = read_transfer_query(parameters.only(request.query, *FILTERS, *_LIST), self._labels)
        async with self._sources.turns:
            views, after = await find(self._store, query)
        items = [transfer_document(view, self._labels, self._now()) for view in views]
        return answer(TransferList(items, write_transfer_cursor(after) if after else None))

    async def transfer(self, request: web.Request) -> web.Response:
        """One transfer by its id or by a transaction that holds an event of it.

        A transaction with events of several transfers is answered with the list of them, in the order of its logs.
        """
        parameters.only(request.query)
        id_or_tx = parameters.read_hash(request.match_info["id_or_tx"])
        async with self._sources.turns:
            views = await self._store.transfers.by_id_or_tx(id_or_tx)
        if not views:
            raise NotKnownError("no transfer has this id, and none has an event in a transaction with this hash")
        return answer(lookup_document(views, self._labels, self._now()))

    async def alerts(self, request: web.Request) -> web.Response:
        """Alerts, newest first: the open ones, the resolved ones, or without ``state`` all."""
        query = parameters.only(request.query, "state", *_LIST)
        state = parameters.value(query, "state", parameters.read_state)
        limit = parameters.value(query, "limit", parameters.read_limit) or parameters.DEFAULT_LIMIT
        after = parameters.value(query, "cursor", lambda text: parameters.valid_cursor(read_alert_cursor(text)))
        async with self._sources.turns:
            return answer(await alerts_list(self._store, state, self._labels, limit=limit, after=after))

    async def bridge_events(self, request: web.Request) -> web.Response:
        """What the bridge said besides its transfers, newest first."""
        given = parameters.only(request.query, *BRIDGE_FILTERS, *_LIST)
        query = read_bridge_query(given, self._labels, self._now())
        async with self._sources.turns:
            page = await self._store.bridge.listed(query.which, limit=query.limit, after=query.after)
        items = [bridge_event_document(record, self._labels) for record in page.records]
        return answer(BridgeEventList(items, write_bridge_event_cursor(page.next) if page.next else None))

    async def routers(self, request: web.Request) -> web.Response:
        """Routers' books, by their addresses, with what they filled since then."""
        query = parameters.only(request.query, "since", *_LIST)
        since = parameters.value(query, "since", parameters.read_duration) or parameters.DEFAULT_SINCE
        limit = parameters.value(query, "limit", parameters.read_limit) or parameters.DEFAULT_LIMIT
        after = parameters.value(query, "cursor", lambda text: parameters.valid_cursor(read_router_cursor(text)))
        window = last(since.total_seconds(), self._now())
        async with self._sources.turns:
            return answer(
                await routers_list(self._store, window, self._labels, self._sources.checks, limit=limit, after=after)
            )

    async def stats(self, request: web.Request) -> web.Response:
        """Counts and latencies of the transfers begun since then, by pathway and router, and in parts of time."""
        query = parameters.only(request.query, "since", "origin", "destination", "bucket")
        since = parameters.value(query, "since", parameters.read_duration) or parameters.DEFAULT_SINCE
        chain = partial(parameters.read_chain, labels=self._labels)
        origin, destination = (parameters.value(query, name, chain) for name in ("origin", "destination"))
        window = last(since.total_seconds(), self._now(), origin, destination)
        width = parameters.value(query, "bucket", parameters.read_width)
        if width is not None and len(starts(window, width)) > _MOST_BUCKETS:
            raise parameters.BadValueError(f"bucket: makes more than {_MOST_BUCKETS} buckets; write a longer duration")
        async with self._sources.turns:
            return answer(await stats(self._store.statistics, window, self._labels, width=width))

    async def clock(self, request: web.Request) -> web.Response:
        """How the machine's clock compares with the chains' block times."""
        parameters.only(request.query)
        return answer(clock_document(self._sources.clock_state()))

    async def instances(self, request: web.Request) -> web.Response:
        """The instances that share the database, by name."""
        parameters.only(request.query)
        async with self._sources.turns:
            return answer(instance_list(await self._store.instances.listed()))
