"""What keeps a request from being answered, and what a session does not do."""

import pytest
from yarl import URL

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.http.sender import HttpSender
from connext_monitor.core.delivery import FailureCause, TryLater
from tests.alerting.http.servers import raw_server
from tests.alerting.providers.webhook.vendor import Receiver
from tests.world.ports import free_port


async def test_a_refused_connection_is_tried_later_without_the_url(sender: HttpSender) -> None:
    answer = await sender.request("POST", URL(f"http://127.0.0.1:{free_port()}/s3cret"), b"", {})
    assert answer == TryLater("cannot be reached (connection refused)")


async def test_a_host_without_an_address_is_tried_later(sender: HttpSender) -> None:
    answer = await sender.request("POST", URL("http://name.invalid/s3cret"), b"", {})
    assert answer == TryLater("has a host name that cannot be resolved")


async def test_a_connection_closed_early_is_tried_later(sender: HttpSender) -> None:
    async with raw_server(b"") as url:
        answer = await sender.request("POST", url, b"", {})
    assert isinstance(answer, TryLater)
    assert answer == TryLater("closed the connection before it answered")
    assert answer.cause is FailureCause.NOT_TAKEN  # a message may make its receiver fall over


async def test_a_response_that_is_not_http_is_not_quoted(sender: HttpSender) -> None:
    async with raw_server(b"SMTP ready s3cret\r\n\r\n") as url:
        answer = await sender.request("POST", url, b"", {})
    assert isinstance(answer, TryLater)
    assert "s3cret" not in answer.reason


async def test_a_server_that_speaks_no_tls_is_tried_later(sender: HttpSender, receiver: Receiver) -> None:
    answer = await sender.request("POST", URL(receiver.url).with_scheme("https"), b"", {})
    assert answer == TryLater("failed the TLS handshake")


async def test_proxies_of_the_environment_are_not_used(
    sender: HttpSender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert isinstance(await sender.request("POST", URL(receiver.url), b"{}", {}), HttpResponse)


async def test_cookies_are_not_kept(sender: HttpSender, receiver: Receiver) -> None:
    receiver.plan(200, b"", {"Set-Cookie": "a=b"})
    for _ in range(2):
        await sender.request("POST", URL(receiver.url), b"{}", {})
    assert "Cookie" not in receiver.seen[1].headers


async def test_a_sender_that_was_closed_opens_again(sender: HttpSender, receiver: Receiver) -> None:
    for _ in range(2):
        assert isinstance(await sender.request("POST", URL(receiver.url), b"{}", {}), HttpResponse)
        await sender.aclose()
