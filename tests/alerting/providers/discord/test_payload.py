"""What is written to Discord: within its limits, as literal text, and notifying only whom it may."""

from typing import Any, cast

import pytest
from hypothesis import given

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.discord.payload import embed_payload, plain_payload
from connext_monitor.core.alerts.message import Field, Instant, Message
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change
from tests.alerting.markup import discord_literal, is_start_of, printable_line
from tests.alerting.providers.discord.samples import PERSON, ROLE
from tests.alerting.providers.discord.vendor import discord_problems
from tests.world.alerts import DUE_AT, ENDS_OF_LIFE, notice
from tests.world.hostile import NASTY, SWELLING, digest_notices, notices, swollen


def embed_of(sent: Notice) -> Any:
    (embed,) = cast("list[Any]", embed_payload(sent, None)["embeds"])
    return embed


@given(notices | digest_notices())
def test_every_embed_is_within_discords_limits(sent: Notice) -> None:
    assert discord_problems(embed_payload(sent, ROLE)) == []


@pytest.mark.parametrize("char", SWELLING)
def test_even_a_swollen_message_is_within_discords_limits(char: str) -> None:
    sent = notice(message=swollen(char))
    assert discord_problems(embed_payload(sent, ROLE)) == []
    assert discord_problems(plain_payload(sent, ROLE)) == []


@given(notices | digest_notices())
def test_every_plain_form_is_within_discords_limits(sent: Notice) -> None:
    assert discord_problems(plain_payload(sent, ROLE)) == []


@given(notices | digest_notices())
def test_only_a_critical_opening_notifies_and_only_the_role(sent: Notice) -> None:
    pages_someone = (
        sent.change is Change.OPENED and sent.message.severity is Severity.CRITICAL and not sent.message.resolved
    )
    for form in (embed_payload, plain_payload):
        allowed = form(sent, ROLE)["allowed_mentions"]
        assert allowed == ({"parse": [], "roles": ["77"]} if pages_someone else {"parse": []})


@given(notices | digest_notices())
def test_a_strangers_text_is_literal_in_the_embed(sent: Notice) -> None:
    embed = embed_of(sent)
    badge, title = discord_literal(embed["title"]).removeprefix("DRILL · ").split(" · ", 1)
    assert badge == ("RESOLVED" if sent.message.resolved else sent.message.severity.name)
    assert is_start_of(title, printable_line(sent.message.title))
    assert is_start_of(discord_literal(embed["description"]), printable_line(sent.message.text))
    facts = [field for field in embed["fields"] if field["name"] != "Links"]
    for shown, field in zip(facts, sent.message.fields, strict=False):
        assert is_start_of(discord_literal(shown["name"]), printable_line(field.name))
        if isinstance(field.value, str):
            assert is_start_of(discord_literal(shown["value"]), printable_line(field.value))


@given(notices | digest_notices())
def test_a_strangers_text_is_literal_in_the_plain_form(sent: Notice) -> None:
    content = plain_payload(sent, None)["content"]
    assert isinstance(content, str)
    for line in content.split("\n"):
        discord_literal(line)


@pytest.mark.parametrize("nasty", NASTY)
def test_a_nasty_title_is_shown_as_it_is(nasty: str) -> None:
    sent = notice(message=Message(nasty, "text", Severity.INFO, resolved=False))
    embed = embed_of(sent)
    assert discord_literal(embed["title"]) == f"INFO · {printable_line(nasty)}"


def test_instants_are_shown_in_the_readers_own_time() -> None:
    embed = embed_of(notice())
    due = next(field for field in embed["fields"] if field["name"] == "Due")
    assert due["value"] == f"<t:{DUE_AT}:F> (<t:{DUE_AT}:R>)"


def test_an_instant_beyond_all_dates_is_a_number() -> None:
    message = Message("t", "t", Severity.INFO, resolved=False, fields=(Field("Due", Instant(2**63)),))
    embed = embed_of(notice(message=message))
    assert embed["fields"][0]["value"] == f"Unix time {2**63}"


def test_links_lead_to_the_explorers() -> None:
    embed = embed_of(notice(Change.RESOLVED))
    tx = "0x" + "cd" * 32
    assert embed["fields"][-1]["value"] == (
        f"[XCalled](<https://origin.example/tx/{tx}>) · [Executed](<https://destination.example/tx/{tx}>)"
    )


def test_the_colour_tells_open_from_resolved() -> None:
    opened, resolved = (embed_of(notice(change)) for change in ENDS_OF_LIFE)
    assert opened["color"] != resolved["color"]


def test_a_person_can_be_notified() -> None:
    payload = embed_payload(notice(), PERSON)
    assert payload["allowed_mentions"] == {"parse": [], "users": ["88"]}
    assert str(payload["content"]).startswith(f"{PERSON} CRITICAL")


def test_a_drill_says_so_before_anything_else() -> None:
    embed = embed_of(notice(drill=True))
    assert embed["title"].startswith("DRILL · CRITICAL · ")
