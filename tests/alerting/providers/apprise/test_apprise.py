"""Apprise: a real service of it, on loopback; what is written, and what becomes of its answers."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web
from hypothesis import given

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.apprise import AppriseConfig, AppriseUrl, apprise_channel
from connext_monitor.alerting.providers.apprise.provider import AppriseProvider, plain
from connext_monitor.alerting.providers.configured import build_providers
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.clock import SystemClock
from connext_monitor.config import ConfigError, ProviderTable
from connext_monitor.core.delivery import Change, FailureCause, Outcome, Sent, TryLater
from tests.alerting.providers.vendor import Seen, Vendor
from tests.world.alerts import LABELS, notice
from tests.world.configs import FILE
from tests.world.hostile import digest_notices, notices


class Service(Vendor):
    """What Apprise's ``json://`` posts to."""

    def answer(self, seen: Seen) -> web.Response:
        assert seen.path == "/s3cret"
        return web.Response(status=200)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service() as vendor:
        yield vendor


def provider(service: Service, context: ProviderContext) -> AppriseProvider:
    url = service.base.replace("http://", "json://") + "/s3cret"
    return AppriseProvider("mail", AppriseConfig(type="apprise", url=AppriseUrl(url)), context)


async def test_opening_and_resolution_are_two_messages(service: Service, context: ProviderContext) -> None:
    mail = provider(service, context)
    assert await mail.send(notice(), None) == Sent()
    assert await mail.send(notice(Change.RESOLVED), None) == Sent()
    assert [request.json["title"].split(" · ")[0] for request in service.seen] == ["CRITICAL", "RESOLVED"]
    assert (
        "Transfer: 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        in service.seen[0].json["message"]
    )


async def test_a_failed_send_is_tried_later_without_the_address(service: Service, context: ProviderContext) -> None:
    mail = provider(service, context)
    service.plan(500, b"s3cret")
    outcome = await mail.send(notice(), None)
    assert outcome == TryLater("did not take it; Apprise does not say why")
    assert "s3cret" not in repr(vars(mail))
    assert logging.getLogger("apprise").disabled


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_neither_followed_nor_a_success(
    service: Service, context: ProviderContext, status: int
) -> None:
    async with Service() as elsewhere:
        service.plan(status, b"", {"Location": f"{elsewhere.base}/s3cret"})
        outcome = await provider(service, context).send(notice(), None)
        assert elsewhere.seen == []
    assert outcome == TryLater("did not take it; Apprise does not say why")
    assert len(service.seen) == 1


@pytest.mark.parametrize("scheme", ["json", "xml", "form", "ntfy", "matrix", "gotify", "mmost", "apprise"])
async def test_no_service_of_apprise_is_told_to_follow(scheme: str) -> None:
    channel = apprise_channel(f"{scheme}://user:token@127.0.0.1/aaaaaaaaaaaaaaa")
    assert channel is not None
    assert [service.redirects for service in channel] == [False]


async def test_a_service_that_answers_late_is_waited_for_longer(service: Service, context: ProviderContext) -> None:
    mail = provider(service, replace(context, first_timeout=0.3))
    service.plan(200).until = never = asyncio.Event()
    outcomes: list[Outcome] = [await mail.send(notice(), None)]
    never.set()
    # Twice as long each time, so that a machine which stands still meanwhile only makes it try more often.
    while Sent() not in outcomes and len(outcomes) < 8:
        slow = asyncio.Event()
        service.plan(200).until = slow
        asyncio.get_running_loop().call_later(0.4, slow.set)
        outcomes.append(await mail.send(notice(), None))
    *late, last = outcomes
    assert {outcome.cause for outcome in late if isinstance(outcome, TryLater)} == {FailureCause.TIMED_OUT}
    assert last == Sent()


async def test_a_time_limit_in_the_address_is_kept() -> None:
    channel = apprise_channel("json://127.0.0.1/?rto=2.5", 40.0)
    assert channel is not None
    assert [service.socket_read_timeout for service in channel] == [2.5]


@given(notices | digest_notices())
def test_no_mention_is_live_and_every_fact_keeps_to_its_line(sent: Notice) -> None:
    title, body = plain(sent)
    for text in (title, body):
        assert "@" not in text.replace("@\u200b", "")
    assert "\n" not in title
    assert all(line.isprintable() or "\u200b" in line for line in body.split("\n"))


def test_an_unknown_address_is_refused_and_not_quoted() -> None:
    table = {"mail": ProviderTable({"type": "apprise", "url": "nonsense-s3cret"})}
    with pytest.raises(ConfigError) as caught:
        build_providers(table, file=FILE, labels=LABELS, clock=SystemClock())
    assert "is not an address that Apprise knows" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_without_the_extra_the_cure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    table = {"mail": ProviderTable({"type": "apprise", "url": "json://127.0.0.1"})}
    with pytest.raises(ConfigError, match=r"connext-monitor\[apprise\]"):
        build_providers(table, file=FILE, labels=LABELS, clock=SystemClock())
