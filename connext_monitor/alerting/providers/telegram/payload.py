"""What is written to Telegram, within its limits whatever a notice holds.

Source of limits and formatting: Telegram's "Bot API". What strangers may have written stands in ``code``, where
Telegram looks for no mention, command, hashtag or link; elsewhere a zero-width space follows the characters that begin
one.
"""

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.wording import (
    fact_line,
    fit,
    headline,
    joined_within,
    one_line,
    pages_someone,
    utc_words,
    web_links,
)
from connext_monitor.core.alerts.message import Field, Message
from connext_monitor.core.formats import Json

# Telegram allows 4096 after it has read the entities; here the entities count as they are written.
_TITLE, _TEXT, _NAME, _VALUE, _FACTS = 256, 1200, 40, 200, 2000
_NO_WIDTH = "\u200b"
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_APART = str.maketrans({char: char + _NO_WIDTH for char in "@#/$.:+"})
ESCAPES = _ENTITIES | _APART
"""What makes a text literal for Telegram outside of ``code``."""


def html_payload(notice: Notice, mention: str | None) -> Json:
    """The message in Telegram's HTML, within its limits whatever the notice holds."""
    message = notice.message
    title = fit(headline(message), _TITLE, ESCAPES)
    parts = [f"<b>{title}</b>\n{fit(one_line(message.text), _TEXT, ESCAPES)}"]
    if mention is not None and pages_someone(notice):
        parts.insert(0, mention)
    parts += [part for part in (joined_within(map(_fact, message.fields), "\n", _FACTS), _links(message)) if part]
    return {**_envelope(), "text": "\n".join(parts), "parse_mode": "HTML"}


def plain_payload(notice: Notice, mention: str | None) -> Json:
    """The message as short plain text, for when Telegram rejects the HTML."""
    message = notice.message
    lines = [headline(message), one_line(message.text), *map(fact_line, message.fields[:3])]
    texts = [fit(line, 200, _APART) for line in lines]
    if mention is not None and pages_someone(notice):
        texts.insert(0, mention)
    return {**_envelope(), "text": "\n".join(texts)}


def _envelope() -> Json:
    return {"link_preview_options": {"is_disabled": True}}


def _fact(field: Field) -> str:
    name = fit(one_line(field.name), _NAME, ESCAPES)
    if isinstance(field.value, str):
        return f"{name}: <code>{fit(one_line(field.value), _VALUE, _ENTITIES)}</code>"
    return f"{name}: <code>{utc_words(field.value.timestamp)}</code>"


def _links(message: Message) -> str:
    named = (
        f'<a href="{link.url.replace("&", "&amp;")}">{fit(one_line(link.name), 50, ESCAPES)}</a>'
        for link in web_links(message.links)[:6]
    )
    return " · ".join(named)
