"""How long a response is waited for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from yarl import URL

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.http.sender import HttpSender
from connext_monitor.alerting.http.timing import AdaptiveTimeout
from connext_monitor.clock import SystemClock
from connext_monitor.core.delivery import FailureCause, TryLater
from tests.alerting.http.servers import patient
from tests.alerting.providers.webhook.vendor import Receiver
from tests.world.clocks import ManualClock
from tests.world.waiting import until


@asynccontextmanager
async def silent_server() -> AsyncIterator[URL]:
    """A server that takes connections and says nothing; to be spoken to over TLS."""
    serving: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(writer)
        await reader.read()
        writer.close()
        await writer.wait_closed()
        serving.remove(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield URL(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/s3cret")
        await until(lambda: not serving)


def manual_clock() -> ManualClock:
    return ManualClock(datetime.fromtimestamp(0, UTC))


async def test_a_slow_tls_handshake_is_waited_for_longer_each_time() -> None:
    """As behind a loaded balancer: the connection stands at once, and TLS comes late."""
    clock = SystemClock()
    patience = AdaptiveTimeout(clock, 0.2, 0.8)
    sender = HttpSender(clock, patience)
    async with silent_server() as url:
        waited = []
        for _ in range(4):
            waited.append(patience.seconds)
            answer = await sender.request("POST", url, b"", {})
            assert answer == TryLater(f"could not be connected to within {waited[-1]:g} s")
            assert answer.cause is FailureCause.UNREACHABLE  # no message is to blame for it
    assert waited == [0.2, 0.4, 0.8, 0.8]
    await sender.aclose()


async def test_a_server_that_does_not_answer_is_tried_later(receiver: Receiver) -> None:
    receiver.plan(200).until = asyncio.Event()
    async with patient(2.0, 60.0) as sender:  # within which a busy machine connects
        answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, TryLater)
    assert answer == TryLater("did not answer within 2 s")
    assert answer.cause is FailureCause.TIMED_OUT


async def test_a_time_out_lengthens_the_next_wait(receiver: Receiver) -> None:
    never = asyncio.Event()
    receiver.plan(200).until = never
    receiver.plan(200).until = slow = asyncio.Event()
    async with patient(2.0, 60.0) as sender:
        assert isinstance(await sender.request("POST", URL(receiver.url), b"", {}), TryLater)
        asyncio.get_running_loop().call_later(2.5, slow.set)
        assert isinstance(await sender.request("POST", URL(receiver.url), b"", {}), HttpResponse)
    never.set()


async def test_an_edit_is_not_waited_for_beyond_its_limit(receiver: Receiver) -> None:
    receiver.plan(200).until = never = asyncio.Event()
    async with patient(30.0, 60.0) as sender:
        answer = await sender.request("PATCH", URL(receiver.url), b"", {}, at_most=2.0)
    assert answer == TryLater("did not answer within 2 s")
    never.set()


def test_the_timeout_doubles_up_to_a_minute() -> None:
    patience, waits = AdaptiveTimeout(manual_clock()), []
    for _ in range(5):
        waits.append(patience.seconds)
        patience.timed_out(patience.seconds)
    assert waits == [10.0, 20.0, 40.0, 60.0, 60.0]


def test_the_timeout_stays_long_for_an_hour_after_slow_responses() -> None:
    clock = manual_clock()
    patience = AdaptiveTimeout(clock)
    patience.timed_out(10.0)
    clock.advance(3000)
    patience.answered(12.0)
    clock.advance(3000)
    patience.answered(0.1)
    assert patience.seconds == 20.0
    clock.advance(1000)
    assert patience.seconds == 10.0
