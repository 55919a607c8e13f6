"""Slack played on loopback, after its public API documentation: incoming webhooks, and the Web API for bots."""

import time
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.alerting.markup import units
from tests.alerting.providers.vendor import Seen, Vendor


class Slack(Vendor):
    """One incoming webhook of Slack: plain-text answers, no ids, one message a second, or as often as it is told."""

    PATH = "/services/T0000/B0000/s3cretToken"

    def __init__(self, between: float = 0.9) -> None:
        super().__init__()
        self._between = between
        self.messages: list[dict[str, Any]] = []
        self.limited = 0
        self._last = -1.0

    @property
    def url(self) -> str:
        return self.base + self.PATH

    def answer(self, seen: Seen) -> web.Response:
        if seen.path != self.PATH:
            return web.Response(status=404, text="no_service")
        problem = slack_problem(seen.json)
        if problem is not None:
            return web.Response(status=400, text=problem)
        last, self._last = self._last, time.monotonic()
        if self._last - last < self._between:
            self.limited += 1
            return web.Response(status=429, headers={"Retry-After": "1"})
        self.messages.append(seen.json)
        return web.Response(text="ok")


def slack_problem(payload: dict[str, Any]) -> str | None:
    """The word that Slack would answer 400 with."""
    blocks = payload.get("blocks", [])
    if not payload.get("text", "").strip() and not blocks:
        return "no_text"
    if len(blocks) > 50 or not all(map(_good_block, blocks)):
        return "invalid_blocks"
    size = sum(units(text["text"]) for block in blocks for text in slack_texts(block))
    return "msg_blocks_too_long" if size > 13_000 else None


def slack_texts(block: dict[str, Any]) -> list[dict[str, Any]]:
    """All text objects of a block."""
    own = [block["text"]] if "text" in block else []
    return [*own, *block.get("fields", []), *block.get("elements", [])]


def _good_block(block: dict[str, Any]) -> bool:
    texts = slack_texts(block)
    if not texts or not all(text["type"] in {"plain_text", "mrkdwn"} and text["text"].strip() for text in texts):
        return False
    match block["type"]:
        case "header":
            return texts[0]["type"] == "plain_text" and units(texts[0]["text"]) <= 150
        case "section":
            fields = block.get("fields", [])
            return len(fields) <= 10 and all(units(text["text"]) <= (2000 if fields else 3000) for text in texts)
        case "context":
            return len(texts) <= 10 and all(units(text["text"]) <= 2000 for text in texts)
    return False


class SlackApi(Vendor):
    """One channel of Slack that a bot may write to: 200 to nearly everything, and ``ok`` or an error's word."""

    TOKEN, CHANNEL = "xoxb-s3cret-token", "C0123456789"

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, dict[str, Any]] = {}
        self.files: list[tuple[str, bytes]] = []
        self.uploaded: list[bytes] = []
        self.announced = 0
        self.files_forbidden = False

    def answer(self, seen: Seen) -> web.Response:
        if seen.path == "/upload/here":
            self.uploaded.append(seen.body)
            return web.Response(text=f"OK - {len(seen.body)}")
        about_files = seen.path.startswith("/api/files.")
        return web.json_response(self._reply_about_files(seen) if about_files else self._reply(seen))

    def _reply(self, seen: Seen) -> dict[str, Any]:
        if seen.headers.get("Authorization") != f"Bearer {self.TOKEN}":
            return {"ok": False, "error": "invalid_auth"}
        payload = seen.json
        if payload["channel"] not in {self.CHANNEL, "#alerts"}:
            return {"ok": False, "error": "channel_not_found"}
        if (problem := slack_problem(payload)) is not None:
            return {"ok": False, "error": problem}
        if seen.path == "/api/chat.update":
            # Unlike a new message, a changed one is found by the channel's id only.
            if payload["ts"] not in self.messages or payload["channel"] != self.CHANNEL:
                return {"ok": False, "error": "message_not_found"}
            ts = payload["ts"]
        else:
            assert seen.path == "/api/chat.postMessage"
            ts = f"1700000000.{len(self.messages):06}"
        self.messages[ts] = payload
        return {"ok": True, "channel": self.CHANNEL, "ts": ts, "message": {}}

    def _reply_about_files(self, seen: Seen) -> dict[str, Any]:
        if seen.path == "/api/files.getUploadURLExternal":
            self.announced = int(dict(parse_qsl(seen.body.decode()))["length"])
            return {"ok": True, "upload_url": f"{self.base}/upload/here", "file_id": "F1"}
        assert seen.path == "/api/files.completeUploadExternal"
        said = seen.json
        if said["channel_id"] != self.CHANNEL or said["thread_ts"] not in self.messages or self.files_forbidden:
            return {"ok": False, "error": "missing_scope"}
        assert [file["id"] for file in said["files"]] == ["F1"]
        assert len(self.uploaded[-1]) == self.announced
        self.files.append((said["thread_ts"], self.uploaded[-1]))
        return {"ok": True, "files": said["files"]}
