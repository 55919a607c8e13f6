"""The HTTP server: read-only, on the address of ``monitor.listen``."""

import asyncio
import errno
import logging
import secrets
import socket
from collections.abc import Callable, Sequence

from aiohttp import web
from aiohttp.http import HttpProcessingError

from connext_monitor.clock import Clock
from connext_monitor.config import ListenAddress
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.clock_agreement import ClockState
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.operator_error import OperatorError
from connext_monitor.core.router_checks import RouterChecks
from connext_monitor.reporting.web.answers import add_headers, errors_in_words
from connext_monitor.reporting.web.api import Api
from connext_monitor.reporting.web.connections import LOOKED_UP_WITHIN, Connections, OpenSocket, open_socket
from connext_monitor.reporting.web.events import MOST_STREAMS, STREAM_PATH, EventStreams
from connext_monitor.reporting.web.feed import Feed
from connext_monitor.reporting.web.health import HealthChecks, StandbyReasons
from connext_monitor.reporting.web.host_guard import host_guard
from connext_monitor.reporting.web.pages import Pages
from connext_monitor.reporting.web.read_store import ReadStore
from connext_monitor.reporting.web.sources import WebSources

# The store has few readers, and the scheduler needs them too: callers of the API and of the page take turns. Pages
# count one window at a time, and read the rest meanwhile: of four readers at most three are theirs.
_AT_ONCE = 2
# The whole program has 5 s to stop, and a reader who is cut off asks again.
_GRACE = 0.5
_FAR = 3600.0


class ListenError(OperatorError):
    """The address cannot be listened on; the message says why and what to do."""


class WebServer:
    """Answers over HTTP from ``start`` to ``stop``.

    ``statuses`` gives the chains as they are at that moment; ``providers`` are the configured channels; ``feed`` takes
    what changes; ``more`` are routes that are served beside its own; ``clock_state`` says how the machine's clock
    compares with the chains'. At most ``connections`` are open at a time, half of them streams. The name to
    ``listen`` on may be looked up for ``looked_up_within`` seconds. ``checks`` are routers' balances beside their
    books. ``standby`` says of an instance that waits for the work why nobody may own it.
    """

    def __init__(
        self,
        listen: ListenAddress,
        store: ReadStore,
        statuses: Callable[[], Sequence[ChainStatus]],
        providers: Sequence[str],
        labels: ChainLabels,
        clock: Clock,
        more: Sequence[web.RouteDef] = (),
        clock_state: Callable[[], ClockState] = ClockState,
        connections: int = 256,
        looked_up_within: float = LOOKED_UP_WITHIN,
        checks: RouterChecks | None = None,
        open_socket: OpenSocket = open_socket,
        standby: StandbyReasons | None = None,
    ) -> None:
        self._listen = listen
        self.feed = Feed(store, labels, clock, secrets.token_hex(4))
        sources = WebSources(
            store, statuses, labels, clock, asyncio.Semaphore(_AT_ONCE), clock_state, checks or RouterChecks(), standby
        )
        self._health = HealthChecks(store, statuses, standby)
        self._connections = Connections(connections, frozenset({STREAM_PATH}), looked_up_within, open_socket)
        routes = [
            *self._health.routes(),
            *Api(sources).routes(),
            *EventStreams(self.feed, most=min(MOST_STREAMS, connections // 2)).routes(),
            *Pages(sources, providers).routes(),
            *more,
        ]
        application = _application(listen, routes, self._connections)
        application.on_shutdown.append(self._end_streams)
        self._feeding: asyncio.Task[None] | None = None
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=protocol_log(),
            shutdown_timeout=_GRACE,
            keepalive_timeout=_FAR,  # `Connections` ends what is idle, much sooner
            lingering_time=1.0,
        )

    async def start(self) -> ListenAddress:
        """Start serving; returns the address, with the actual port where the system chose one. Raises ListenError."""
        await self._runner.setup()
        server = self._runner.server
        if server is None:
            raise RuntimeError("the library made no server")
        try:
            await self._connections.listen(server, self._listen.host, self._listen.port)
        except OSError as error:
            await self._runner.cleanup()
            raise ListenError(_explain(self._listen, error)) from error
        await self.feed.begin()
        self._feeding = asyncio.create_task(self.feed.run(), name="web feed")
        return ListenAddress(*self.address)

    @property
    def address(self) -> tuple[str, int]:
        """Where it answers, once started."""
        return self._connections.address

    def paths(self) -> frozenset[str]:
        """The endpoints of the API."""
        resources = self._runner.app.router.resources()
        return frozenset(resource.canonical for resource in resources)

    def stopping(self) -> None:
        """Say from now on that the monitor is about to end: it is neither healthy nor ready."""
        self._health.stopping = True

    async def stop(self) -> None:
        """Stop listening, and end the requests under way within about a second."""
        self._connections.close()
        await self._runner.cleanup()
        await self._connections.end()
        if self._feeding is not None:
            self._feeding.cancel()
            await asyncio.wait({self._feeding})

    async def _end_streams(self, _application: web.Application) -> None:
        self.feed.end()


def _application(listen: ListenAddress, routes: Sequence[web.RouteDef], connections: Connections) -> web.Application:
    application = web.Application(middlewares=[connections.note, errors_in_words, host_guard(listen.host)])
    application.on_response_prepare.append(add_headers)
    application.add_routes(routes)
    return application


def protocol_log() -> logging.Logger:
    """What the library says of its own faults; that a stranger speaks no HTTP, or hangs up, is none of them."""
    log = logging.getLogger("connext_monitor.http")
    log.addFilter(_is_a_fault)
    return log


def _is_a_fault(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError | ConnectionError))


def _explain(listen: ListenAddress, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        why = "is in use by another program, perhaps another monitor; stop that one, or choose another port"
    elif isinstance(error, TimeoutError):
        why = "cannot be looked up, the resolver does not answer; choose an address, such as 127.0.0.1:8088"
    elif error.errno == errno.EACCES:
        why = "may not be listened on by this user; choose a port above 1023"
    # asyncio of Python 3.13 leaves the number out where it could bind none of a host's addresses.
    elif error.errno in {errno.EADDRNOTAVAIL, None} or isinstance(error, socket.gaierror):
        why = "is not an address of this machine; choose one that is, such as 127.0.0.1:8088"
    else:
        why = f"cannot be listened on (error {error.errno}); choose another address, such as 127.0.0.1:8088"
    return f"monitor.listen: {listen} {why}"
