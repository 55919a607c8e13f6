"""Telegram played on loopback, after its Bot API."""

import html
import json
import re
from typing import Any

from aiohttp import web

from tests.alerting.markup import units
from tests.alerting.providers.vendor import Seen, Vendor


class Telegram(Vendor):
    """One chat of Telegram that a bot may write to: reads the HTML as strictly, and counts what is left of it.

    With ``moved_to`` it has become a supergroup; the topics in ``closed`` take nothing.
    """

    TOKEN, CHAT = "123456:s3cret-token_of-the-bot", "-1001234567890"

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[int, dict[str, Any]] = {}
        self.photos: list[tuple[int, bytes]] = []
        self.moved_to: int | None = None
        self.closed: set[int] = set()

    def answer(self, seen: Seen) -> web.Response:
        photo = seen.path == f"/bot{self.TOKEN}/sendPhoto"
        status, reply = self._reply_to_photo(seen.form) if photo else self._reply(seen)
        return web.json_response(reply, status=status)

    def _reply(self, seen: Seen) -> tuple[int, dict[str, Any]]:
        bot, method = seen.path.strip("/").split("/")
        if bot != f"bot{self.TOKEN}":
            return 401, {"ok": False, "error_code": 401, "description": "Unauthorized"}
        payload = seen.json
        if self.moved_to is not None and payload["chat_id"] == self.CHAT:
            status, reply = _bad("group chat was upgraded to a supergroup chat")
            return status, {**reply, "parameters": {"migrate_to_chat_id": self.moved_to}}
        if (problem := self._place_problem(payload) or telegram_problem(payload)) is not None:
            return _bad(problem)
        return self._put(method, payload)

    def _place_problem(self, payload: dict[str, Any]) -> str | None:
        if payload["chat_id"] not in {self.CHAT, str(self.moved_to)}:
            return "chat not found"
        return "TOPIC_CLOSED" if payload.get("message_thread_id") in self.closed else None

    def _put(self, method: str, payload: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if method == "editMessageText":
            message_id = payload["message_id"]
            if message_id not in self.messages:
                return _bad("message to edit not found")
            if self.messages[message_id]["text"] == payload["text"]:
                return _bad("message is not modified: specified new message content is exactly the same")
        else:
            assert method == "sendMessage"
            message_id = len(self.messages) + 1
        self.messages[message_id] = payload
        return 200, {"ok": True, "result": {"message_id": message_id, "text": payload["text"]}}

    def _reply_to_photo(self, form: dict[str, bytes]) -> tuple[int, dict[str, Any]]:
        answered = json.loads(form["reply_parameters"])["message_id"]
        if form["chat_id"].decode() != self.CHAT or answered not in self.messages:
            return _bad("chat not found")
        self.photos.append((answered, form["photo"]))
        return 200, {"ok": True, "result": {"message_id": 10_000 + len(self.photos)}}


def _bad(description: str) -> tuple[int, dict[str, Any]]:
    return 400, {"ok": False, "error_code": 400, "description": f"Bad Request: {description}"}


def telegram_problem(payload: dict[str, Any]) -> str | None:
    """What Telegram would answer 400 to."""
    text = payload["text"]
    if payload.get("parse_mode") == "HTML":
        try:
            text = "".join(shown for shown, _ in telegram_runs(text))
        except ValueError as error:
            return f"can't parse entities: {error}"
    if not text.strip():
        return "message text is empty"
    return "message is too long" if units(text) > 4096 else None


def telegram_runs(text: str) -> list[tuple[str, str | None]]:
    """What is shown, run by run, each with the tag that it stands in; raises ValueError for what is not understood."""
    runs: list[tuple[str, str | None]] = []
    inside: str | None = None
    for tag, shown in re.findall(r"(<[^<>]*>)|([^<>]+|[<>])", text):
        if shown:
            if shown in "<>" or re.search(r"&(?!(amp|lt|gt|quot);)", shown):
                raise ValueError("a bare sign")
            runs.append((html.unescape(shown), inside))
        elif inside is None:
            opened = re.fullmatch(r'<(b|code|a)(?: href="https?://[^"]+")?>', tag)
            if opened is None:
                raise ValueError("unsupported start tag")
            inside = opened[1]
        elif tag == f"</{inside}>":
            inside = None
        else:
            raise ValueError("unexpected end tag")
    if inside is not None:
        raise ValueError("a tag is not closed")
    return runs
