"""The requests of Discord's, Slack's and a webhook's clients, as whoever is behind them reads them."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from yarl import URL

from tests.simulation.reading import Meaning, read
from tests.simulation.trace import State

_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a request says, the message that it ``edits`` if it does, and what else the channel is told of it."""

    meaning: Meaning
    edits: str | None = None
    key: str | None = None
    alert_id: str | None = None


def received(channel_type: str, method: str, url: URL, body: Mapping[str, Any], headers: Mapping[str, str]) -> Received:
    """What one request says. Raises NotUnderstood, KeyError or ValueError where nobody could tell."""
    return _READERS[channel_type](method, url, body, headers)


def _discord(method: str, url: URL, body: Mapping[str, Any], _: Mapping[str, str]) -> Received:
    (embed,) = body["embeds"]
    facts = [(_unescaped(field["name"]), _unescaped(field["value"])) for field in embed["fields"]]
    edits = url.parts[-1] if method == "PATCH" else None
    return Received(meaning=read(_unescaped(embed["title"]), facts), edits=edits)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _slack(_method: str, _url: URL, body: Mapping[str, Any], _: Mapping[str, str]) -> Received:
    header, *rest = body["blocks"]
    return Received(meaning=read(_plain(header["text"]), _facts(rest)))


def _facts(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for block in blocks:
        if block["type"] == "section" and "text" in block and block["text"]["type"] == "plain_text":
            for line in _plain(block["text"]).splitlines():
                name, separator, value = line.partition(": ")
                if separator:
                    yield name, value


def _plain(text: Mapping[str, Any]) -> str:
    plain = str(text["text"])
    for entity, sign in _ENTITIES:
        plain = plain.replace(entity, sign)
    return plain


def _webhook(_method: str, _url: URL, body: Mapping[str, Any], headers: Mapping[str, str]) -> Received:
    key = headers["webhook-id"]
    if body["type"] == "report.stats":
        return Received(meaning=Meaning(kind="report", state=State.OPEN), key=key)
    alert = body["data"]["alert"]
    state = State(body["type"].removeprefix("alert.").replace("opened", "open"))
    if state != alert["state"]:
        raise ValueError(f"{body['type']} of an alert that is {alert['state']}")
    meaning = Meaning(kind=alert["kind"], state=state, subject=alert["subject"])
    return Received(meaning=meaning, key=key, alert_id=alert["id"])


_READERS: Mapping[str, Callable[[str, URL, Mapping[str, Any], Mapping[str, str]], Received]] = {
    "discord": _discord,
    "slack": _slack,
    "webhook": _webhook,
}
