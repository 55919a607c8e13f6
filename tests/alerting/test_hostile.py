"""Promise 9 in every channel: what strangers and endpoints wrote is shown as text, whatever is told with it.

Each string of the corpus stands wherever one of theirs can: as a token's name, a chain's, an explorer, an endpoint's or
a vendor's words, in alerts of every kind, as they open, end and are told as a group. What each channel would put on the
wire, in all its forms, is read as its clients would.
"""

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, cast

import pytest
from hypothesis import given
from rich.console import Console

from connext_monitor.alerting.notice import AlertNotice, Notice
from connext_monitor.alerting.providers import PROVIDER_TYPES, apprise, pagerduty, webhook
from connext_monitor.alerting.providers.console.text import alert_text
from connext_monitor.alerting.providers.discord import payload as discord_payload
from connext_monitor.alerting.providers.slack.payload import blocks_payload, plain_payload
from connext_monitor.alerting.providers.telegram import payload as telegram_payload
from connext_monitor.core.alerts.alert import Alert, compose
from connext_monitor.core.alerts.cause import Cause, CauseKind
from connext_monitor.core.alerts.digest import Digest, Named, compose_digest
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.database_trouble import DatabaseTrouble, TroubleKind
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import Executed
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.mismatch import Mismatch
from connext_monitor.core.queue import Topic
from connext_monitor.core.token import Token
from connext_monitor.core.transfer_view import TransferView
from tests.alerting.markup import discord_literal, slack_literal
from tests.alerting.providers.slack.vendor import slack_texts
from tests.alerting.providers.telegram.vendor import telegram_runs
from tests.alerting.providers.test_slack import OURS
from tests.alerting.providers.test_telegram import LIVE
from tests.world.alerts import (
    ARRIVED,
    DESTINATION,
    DUE,
    DUE_AT,
    INFO,
    LATE,
    NOW,
    ORIGIN,
    SENDER,
    TOKEN,
    TRANSFER_ID,
    digest_notice,
    sighting,
)
from tests.world.examples import examples
from tests.world.hostile import NASTY, hostile
from tests.world.kinds import (
    backup_failed,
    chain_unobserved,
    database_failing,
    deep_reorg,
    delivery_mismatch,
    monitor_started_blind,
    overdue,
    phantom_delivery,
    provider_failing,
)

PATHWAY = (ORIGIN, DESTINATION)
FACTS: Mapping[str, str | int] = {
    "domain": DESTINATION, "transfers": 2, "lately": 21600, "times": 1, "wei": "7", "slippage": "500", "before": "3",
}  # fmt: skip
GROUPED = {EXECUTE_OVERDUE, CHAIN_UNOBSERVED}
"""A group's message differs by this alone: whether its alerts are about transfers."""
CAUSES = tuple(Cause(kind, FACTS) for kind in CauseKind)


def alerts(nasty: str) -> Iterator[Alert]:
    """An open alert of every kind, with this wherever it can be somebody else's words."""
    yield overdue(TRANSFER_ID, Leg.EXECUTE, DUE_AT, NOW, PATHWAY, CAUSES)
    yield overdue(TRANSFER_ID, Leg.RECONCILE, DUE_AT, NOW, PATHWAY, CAUSES).escalated(NOW)
    yield chain_unobserved(nasty, NOW, silent_for=9, waiting=2, why=nasty)
    yield deep_reorg(nasty, NOW, block=1, checkpoint=2)
    yield monitor_started_blind(nasty, NOW, first=1, last=2)
    yield provider_failing(nasty, NOW, reason=nasty, dead=True)
    yield backup_failed("upload", NOW, reason=nasty)
    yield database_failing(NOW, DatabaseTrouble(TroubleKind.DISK, nasty), since=DUE_AT)
    yield phantom_delivery(TRANSFER_ID, NOW, PATHWAY, nonce=1, holder=TRANSFER_ID)
    executed = Executed(TRANSFER_ID, SENDER, TOKEN, replace(INFO, nonce=2), (), TOKEN, 9, SENDER)
    yield delivery_mismatch(DESTINATION, executed, sighting(DUE_AT), Mismatch.PARAMS, NOW)


@cache
def told(nasty: str) -> Sequence[Notice]:
    """All that is told of them."""
    return list(_told(nasty))


def _told(nasty: str) -> Iterator[Notice]:
    labels = ChainLabels(
        {ORIGIN: ChainLabel(nasty, f"https://x.example/{nasty}"), DESTINATION: ChainLabel(nasty, nasty)},
        {(ORIGIN, TOKEN): Token(nasty, 6)},
    )
    for alert in alerts(nasty):
        endings = [(Change.RESOLVED, alert.resolved(ending, NOW)) for ending in alert.kind.resolutions]
        for change, now in ((Change.OPENED, alert), *endings):
            about = (LATE if change is Change.OPENED else ARRIVED) if alert.transfer_id else None
            view = TransferView(about, DUE) if about else None
            message = compose(now, about, labels)
            yield AlertNotice(
                key=f"{now.id}:{change}:{now.resolution}",
                thread=now.id,
                change=change,
                alert=now,
                message=message,
                transfer=view,
                created_at=NOW,
            )
        if alert.kind not in GROUPED:
            continue
        for still in (2, 1, 0):
            named = Named(alert, TransferView(LATE, DUE) if alert.transfer_id else None)
            pathway = PATHWAY if alert.transfer_id else None
            group = Digest(
                1,
                Topic(alert.kind, pathway),
                alert.kind.severity,
                2,
                still,
                NOW,
                named,
                (named,),
                {Resolution.REMOVED: 1},
            )
            message = compose_digest(group, labels, NOW.timestamp())
            yield digest_notice((Change.RESOLVED, Change.CHANGED, Change.OPENED)[still], message)


# --- what each channel's clients make of what is sent ---

_DISCORD_LINK = r"\[(?P<name>[^\n]*?)\]\(<https?://[^\s<>()]+>\)"
_DISCORD_MOMENT = re.compile(r"<t:\d+:F> \(<t:\d+:R>\)")


def in_discord(notice: Notice) -> None:
    for form in (discord_payload.embed_payload, discord_payload.plain_payload):
        payload = cast("dict[str, Any]", form(notice, None))
        assert payload["allowed_mentions"] == {"parse": []}
        lines = payload["content"].split("\n")
        for embed in payload["embeds"]:
            lines += [embed["title"], embed["description"]]
            for field in embed["fields"]:
                if field["name"] == "Links":
                    for link in field["value"].split(" · "):
                        found = re.fullmatch(_DISCORD_LINK, link)
                        assert found, link
                        lines.append(found["name"])
                elif not _DISCORD_MOMENT.fullmatch(field["value"]):
                    lines += [field["name"], field["value"]]
        for line in lines:
            discord_literal(line)


def in_slack(notice: Notice) -> None:
    for form in (blocks_payload, plain_payload):
        payload = cast("dict[str, Any]", form(notice, None))
        assert (payload["mrkdwn"], payload["parse"], payload["link_names"]) == (False, "none", False)
        slack_literal(payload["text"])
        for block in payload.get("blocks", []):
            for text in slack_texts(block):
                if text["type"] == "plain_text":
                    slack_literal(text["text"])
                else:
                    assert re.fullmatch(rf"({OURS})( · ({OURS}))*", text["text"]), text


def in_telegram(notice: Notice) -> None:
    html = str(telegram_payload.html_payload(notice, None)["text"])
    assert all(url.startswith(("http://", "https://")) for url in re.findall(r'<a href="([^"]*)"', html))
    for text, tag in telegram_runs(html):
        assert tag in {"code", "a"} or not LIVE.search(text), text
    plain = telegram_payload.plain_payload(notice, None)
    assert "parse_mode" not in plain
    assert not LIVE.search(str(plain["text"]))


def in_pagerduty(notice: Notice) -> None:
    for event in (pagerduty.whole_event(notice, "bridge"), pagerduty.short_event(notice, "bridge")):
        for text in strings(event):
            assert text.isprintable()
        for link in cast("list[dict[str, str]]", event.get("links", [])):
            assert link["href"].startswith(("http://", "https://"))


def at_a_webhook(notice: Notice) -> None:
    if isinstance(notice, AlertNotice):
        labels = ChainLabels({ORIGIN: ChainLabel(notice.message.title)})
        for body in (webhook.whole_body(notice, labels, NOW.timestamp()), webhook.short_body(notice)):
            assert body.decode().isprintable()
            for link in json.loads(body)["data"]["alert"]["links"]:
                assert link["url"].startswith(("http://", "https://"))


def through_apprise(notice: Notice) -> None:
    title, body = apprise.plain(notice)
    for line in (title, *body.split("\n")):
        # Our own links are a line's only address.
        text = re.sub(r": https?://[^\s@<>()]+$", "", line)
        assert not re.search(r"[@<#\]`][^\u200b]|[.:](/|[^\W\d_])|([*_~|])\2", text + " "), line
        assert not re.match(r"[#>*+=-]", text), line
        assert text.replace("\u200b", "").isprintable()


def on_the_console(notice: Notice) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, highlight=False)
    console.print(alert_text(notice.message, NOW), soft_wrap=True, markup=False, highlight=False, emoji=False)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())
    assert all(line.startswith("▌ ") and line.isprintable() for line in shown.rstrip("\n").split("\n"))


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


CHANNELS: Mapping[str, Callable[[Notice], None]] = {
    "apprise": through_apprise,
    "console": on_the_console,
    "discord": in_discord,
    "pagerduty": in_pagerduty,
    "slack": in_slack,
    "telegram": in_telegram,
    "webhook": at_a_webhook,
}


def test_every_channel_and_every_kind_of_alert_is_held_to_it() -> None:
    assert CHANNELS.keys() == set(PROVIDER_TYPES)
    assert {alert.kind for alert in alerts("")} == set(KINDS.values())


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("nasty", NASTY)
def test_the_corpus_is_text_and_nothing_else(channel: str, nasty: str) -> None:
    for notice in told(nasty):
        CHANNELS[channel](notice)


@examples(8)
@given(hostile.map(lambda text: text[:1000]))
def test_so_is_whatever_else_they_write(nasty: str) -> None:
    for notice in _told(nasty):
        for read in CHANNELS.values():
            read(notice)
