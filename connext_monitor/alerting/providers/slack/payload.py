"""What is written to Slack, within its limits whatever a notice holds.

Source of limits and escapes: Slack's documentation, "Block Kit" and "Formatting text". What strangers may have written
stands in ``plain_text`` objects, where Slack reads no formatting; only our own names, dates and links stand in
``mrkdwn``.
"""

import re
from collections.abc import Iterator

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.wording import (
    fact_line,
    fit,
    has_date,
    headline,
    joined_within,
    one_line,
    pages_someone,
    utc_words,
    web_links,
)
from connext_monitor.core.alerts.message import Instant, Message
from connext_monitor.core.formats import Json

HEADER, SECTION, FIELD, SECTION_FIELDS = 150, 3000, 2000, 10
_TEXT, _FACT, _FACTS, _INSTANTS, _LINKS = 1500, 180, 15, 10, 2000
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
"""What makes a text literal for Slack; by its documentation these three, and no others."""
_FORMATTING = str.maketrans(dict.fromkeys("*_~`:|", " "))


def blocks_payload(notice: Notice, mention: str | None) -> Json:
    """The message as blocks, within Slack's limits whatever the notice holds; ``text`` is what a phone shows."""
    message = notice.message
    blocks: list[Json] = [{"type": "header", "text": _plain(headline(message), HEADER)}]
    if mention is not None and pages_someone(notice):
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": mention}})
    blocks.append({"type": "section", "text": _plain(one_line(message.text), _TEXT)})
    blocks.extend(_facts(message))
    links = _links(message)
    if links:
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": links, "verbatim": True}]})
    return {**_envelope(), "text": fit(headline(message), HEADER, ESCAPES), "blocks": blocks}


def plain_payload(notice: Notice, mention: str | None) -> Json:
    """The message as short plain text, for when Slack rejects the blocks."""
    message = notice.message
    facts = map(fact_line, message.fields[:3])
    lines = [_disarm(fit(line, 200, ESCAPES)) for line in (headline(message), one_line(message.text), *facts)]
    if mention is not None and pages_someone(notice):
        lines.insert(0, mention)
    return {**_envelope(), "text": "\n".join(lines)}


def _envelope() -> Json:
    return {"mrkdwn": False, "parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}


def _plain(text: str, limit: int) -> Json:
    return {"type": "plain_text", "text": fit(text, limit, ESCAPES), "emoji": False}


def _facts(message: Message) -> Iterator[Json]:
    """The facts in full width, a line each; then the instants, name and time side by side."""
    facts = [field for field in message.fields if isinstance(field.value, str) or not has_date(field.value.timestamp)]
    lines = [fit(fact_line(field), _FACT, ESCAPES) for field in facts[:_FACTS]]
    if lines:
        text = "\n".join(lines)
        yield {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}
    cells: list[Json] = []
    for field in message.fields:
        if isinstance(field.value, Instant) and has_date(field.value.timestamp):
            cells += [_plain(one_line(field.name), _FACT), {"type": "mrkdwn", "text": _date(field.value.timestamp)}]
    for start in range(0, min(len(cells), 2 * _INSTANTS), SECTION_FIELDS):
        yield {"type": "section", "fields": cells[start : start + SECTION_FIELDS]}


def _date(timestamp: int) -> str:
    return f"<!date^{timestamp}^{{date_num}} {{time_secs}}|{utc_words(timestamp)}>"


def _links(message: Message) -> str:
    named = (
        f"<{fit(link.url, 3000, ESCAPES)}|{fit(one_line(link.name.translate(_FORMATTING)), 50, ESCAPES)}>"
        for link in web_links(message.links)
    )
    return joined_within(named, " · ", _LINKS)


def _disarm(text: str) -> str:
    # Top-level text is read for emoji and links even with mrkdwn off; both need their colon.
    return re.sub(r":(?=\S)", ":\u200b", text)
