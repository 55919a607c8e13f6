"""Discord played on loopback, after its public API documentation."""

import json
import time
from typing import Any

from aiohttp import web

from tests.alerting.markup import units
from tests.alerting.providers.vendor import Seen, Vendor


class Discord(Vendor):
    """One webhook of Discord: enforces the limits, keeps messages by thread and id, allows 5 requests in a window.

    Without a version in the path it answers as its deprecated default does: waits are in milliseconds. The threads in
    ``locked`` take nothing; while ``old`` is set, messages are too old to be changed more than they were.
    """

    WEBHOOK, TOKEN, OWN_THREAD = "1234567890", "s3cret-Token_1", "777"

    def __init__(self, window: float = 2.0, forum: bool = False) -> None:
        super().__init__()
        self.messages: dict[tuple[str | None, str], dict[str, Any]] = {}
        self.files: list[bytes] = []
        self.window = window
        self.forum = forum
        self.locked: set[str] = set()
        self.old = False
        self.limited = 0
        self._times: list[float] = []

    @property
    def url(self) -> str:
        return f"{self.base}/api/webhooks/{self.WEBHOOK}/{self.TOKEN}"

    def answer(self, seen: Seen) -> web.Response:
        limits, wait = self._limits()
        if wait is not None:
            self.limited += 1
            if not seen.path.startswith("/api/v10/"):
                wait *= 1000
            body = {"message": "You are being rate limited.", "retry_after": wait, "global": False}
            return web.json_response(body, status=429, headers={**limits, "Retry-After": str(int(wait) + 1)})
        status, body = self._reply(seen)
        if status == 204:
            return web.Response(status=204, headers=limits)
        return web.json_response(body, status=status, headers=limits)

    def _limits(self) -> tuple[dict[str, str], float | None]:
        now = time.monotonic()
        self._times = [at for at in self._times if now - at < self.window]
        reset = self.window - (now - self._times[0]) if self._times else self.window
        full = len(self._times) >= 5
        if not full:
            self._times.append(now)
        headers = {
            "X-RateLimit-Limit": "5",
            "X-RateLimit-Remaining": str(5 - len(self._times)),
            "X-RateLimit-Reset-After": f"{reset:.3f}",
        }
        return headers, reset if full else None

    def _reply(self, seen: Seen) -> tuple[int, dict[str, Any]]:
        parts = seen.path.partition("/webhooks/")[2].split("/")
        if parts[0] != self.WEBHOOK:
            return 404, {"message": "Unknown Webhook", "code": 10015}
        if parts[1] != self.TOKEN:
            return 401, {"message": "Invalid Webhook Token", "code": 50027}
        if seen.method == "GET":
            return 200, {"id": self.WEBHOOK, "type": 1, "name": "ops", "channel_id": "42", "token": self.TOKEN}
        return self._reply_to_message(seen, parts)

    def _reply_to_message(self, seen: Seen, parts: list[str]) -> tuple[int, dict[str, Any]]:
        thread = seen.query.get("thread_id")
        if thread in self.locked:
            return 400, {"message": "Thread is archived", "code": 50083}
        parts_of_form = seen.form
        payload = json.loads(parts_of_form["payload_json"]) if parts_of_form else seen.json
        if discord_problems(payload) or missing_files(payload, parts_of_form):
            return 400, {"message": "Invalid Form Body", "code": 50035, "errors": {}}
        if seen.method == "PATCH":
            return self._edit((thread, parts[3]), payload)
        if self.forum and thread is None:
            if "thread_name" not in payload:
                return 400, {"message": "Webhooks posted to forum channels must have a thread", "code": 220001}
            thread = self.OWN_THREAD
        self.files += [parts_of_form[name] for name in parts_of_form if name.startswith("files[")]
        return self._post(thread, seen, payload)

    def _edit(self, key: tuple[str | None, str], payload: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if key not in self.messages:
            return 404, {"message": "Unknown Message", "code": 10008}
        if self.old:
            return 429, {"message": "Maximum number of edits to messages older than 1 hour reached", "code": 30046}
        self.messages[key].update(payload)
        return 200, {"id": key[1], **self.messages[key]}

    def _post(self, thread: str | None, seen: Seen, payload: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        message_id = str(10**17 + len(self.messages))
        self.messages[thread, message_id] = payload
        if seen.query.get("wait") != "true":
            return 204, {}
        return 200, {"id": message_id, "type": 0, "channel_id": thread or "42", **payload}


def missing_files(payload: dict[str, Any], form: dict[str, bytes]) -> bool:
    """Whether an embed shows a picture that did not come along."""
    shown = [embed["image"]["url"] for embed in payload.get("embeds", []) if "image" in embed]
    return shown != ["attachment://report.png" for name in form if name == "files[0]"]


def discord_problems(payload: dict[str, Any]) -> list[str]:
    """What Discord would answer 400 to."""
    problems = []
    embeds = payload.get("embeds", [])
    total = 0
    if units(payload.get("content", "")) > 2000 or len(embeds) > 10:
        problems.append("content or embeds too long")
    if not payload.get("content", "").strip() and not embeds:
        problems.append("empty message")
    for embed in embeds:
        texts = [(embed["title"], 256), (embed["description"], 4096)]
        texts += [(field["name"], 256) for field in embed["fields"]] + [
            (field["value"], 1024) for field in embed["fields"]
        ]
        problems += [f"{limit}: {text!r}" for text, limit in texts if not text.strip() or units(text) > limit]
        problems += ["too many fields"] if len(embed["fields"]) > 25 else []
        total += sum(units(text) for text, _ in texts)
    return [*problems, "too long in all"] if total > 6000 else problems
