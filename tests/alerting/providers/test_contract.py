"""What every channel that is reached over HTTP must do, whatever the vendor: the same tests for all of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest

from connext_monitor.alerting.notice import DigestProvider
from connext_monitor.alerting.providers.configured import build_providers
from connext_monitor.clock import SystemClock
from connext_monitor.config import ProviderTable
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change, ChannelDead, FailureCause, Refused, Sent, TryLater
from tests.alerting.providers.contract import Case, contracts
from tests.alerting.providers.vendor import Vendor
from tests.world.alerts import LABELS, notice
from tests.world.configs import FILE

CASES = {name: case for contract in contracts().values() for name, case in contract.cases.items()}
EDITED = [name for name, case in CASES.items() if case.edits]


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@asynccontextmanager
async def channel(case: Case, vendor: Vendor) -> AsyncIterator[DigestProvider]:
    tables = {"ops": ProviderTable(case.table(vendor))}
    (built,) = build_providers(tables, file=FILE, labels=LABELS, clock=SystemClock(), sleep=case.sleep)
    provider = cast("DigestProvider", built.provider)
    try:
        yield provider
    finally:
        await provider.aclose()


async def test_an_alert_opens_and_resolves(case: Case) -> None:
    async with case.make() as vendor, channel(case, vendor) as provider:
        opened = await provider.send(notice(), None)
        assert isinstance(opened, Sent)
        resolved = await provider.send(notice(Change.RESOLVED), opened.reference)
        assert isinstance(resolved, Sent)
        assert len(vendor.seen) == 2
        if case.edits is not None:
            (said,) = case.edits(vendor)
            assert str(said).startswith("RESOLVED")


@pytest.mark.parametrize("name", EDITED)
async def test_a_message_that_is_gone_is_posted_anew(name: str) -> None:
    case = CASES[name]
    async with case.make() as vendor, channel(case, vendor) as provider:
        opened = await provider.send(notice(), None)
        assert isinstance(opened, Sent)
        vendor.messages.clear()
        assert isinstance(await provider.send(notice(Change.RESOLVED), opened.reference), Sent)
        assert len(vendor.messages) == 1


async def test_a_repeated_edit_changes_nothing(case: Case) -> None:
    async with case.make() as vendor, channel(case, vendor) as provider:
        opened = await provider.send(notice(), None)
        assert isinstance(opened, Sent)
        for _ in range(2):
            assert isinstance(await provider.send(notice(Change.RESOLVED), opened.reference), Sent)
        if case.edits is not None:
            assert len(case.edits(vendor)) == 1


async def test_a_vendor_in_trouble_is_tried_later(case: Case) -> None:
    async with case.make() as vendor, channel(case, vendor) as provider:
        vendor.plan(503, b"s3cret")
        outcome = await provider.send(notice(), None)
        assert isinstance(outcome, TryLater)
        assert outcome == TryLater("answered 503 Service Unavailable")
        assert outcome.cause is FailureCause.SERVER_ERROR


async def test_too_many_requests_wait_as_long_as_was_asked(case: Case) -> None:
    async with case.make() as vendor, channel(case, vendor) as provider:
        vendor.plan(*case.limited)
        outcome = await provider.send(notice(), None)
        assert isinstance(outcome, TryLater)
        assert outcome.after == 30.0
        assert outcome.cause is FailureCause.RATE_LIMITED
        assert len(vendor.seen) == 1


async def test_an_unreachable_vendor_is_tried_later_without_its_address(case: Case) -> None:
    async with case.make() as vendor:
        pass
    async with channel(case, vendor) as provider:
        outcome = await provider.send(notice(), None)
    assert isinstance(outcome, TryLater)
    assert outcome.cause is FailureCause.UNREACHABLE
    assert "s3cret" not in repr(outcome) + repr(vars(provider))


async def test_a_rejected_form_is_sent_in_plain_words(case: Case) -> None:
    async with case.make() as vendor, channel(case, vendor) as provider:
        vendor.plan(*case.not_so)
        assert isinstance(await provider.send(notice(), None), Sent)
        assert len(vendor.seen) == 2
        assert len(vendor.seen[1].body) < len(vendor.seen[0].body)


async def test_a_message_rejected_in_every_form_is_refused(case: Case) -> None:
    async with case.make() as vendor, channel(case, vendor) as provider:
        for _ in range(3):
            vendor.plan(*case.not_so)
        assert isinstance(await provider.send(notice(), None), Refused)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.title_alone])
async def test_a_message_rejected_for_strangers_text_is_its_title(name: str) -> None:
    case = CASES[name]
    async with case.make() as vendor, channel(case, vendor) as provider:
        vendor.plan(*case.not_so)
        vendor.plan(*case.not_so)
        poisoned = notice()
        assert isinstance(await provider.send(poisoned, None), Sent)
        last = vendor.seen[-1].body.decode()
        assert poisoned.alert.subject not in last
        assert "overdue" in last


async def test_a_deleted_channel_is_dead_and_is_not_quoted(case: Case) -> None:
    async with case.make() as vendor, channel(case, vendor) as provider:
        vendor.plan(*case.dead)
        outcome = await provider.send(notice(), None)
        assert isinstance(outcome, ChannelDead)
        assert "s3cret" not in outcome.reason


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(case: Case, status: int) -> None:
    async with case.make() as vendor, channel(case, vendor) as provider:
        vendor.plan(status, b"", {"Location": f"{vendor.base}/elsewhere"})
        outcome = await provider.send(notice(), None)
        assert isinstance(outcome, TryLater)
        assert outcome.reason.endswith("a redirect, which is not followed: configure the address it leads to")
        assert len(vendor.seen) == 1


PAGE = b"<!DOCTYPE html><title>Access denied</title><p>error code: 1010 s3cret"


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, b""), (403, PAGE), (404, b""), (404, PAGE), (451, b"")],
    ids=["401", "403 page", "404", "404 page", "451"],
)
async def test_answers_from_in_front_of_the_vendor_pass(case: Case, status: int, body: bytes) -> None:
    async with case.make() as vendor, channel(case, vendor) as provider:
        vendor.plan(status, body)
        outcome = await provider.send(notice(), None)
        assert isinstance(outcome, TryLater)
        assert "s3cret" not in outcome.reason
        assert isinstance(await provider.send(notice(), None), Sent)


async def test_a_success_with_a_large_head_is_taken_once(case: Case) -> None:
    async with case.make() as vendor, channel(case, vendor) as provider:
        vendor.more_headers = {"X-Policy": "x" * 60_000}
        opened = await provider.send(notice(), None)
        assert isinstance(opened, Sent)
        if not case.silent_on_huge_head:
            vendor.more_headers = {"X-Policy": "x" * 600_000}
        assert isinstance(await provider.send(notice(Change.RESOLVED), opened.reference), Sent)
        assert len(vendor.seen) == 2


async def test_a_success_whose_answer_breaks_off_is_taken(case: Case) -> None:
    async with case.make() as vendor, channel(case, vendor) as provider:
        vendor.breaks_off_after = 12
        opened = await provider.send(notice(), None)
        assert isinstance(opened, Sent)
        vendor.breaks_off_after = None
        assert isinstance(await provider.send(notice(Change.RESOLVED), opened.reference), Sent)
        assert len(vendor.seen) == 2


@pytest.mark.parametrize("name", EDITED)
async def test_an_end_that_cannot_be_edited_in_is_posted(name: str) -> None:
    case = CASES[name]
    async with case.make() as vendor, channel(case, vendor) as provider:
        opened = await provider.send(notice(), None)
        assert isinstance(opened, Sent)
        over = notice(Change.RESOLVED)
        for attempts in range(2):
            vendor.plan(500)
            assert isinstance(await provider.send(replace(over, attempts=attempts), opened.reference), TryLater)
        vendor.plan(500)
        assert isinstance(await provider.send(replace(over, attempts=2), opened.reference), Sent)
        assert len(vendor.messages) == 2


@pytest.mark.parametrize("name", EDITED)
async def test_an_end_rejected_as_an_edit_is_posted(name: str) -> None:
    case = CASES[name]
    async with case.make() as vendor, channel(case, vendor) as provider:
        opened = await provider.send(notice(), None)
        assert isinstance(opened, Sent)
        for _ in range(2):
            vendor.plan(*case.not_so)
        assert isinstance(await provider.send(notice(Change.RESOLVED), opened.reference), Sent)
        assert len(vendor.messages) == 2


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [(name, status, said) for name, case in CASES.items() for status, said in case.let_in_later],
)
async def test_a_bot_let_in_later_needs_no_restart(name: str, status: int, said: object) -> None:
    case = CASES[name]
    async with case.make() as vendor, channel(case, vendor) as provider:
        vendor.plan(status, said)
        assert isinstance(await provider.send(notice(), None), TryLater)
        assert isinstance(await provider.send(notice(), None), Sent)


async def test_cookies_are_not_kept(case: Case) -> None:
    async with case.make() as vendor, channel(case, vendor) as provider:
        vendor.more_headers = {"Set-Cookie": "a=b"}
        for _ in range(2):
            assert isinstance(await provider.send(notice(), None), Sent)
        assert not any("Cookie" in seen.headers for seen in vendor.seen)


async def test_every_severity_is_taken(case: Case) -> None:
    async with case.make() as vendor, channel(case, vendor) as provider:
        for severity in Severity:
            sent = notice()
            milder = replace(sent, message=replace(sent.message, severity=severity))
            assert isinstance(await provider.send(milder, None), Sent)
