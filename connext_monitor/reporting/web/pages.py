"""The pages for people: ``/``, lists of transfers and alerts, one transfer, one pathway."""

from asyncio import gather
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from aiohttp import web

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.transfer_facts import detail_rows
from connext_monitor.core.documents.router_books import unknown_documents
from connext_monitor.core.events import DomainId, TransferId
from connext_monitor.core.formats import hex_text
from connext_monitor.core.selection import TransferFilter
from connext_monitor.core.stats import PathwayStats
from connext_monitor.core.stored_numbers import PendingLegs
from connext_monitor.core.transfer import Status
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.reporting.web import parameters
from connext_monitor.reporting.web.bridge_query import BRIDGE_FILTERS, read_bridge_query
from connext_monitor.reporting.web.cursors import (
    read_alert_cursor,
    read_router_cursor,
    write_alert_cursor,
    write_bridge_event_cursor,
    write_router_cursor,
    write_transfer_cursor,
)
from connext_monitor.reporting.web.numbers import StatsCache, book_row, matrix
from connext_monitor.reporting.web.overview import CurrentState, FrontReads, look, overview, read_front
from connext_monitor.reporting.web.plots import front_plots, pathway_plots
from connext_monitor.reporting.web.rows import alert_card, bridge_event_row, transfer_row, transfer_timeline
from connext_monitor.reporting.web.site import shared_site
from connext_monitor.reporting.web.sources import WebSources
from connext_monitor.reporting.web.transfer_query import FILTERS, find, read_transfer_query

_HASH_BYTES = 32
_DAY = 86_400.0
_TRANSFERS_SHOWN = 20


class Pages:
    """The routes for people; ``providers`` are the configured channels."""

    def __init__(self, sources: WebSources, providers: Sequence[str]) -> None:
        self._sources = sources
        self._store = sources.store
        self._labels = sources.labels
        self._now = sources.now
        self._providers = providers
        self._site = shared_site()
        self._stats = StatsCache(sources.store.statistics, sources.clock)

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/", self.front),
            web.get("/transfers", self.transfers),
            web.get("/transfers/{id_or_tx}", self.transfer),
            web.get("/alerts", self.alerts),
            web.get("/bridge", self.bridge),
            web.get("/routers", self.routers),
            web.get("/pathways/{origin}/{destination}", self.pathway),
            *self._site.routes(),
        ]

    async def front(self, request: web.Request) -> web.Response:
        """The overview."""
        try:
            parameters.only(request.query)
        except parameters.BadValueError as error:
            return await self._refusal(400, str(error), {})
        now = self._now()
        async with self._sources.turns:
            (state, read), numbers = await gather(self._read_front(), self._stats.over(_DAY))
        shown = overview(read, state, numbers.stats, self._labels, now)
        values = {"shown": shown, "plots": front_plots(numbers.timeline), **self._choices({})}
        return self._page("overview.html", state, now, values)

    async def pathway(self, request: web.Request) -> web.Response:
        """One pathway: how long its legs take, and its newest transfers."""
        now = self._now()
        try:
            query = parameters.only(request.query, "since")
            origin, destination = (
                parameters.read_chain(request.match_info[end], self._labels) for end in ("origin", "destination")
            )
            since = parameters.value(query, "since", parameters.read_duration) or parameters.DEFAULT_SINCE
        except parameters.BadValueError as error:
            return await self._refusal(400, str(error), {})
        async with self._sources.turns:
            (state, pending, views), numbers = await gather(
                self._read_pathway(origin, destination),
                self._stats.over(since.total_seconds(), (origin, destination)),
            )
        rows = matrix(numbers.stats, pending, state.topics, self._labels)
        stats = rows[0].stats if rows else PathwayStats(origin, destination)
        values = {
            "origin": self._labels.display_name(origin),
            "destination": self._labels.display_name(destination),
            "pathways": rows,
            "plots": pathway_plots(numbers.timeline, stats),
            "spans": {"P1D": "a day", "P7D": "a week", "P30D": "30 days"},
            "span": query.get("since", "P1D"),
            "rows": [transfer_row(view, self._labels, now) for view in views],
            "path": request.path,
            "all": urlencode(
                {"origin": request.match_info["origin"], "destination": request.match_info["destination"]}
            ),
        }
        return self._page("pathway.html", state, now, values)

    async def transfers(self, request: web.Request) -> web.Response:
        """Transfers by filter, or the one that was searched for."""
        now, query = self._now(), dict(request.query)
        try:
            given = parameters.only(request.query, *FILTERS, "q", "cursor", "limit")
            sought = parameters.value(given, "q", lambda text: parameters.read_search(text.strip()))
            if sought is not None and len(sought) == _HASH_BYTES:
                return web.Response(status=303, headers={"Location": f"/transfers/{hex_text(sought)}"})
            filters = {name: text for name, text in given.items() if name != "q"}
            if sought is not None:
                filters["address"] = hex_text(sought)
            chosen = read_transfer_query(filters, self._labels)
        except parameters.BadValueError as error:
            return await self._refusal(400, str(error), query)
        async with self._sources.turns:
            state = await self._look("transfers.html")
            views, after = await find(self._store, chosen)
        rows = [transfer_row(view, self._labels, now) for view in views]
        values = {
            "rows": rows,
            "further": _path("/transfers", filters, write_transfer_cursor(after)) if after else None,
            "looked_back_to": after[0] if after else None,
            "begun": "cursor" in filters,
            **self._choices(filters),
        }
        return self._page("transfers.html", state, now, values)

    async def transfer(self, request: web.Request) -> web.Response:
        """One transfer, or those of a transaction."""
        text = request.match_info["id_or_tx"]
        try:
            parameters.only(request.query)
            id_or_tx = parameters.read_hash(text)
        except parameters.BadValueError as error:
            return await self._refusal(400, str(error), {"q": text})
        now = self._now()
        async with self._sources.turns:
            state = await self._look("transfer.html")
            views = await self._store.transfers.by_id_or_tx(id_or_tx)
            cards_of_each = [await self._alerts_of(view) for view in views]
        if not views:
            words = "no transfer has this id, and none has an event in a transaction with this hash"
            return await self._refusal(404, words, {"q": text})
        shown = [
            {
                "row": transfer_row(view, self._labels, now),
                "facts": detail_rows(view.transfer, self._labels),
                "steps": transfer_timeline(view, self._labels, now),
                "due": view.due,
                "xcalled": view.transfer.xcalled is not None,
                "alerts": cards,
            }
            for view, cards in zip(views, cards_of_each, strict=True)
        ]
        values = {"shown": shown, "sought": hex_text(id_or_tx), **self._choices({})}
        return self._page("transfer.html", state, now, values)

    async def alerts(self, request: web.Request) -> web.Response:
        """Alerts, newest first."""
        try:
            query = parameters.only(request.query, "state", "cursor", "cause")
            chosen = parameters.value(query, "state", parameters.read_state)
            after = parameters.value(query, "cursor", lambda text: parameters.valid_cursor(read_alert_cursor(text)))
        except parameters.BadValueError as error:
            return await self._refusal(400, str(error), {})
        limit = parameters.DEFAULT_LIMIT
        async with self._sources.turns:
            state = await self._look("alerts.html")
            rows = await self._store.alerts.listed(chosen, limit=limit + 1, after=after, cause=query.get("cause"))
            silences = await self._store.silences.standing()
            ids = [row.alert.id for row, _ in rows[:limit]]
            deliveries = await self._store.alerts.delivery_records(ids)
            inhibited = await self._store.alerts.count_inhibited(ids)
        cards = [
            alert_card(
                row.alert,
                about,
                self._labels,
                silences,
                deliveries.get(row.alert.id, ()),
                inhibited.get(row.alert.id, 0),
            )
            for row, about in rows[:limit]
        ]
        more = write_alert_cursor(rows[limit - 1][0].row) if len(rows) > limit else None
        values = {
            "cards": cards,
            "chosen_state": chosen.value if chosen else "",
            "cause": query.get("cause", ""),
            "states": [state.value for state in AlertState],
            "further": _path("/alerts", query, more) if more else None,
            "begun": after is not None,
        }
        return self._page("alerts.html", state, self._now(), values)

    async def bridge(self, request: web.Request) -> web.Response:
        """What the bridge said besides its transfers, newest first."""
        now = self._now()
        try:
            given = parameters.only(request.query, *BRIDGE_FILTERS, "cursor")
            query = read_bridge_query(given, self._labels, now)
        except parameters.BadValueError as error:
            return await self._refusal(400, str(error), {})
        async with self._sources.turns:
            state = await self._look("bridge.html")
            page = await self._store.bridge.listed(query.which, limit=query.limit, after=query.after)
        values = {
            "rows": [bridge_event_row(record, self._labels) for record in page.records],
            "chosen_chain": given.get("chain", ""),
            "further": _path("/bridge", given, write_bridge_event_cursor(page.next)) if page.next else None,
            "begun": query.after is not None,
            **self._choices({}),
        }
        return self._page("bridge.html", state, now, values)

    async def routers(self, request: web.Request) -> web.Response:
        """Routers' books, by their addresses."""
        try:
            query = parameters.only(request.query, "cursor")
            after = parameters.value(query, "cursor", lambda text: parameters.valid_cursor(read_router_cursor(text)))
        except parameters.BadValueError as error:
            return await self._refusal(400, str(error), {})
        async with self._sources.turns:
            state = await self._look("routers.html")
            page = await self._store.bridge.router_books(
                limit=parameters.DEFAULT_LIMIT, after=after, also=self._sources.checks.checked
            )
        values = {
            "rows": [book_row(book, self._labels, self._sources.checks) for book in page.books],
            "further": _path("/routers", {}, write_router_cursor(page.next)) if page.next else None,
            "begun": after is not None,
            "unknown": unknown_documents(self._sources.checks, self._labels),
        }
        return self._page("routers.html", state, self._now(), values)

    async def _alerts_of(self, view: TransferView) -> list[object]:
        alerts = await self._store.alerts.of_transfer(TransferId(view.transfer.transfer_id))
        silences = await self._store.silences.standing()
        deliveries = await self._store.alerts.delivery_records([alert.id for alert in alerts])
        return [alert_card(alert, view, self._labels, silences, deliveries.get(alert.id, ())) for alert in alerts]

    async def _refusal(self, status: int, words: str, query: Mapping[str, str]) -> web.Response:
        async with self._sources.turns:
            state = await self._look("refusal.html")
        values = {"words": words, **self._choices(query)}
        return self._page("refusal.html", state, self._now(), values, status)

    # What else a page shows is read while its statistics are counted, which takes several times as long.

    async def _read_front(self) -> tuple[CurrentState, FrontReads]:
        return await self._look("overview.html"), await read_front(self._store)

    async def _read_pathway(
        self, origin: DomainId, destination: DomainId
    ) -> tuple[CurrentState, list[PendingLegs], Sequence[TransferView]]:
        state = await self._look("pathway.html")
        pending = await self._store.transfers.count_pending()
        of_pathway = [legs for legs in pending if (legs.origin, legs.destination) == (origin, destination)]
        which = TransferFilter(None, origin, destination)
        return state, of_pathway, await self._store.transfers.listed(which, limit=_TRANSFERS_SHOWN)

    async def _look(self, template: str) -> CurrentState:
        await self._site.compile(template)
        return await look(self._sources, self._providers)

    def _page(
        self, template: str, state: CurrentState, now: float, values: Mapping[str, object], status: int = 200
    ) -> web.Response:
        return self._site.page(
            template,
            {"summary": state.summary, "state": state, "now": now, "labels": self._labels, **values},
            status,
        )

    def _choices(self, chosen: Mapping[str, str]) -> dict[str, object]:
        """What the search form offers, and what is chosen in it."""
        names = ("q", *FILTERS)
        return {
            "chosen": {name: chosen.get(name, "") for name in names},
            "statuses": [status.value for status in Status],
            "chain_names": sorted(chain.name for chain in self._sources.statuses()),
        }


def _path(path: str, query: Mapping[str, str], cursor: str) -> str:
    return f"{path}?{urlencode({**query, 'cursor': cursor})}"
