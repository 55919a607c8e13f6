"""The stream of changes, read as a client reads it."""

import asyncio
import io
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import MagicMock, patch

import aiohttp
import aiohttp.web
import pytest

from connext_monitor.config import ListenAddress
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.database_trouble import DatabaseTrouble, TroubleKind
from connext_monitor.core.deadline import Leg
from connext_monitor.reporting.web.events import EventStreams
from connext_monitor.reporting.web.feed import EventName, Feed
from connext_monitor.reporting.web.server import WebServer
from connext_monitor.store.errors import DatabaseUnavailableError
from connext_monitor.store.store import Store
from tests.world.clocks import ManualClock
from tests.world.kinds import chain_unobserved, overdue
from tests.world.loopback import closed
from tests.world.two_chains import AT, DESTINATION, LABELS, ORIGIN, Sample, fill
from tests.world.waiting import until

EVENTS = "/api/v1/events"
LOCAL = ListenAddress("127.0.0.1", 0)
Event = dict[str, str]


@pytest.fixture
async def server(server_at: Callable[[ListenAddress], WebServer]) -> AsyncIterator[WebServer]:
    server = server_at(LOCAL)
    yield server
    await server.stop()


@pytest.fixture
async def session(server: WebServer) -> AsyncIterator[aiohttp.ClientSession]:
    address = await server.start()
    async with aiohttp.ClientSession(f"http://{address}") as session:
        yield session


class Reader:
    """Takes a stream apart: events as their fields, comments as ``{"": text}``."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    async def next(self, *, comments: bool = False) -> Event:
        fields: Event = {}
        async with asyncio.timeout(60):
            while True:
                line = (await self._content.readline()).decode()
                if not line:
                    return {"event": "end"}
                name, _, value = line.rstrip("\n").partition(":")
                if line == "\n":
                    if "event" in fields or (comments and "" in fields):
                        return fields
                    fields = {}
                else:
                    fields[name] = value.removeprefix(" ")

    async def until(self, name: str) -> Event:
        while (event := await self.next())["event"] != name:
            pass
        return event


@asynccontextmanager
async def reading(session: aiohttp.ClientSession, last_seen: str | None = None) -> AsyncIterator[Reader]:
    headers = {"Last-Event-ID": last_seen} if last_seen else {}
    async with session.get(EVENTS, headers=headers) as response:
        assert response.content_type == "text/event-stream"
        yield Reader(response.content)


def data(event: Event) -> Any:
    return json.loads(event["data"])


async def change(server: WebServer, store: Store, sample: Sample) -> None:
    """Record the transfer and say so, as the monitor does."""
    await fill(store, [sample.xcalled()])
    server.feed.transfers_changed([sample.id])


async def test_a_changed_transfer_comes_as_the_api_gives_it(
    server: WebServer, session: aiohttp.ClientSession, store: Store
) -> None:
    async with reading(session) as reader:
        assert (await reader.next())["event"] == "ready"
        await change(server, store, Sample(3))
        event = await reader.next()
    async with session.get(f"/api/v1/transfers/{Sample(3).hex_id}") as response:
        assert (event["event"], data(event)) == ("transfer", await response.json())


async def test_an_alerts_opening_and_end_come_with_its_transfer(
    server: WebServer, session: aiohttp.ClientSession, store: Store
) -> None:
    await fill(store, [Sample(3).xcalled()])
    alert = overdue(Sample(3).id, Leg.EXECUTE, 1, AT, (ORIGIN, DESTINATION))
    async with reading(session) as reader:
        await reader.until("ready")
        await store.alerts.open(alert, [])
        server.feed.alerts_changed()
        transfer, opened = await reader.until("transfer"), await reader.until("alert")
        assert data(transfer)["deadlines"]["execute"]["state"] == "overdue"
        assert (data(opened)["id"], data(opened)["state"]) == (alert.id, "open")
        await store.alerts.resolve(ResolveAlert.of(alert, Resolution.EXECUTED), AT)
        server.feed.alerts_changed()
        assert data(await reader.until("alert"))["resolution"] == "executed"


async def test_who_comes_back_gets_what_it_missed_and_nothing_twice(
    server: WebServer, session: aiohttp.ClientSession, store: Store
) -> None:
    async with reading(session) as reader:
        await reader.until("ready")
        await change(server, store, Sample(1))
        seen = await reader.next()
        await change(server, store, Sample(2))
        assert data(await reader.next())["nonce"] == "2"
    async with reading(session, seen["id"]) as reader:
        assert data(await reader.next())["nonce"] == "2"
        await change(server, store, Sample(4))
        assert data(await reader.next())["nonce"] == "4"


async def test_a_returning_reader_gets_what_it_missed(server: WebServer, session: aiohttp.ClientSession) -> None:
    for number in range(1200):
        server.feed.publish(EventName.TRANSFER, str(number))
    async with reading(session, f"{server.feed.run_id}-200") as reader:
        assert [data(await reader.next()) for _ in range(1000)] == list(range(200, 1200))
        server.feed.publish(EventName.TRANSFER, "1200")
        assert data(await reader.next()) == 1200


async def test_what_was_missed_is_kept_for_five_minutes(store: Store) -> None:
    clock = ManualClock(AT)
    feed = Feed(store, LABELS, clock, "run")
    for number in range(1, 5):
        clock.advance(150)
        feed.publish(EventName.TRANSFER, str(number))
    returning, late = feed.join("run-1"), feed.join("run-0")
    events = [await returning.next() for _ in range(3)]
    assert [event and event.data for event in events] == ["2", "3", "4"]
    first = await late.next()
    assert first is not None
    assert first.name is EventName.RESET


@pytest.mark.parametrize("last_seen", ["another-run-7", "7", "-1", "x" * 500, "٣"])
async def test_who_comes_back_from_elsewhere_is_told_to_read_again(
    session: aiohttp.ClientSession, last_seen: str
) -> None:
    async with reading(session, last_seen.encode().decode("latin-1")) as reader:
        assert (await reader.next())["event"] == "reset"


async def test_too_many_changes_are_one_reset(server: WebServer, session: aiohttp.ClientSession, store: Store) -> None:
    samples = [Sample(nonce) for nonce in range(201)]
    await fill(store, [sample.xcalled() for sample in samples])
    async with reading(session) as reader:
        await reader.until("ready")
        server.feed.transfers_changed([sample.id for sample in samples])
        assert (await reader.next())["event"] == "reset"


async def test_a_transfer_that_is_gone_is_a_reset(server: WebServer, session: aiohttp.ClientSession) -> None:
    async with reading(session) as reader:
        await reader.until("ready")
        server.feed.transfers_changed([Sample(1).id])
        assert (await reader.next())["event"] == "reset"


async def test_alerts_of_before_the_start_are_not_told(
    server: WebServer, store: Store, session: aiohttp.ClientSession
) -> None:
    async with reading(session) as reader:
        await reader.until("ready")
        await store.alerts.open(chain_unobserved("here", AT, silent_for=1, waiting=0, why="it hangs"), [])
        server.feed.alerts_changed()
        assert data(await reader.until("alert"))["subject"] == "here"
    await server.stop()
    later = Feed(store, LABELS, ManualClock(AT), "later")
    await later.begin()
    listener = later.join(None)
    looking = asyncio.create_task(later.run())
    another = chain_unobserved("there", AT + timedelta(seconds=1), silent_for=1, waiting=0, why="it hangs")
    await store.alerts.open(another, [])
    later.alerts_changed()
    async with asyncio.timeout(60):
        events = [await listener.next() for _ in range(2)]
    looking.cancel()
    assert [event and event.name for event in events] == ["ready", "alert"]
    assert events[1] is not None
    assert json.loads(events[1].data)["subject"] == "there"


async def test_a_reader_that_takes_nothing_is_cut_off_and_delays_nobody(
    server: WebServer, session: aiohttp.ClientSession
) -> None:
    """The one that stalls never reads; the other one gets every event meanwhile."""
    stalled = socket.socket()
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(stalled, server.address)
    await loop.sock_sendall(stalled, f"GET {EVENTS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    async with reading(session) as reader:
        await reader.until("ready")
        received = published = 0
        async with asyncio.timeout(60):
            while server.feed.listening > 1:
                server.feed.publish(EventName.TRANSFER, json.dumps("x" * 20_000))
                published += 1
                received += (await reader.next())["event"] == "transfer"
    stalled.close()
    assert received == published


async def test_streams_say_now_and_then_that_they_live(store: Store) -> None:
    streams = EventStreams(Feed(store, LABELS, ManualClock(AT), "run"), heartbeat_every=0.01)
    application = aiohttp.web.Application()
    application.add_routes(streams.routes())
    runner = aiohttp.web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port, *_ = runner.addresses[0]
    async with aiohttp.ClientSession(f"http://{host}:{port}") as session, reading(session) as reader:
        await reader.until("ready")
        assert (await reader.next(comments=True)) == {"": "still here"}
    await closed(runner)


async def test_streams_end_with_the_monitor(server: WebServer, session: aiohttp.ClientSession) -> None:
    """A stop has a second for them all; nothing here waits for them to be cut off."""
    async with reading(session) as first, reading(session) as second:
        await first.until("ready")
        await second.until("ready")
        stopping = asyncio.create_task(server.stop())
        assert await first.next() == {"event": "end"}
        assert await second.next() == {"event": "end"}
        await stopping


async def test_a_hundred_streams_are_enough(server: WebServer, session: aiohttp.ClientSession) -> None:
    listeners = [server.feed.join(None) for _ in range(100)]
    async with session.get(EVENTS) as response:
        assert response.status == 503
        assert "close one" in (await response.json())["error"]
    server.feed.leave(listeners[0])
    async with reading(session) as reader:
        assert (await reader.next())["event"] == "ready"


async def test_while_the_database_is_away_one_calm_line_says_so(
    server: WebServer, session: aiohttp.ClientSession, store: Store, log: io.StringIO
) -> None:
    away = DatabaseUnavailableError(DatabaseTrouble(TroubleKind.SERVER, "the server is away"))
    async with reading(session) as reader:
        assert (await reader.next())["event"] == "ready"
        with patch.object(store.alerts, "changed", side_effect=away) as asked:
            for looks in (1, 2, 3):
                server.feed.alerts_changed()
                await until(partial(_looked, asked, looks))
            assert (await reader.next())["event"] == "reset"
        server.feed.alerts_changed()
        assert (await reader.next())["event"] == "reset"
    said = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["event"], line["level"]) for line in said if "feed" in line["event"]] == [
        ("feed.not_read", "warning")
    ]


def _looked(asked: MagicMock, times: int) -> bool:
    return asked.call_count >= times
