"""What is written to Discord, within its limits whatever a notice holds.

Source of limits: Discord's API documentation, "Webhook" and "Message" (embed limits). Only ``content`` can notify
anybody, and only whom ``allowed_mentions`` names.
"""

import re

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.discord import MENTION
from connext_monitor.alerting.providers.wording import (
    fact_line,
    fit,
    has_date,
    headline,
    joined_within,
    one_line,
    pages_someone,
    units,
    utc_words,
    web_links,
)
from connext_monitor.core.alerts.message import Field, Instant, Message
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.formats import Json

# Discord allows 6000 in all embeds together; 4096 for a description, but nobody reads an alert that long.
EMBED_TOTAL, TITLE, DESCRIPTION, FIELDS, FIELD_NAME, FIELD_VALUE = 6000, 256, 1500, 25, 256, 1024
PLAIN = 1000
_LEAST_FIELD = 40
_GREEN = 0x2ECC71
_COLOURS = {Severity.INFO: 0x3498DB, Severity.WARNING: 0xF1C40F, Severity.CRITICAL: 0xE74C3C}
ESCAPES = str.maketrans({char: f"\\{char}" for char in "\\*_~`|<>@#:[]()-"})
"""What makes a text literal in Discord's markdown: no mention, link, emoji, time or formatting."""


def embed_payload(notice: Notice, mention: str | None) -> Json:
    """The message as an embed, within Discord's limits whatever the notice holds."""
    message = notice.message
    return {
        **_content(notice, mention, ""),
        "embeds": [
            {
                "title": fit(headline(message), TITLE, ESCAPES),
                "description": _line(message.text, DESCRIPTION),
                "color": _GREEN if message.resolved else _COLOURS[message.severity],
                "fields": _fields(message),
            }
        ],
    }


def plain_payload(notice: Notice, mention: str | None) -> Json:
    """The message as short plain text, for when Discord rejects the embed; an edit removes the embed."""
    message = notice.message
    facts = map(fact_line, message.fields)
    lines = [headline(message), one_line(message.text), *facts]
    text = "\n".join(_line(line, PLAIN // 5) for line in lines[:5])
    return {**_content(notice, mention, text), "embeds": []}


def _content(notice: Notice, mention: str | None, text: str) -> Json:
    if mention is None or not pages_someone(notice):
        return {"content": text, "allowed_mentions": {"parse": []}}
    match = MENTION.fullmatch(mention)
    allowed = {("roles" if match["role"] else "users"): [match["id"]]} if match else {}
    # A phone shows the content only, so the ping says what it is about.
    summary = text or fit(headline(notice.message), TITLE, ESCAPES)
    return {"content": f"{mention} {summary}", "allowed_mentions": {"parse": [], **allowed}}


def _fields(message: Message) -> list[Json]:
    """The facts that fit, then the links: they share what title and description leave of the total."""
    links = joined_within(
        (f"[{fit(link.name, 50, ESCAPES)}](<{link.url}>)" for link in web_links(message.links)), " · ", FIELD_VALUE
    )
    link_field: list[Json] = [{"name": "Links", "value": links, "inline": False}] if links else []
    room = EMBED_TOTAL - TITLE - DESCRIPTION - sum(units("Links" + links) for _ in link_field)
    fields: list[Json] = []
    for field in message.fields[: FIELDS - len(link_field)]:
        name = _line(field.name, min(FIELD_NAME, room // 2))
        value = _value(field, min(FIELD_VALUE, room - units(name)))
        room -= units(name) + units(value)
        fields.append({"name": name, "value": value, "inline": isinstance(field.value, Instant)})
        if room < _LEAST_FIELD * 2:
            break
    return fields + link_field


def _value(field: Field, limit: int) -> str:
    if isinstance(field.value, str):
        return _line(field.value, limit)
    at = field.value.timestamp
    return f"<t:{at}:F> (<t:{at}:R>)" if has_date(at) else _line(utc_words(at), limit)


def _line(text: str, limit: int) -> str:
    # At the start of a line "1. " would begin a list.
    return re.sub(r"^([0-9]+)\. ", r"\1\\. ", fit(one_line(text), limit - 1, ESCAPES))
