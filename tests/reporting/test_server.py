import asyncio
import io
from collections.abc import Callable

import aiohttp
import pytest

from connext_monitor.clock import SystemClock
from connext_monitor.config import ListenAddress
from connext_monitor.reporting.web.host_guard import is_loopback
from connext_monitor.reporting.web.server import ListenError, WebServer, protocol_log
from connext_monitor.store.store import Store
from tests.world.two_chains import LABELS

ServerAt = Callable[[ListenAddress], WebServer]
ANY_PORT = ListenAddress("127.0.0.1", 0)


async def test_port_0_becomes_the_port_that_the_system_chose(server_at: ServerAt) -> None:
    server = server_at(ANY_PORT)
    address = await server.start()
    assert address.host == "127.0.0.1"
    assert address.port > 0
    await server.stop()


async def test_a_port_in_use_is_refused_with_the_keys_name(server_at: ServerAt) -> None:
    first = server_at(ANY_PORT)
    taken = await first.start()
    with pytest.raises(ListenError, match=f"^monitor.listen: {taken} is in use by another program"):
        await server_at(taken).start()
    await first.stop()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
async def test_an_address_of_another_machine_is_refused_with_words(server_at: ServerAt, host: str) -> None:
    with pytest.raises(ListenError, match="is not an address of this machine"):
        await server_at(ListenAddress(host, 0)).start()


async def test_a_resolver_that_does_not_answer_is_refused_with_words(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object, **_more: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    listen = ListenAddress("here.invalid", 0)
    server = WebServer(listen, store, list, [], LABELS, SystemClock(), looked_up_within=0.05)
    with pytest.raises(ListenError, match="cannot be looked up, the resolver does not answer"):
        await server.start()


async def test_after_the_stop_the_port_is_free_again(server_at: ServerAt) -> None:
    first = server_at(ANY_PORT)
    address = await first.start()
    await first.stop()
    second = server_at(address)
    assert await second.start() == address
    await second.stop()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::1", "", "10.0.0.1"])
async def test_on_the_loopback_a_request_for_another_host_is_refused(client: aiohttp.ClientSession, host: str) -> None:
    async with client.get("/api/v1/chains", headers={"Host": host}) as response:
        assert response.status == 421
        assert "loopback" in (await response.json())["error"]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8088", "127.0.0.1:1", "127.9.9.9", "[::1]:8088", "x.localhost"]
)
async def test_on_the_loopback_every_name_of_it_will_do(client: aiohttp.ClientSession, host: str) -> None:
    async with client.get("/api/v1/chains", headers={"Host": host}) as response:
        assert response.status == 200


@pytest.mark.parametrize("header", ["no header", f"Cookie: {'s3cr3t' * 2000}"])
async def test_a_malformed_request_is_answered_and_not_logged(
    server_at: ServerAt, log: io.StringIO, header: str
) -> None:
    server = server_at(ANY_PORT)
    address = await server.start()
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(f"GET / HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode())
    async with asyncio.timeout(60):
        assert (await reader.readline()).startswith(b"HTTP/1.0 400")
    writer.close()
    await server.stop()
    assert log.getvalue() == ""


async def test_a_fault_of_the_library_is_logged(log: io.StringIO) -> None:
    protocol_log().error("it failed", exc_info=RuntimeError("broken"))
    assert "RuntimeError: broken" in log.getvalue()


async def test_on_all_addresses_any_host_will_do(server_at: ServerAt) -> None:
    server = server_at(ListenAddress("0.0.0.0", 0))  # noqa: S104 - listening on all addresses is what is tested
    port = (await server.start()).port
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/healthz", headers={"Host": "monitor.example"}) as response,
    ):
        assert response.status == 200
    await server.stop()


@pytest.mark.parametrize("host", ["example.com", "localhost.example.com", "128.0.0.1", "::2", "", "127.0.0.1 "])
def test_other_hosts_are_no_loopback(host: str) -> None:
    assert not is_loopback(host)
