"""The vendors, played on loopback: what they check, what they keep, and what they answer.

Sources are those of the providers: Discord's and Slack's public API documentation, and Standard Webhooks 1.0.0.
"""

import asyncio
import email
import html
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import policy
from typing import Any, Self
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import CIMultiDictProxy
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.alerting.markup import units


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, bytes]:
        """The parts of a form by name, as Python's own parser of mail reads them; nothing where it is none."""
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/form-data"):
            return {}
        mail = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + self.body, policy=policy.HTTP)
        return {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)  # type: ignore[misc]
            for part in mail.iter_parts()
        }


@dataclass(slots=True)
class Planned:
    """An answer given out of turn; with ``until`` set, only after that event."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    until: asyncio.Event | None = None


class Vendor:
    """A server on 127.0.0.1 that notes what it is asked, and answers as planned, else as the vendor would.

    Its own answers carry ``more_headers``, and break off after so many bytes of their body.
    """

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.planned: list[Planned] = []
        self.asked = asyncio.Event()
        self.more_headers: dict[str, str] = {}
        self.breaks_off_after: int | None = None
        self._runner: web.AppRunner | None = None
        self.base = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.base = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def plan(self, status: int, body: object = b"", headers: Mapping[str, str] | None = None) -> Planned:
        """The next request that has no plan yet is answered so."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.planned.append(Planned(status, raw, headers or {}))
        return self.planned[-1]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        seen = Seen(request.method, request.path, dict(request.query), request.headers, await request.read())
        self.seen.append(seen)
        self.asked.set()
        if self.planned:
            planned = self.planned.pop(0)
            if planned.until is not None:
                await planned.until.wait()
            return web.Response(status=planned.status, body=planned.body, headers=planned.headers)
        response = self.answer(seen)
        response.headers.update(self.more_headers)
        if self.breaks_off_after is None or response.status == 204:
            return response
        return await self._broken_off(request, response, self.breaks_off_after)

    async def _broken_off(self, request: web.Request, response: web.Response, after: int) -> web.StreamResponse:
        broken = web.StreamResponse(status=response.status, headers=response.headers)
        body = response.body if isinstance(response.body, bytes) else b""
        broken.content_length = len(body) + 1
        await broken.prepare(request)
        await broken.write(body[:after])
        if request.transport is not None:
            request.transport.close()
        return broken

    def answer(self, seen: Seen) -> web.Response:
        raise NotImplementedError


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

    def _edit(self, place: tuple[str | None, str], payload: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if place not in self.messages:
            return 404, {"message": "Unknown Message", "code": 10008}
        if self.old:
            return 429, {"message": "Maximum number of edits to messages older than 1 hour reached", "code": 30046}
        self.messages[place].update(payload)
        return 200, {"id": place[1], **self.messages[place]}

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
        texts += [(one["name"], 256) for one in embed["fields"]] + [(one["value"], 1024) for one in embed["fields"]]
        problems += [f"{limit}: {text!r}" for text, limit in texts if not text.strip() or units(text) > limit]
        problems += ["too many fields"] if len(embed["fields"]) > 25 else []
        total += sum(units(text) for text, _ in texts)
    return [*problems, "too long in all"] if total > 6000 else problems


class Slack(Vendor):
    """One incoming webhook of Slack: plain-text answers, no ids, one message a second."""

    PATH = "/services/T0000/B0000/s3cretToken"

    def __init__(self) -> None:
        super().__init__()
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
        if self._last - last < 0.9:
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
    size = sum(units(one["text"]) for block in blocks for one in slack_texts(block))
    return "msg_blocks_too_long" if size > 13_000 else None


def slack_texts(block: dict[str, Any]) -> list[dict[str, Any]]:
    """All text objects of a block."""
    own = [block["text"]] if "text" in block else []
    return [*own, *block.get("fields", []), *block.get("elements", [])]


def _good_block(block: dict[str, Any]) -> bool:
    texts = slack_texts(block)
    if not texts or not all(one["type"] in {"plain_text", "mrkdwn"} and one["text"].strip() for one in texts):
        return False
    match block["type"]:
        case "header":
            return texts[0]["type"] == "plain_text" and units(texts[0]["text"]) <= 150
        case "section":
            fields = block.get("fields", [])
            return len(fields) <= 10 and all(units(one["text"]) <= (2000 if fields else 3000) for one in texts)
        case "context":
            return len(texts) <= 10 and all(units(one["text"]) <= 2000 for one in texts)
    return False


class Receiver(Vendor):
    """A webhook's receiver that verifies Standard Webhooks with the published package."""

    def __init__(self, secret: str | None = None) -> None:
        super().__init__()
        self.taken: list[Any] = []
        self._verifier = Webhook(secret) if secret else None

    @property
    def url(self) -> str:
        return f"{self.base}/hook/s3cret?key=s3cret"

    def answer(self, seen: Seen) -> web.Response:
        if len(seen.body) >= 20_000:
            return web.Response(status=413)
        if self._verifier is not None:
            try:
                self._verifier.verify(seen.body, dict(seen.headers))
            except WebhookVerificationError:
                return web.Response(status=401)
        self.taken.append(seen.json)
        return web.Response(status=204)


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


class PagerDuty(Vendor):
    """One service of PagerDuty: checks the event, and keeps incidents by their key."""

    KEY = "s3cret0123456789abcdef0123456789"

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []
        self.incidents: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"{self.base}/v2/enqueue"

    def answer(self, seen: Seen) -> web.Response:
        event = seen.json
        if event["routing_key"] != self.KEY:
            errors = ["Length of 'routing_key' is incorrect (should be 32 characters)"]
            return web.json_response({"status": "invalid event", "errors": errors}, status=400)
        if problems := pagerduty_problems(event):
            return web.json_response({"status": "invalid event", "errors": problems}, status=400)
        self.events.append(event)
        self.incidents[event["dedup_key"]] = event["event_action"]
        return web.json_response({"status": "success", "dedup_key": event["dedup_key"]}, status=202)


def pagerduty_problems(event: dict[str, Any]) -> list[str]:
    """What PagerDuty would answer 400 to."""
    payload = event["payload"]
    checks = {
        "event_action": event["event_action"] in {"trigger", "acknowledge", "resolve"},
        "dedup_key": 0 < len(event["dedup_key"]) <= 255,
        "summary": 0 < units(payload["summary"]) <= 1024,
        "severity": payload["severity"] in {"critical", "error", "warning", "info"},
        "source": bool(payload["source"].strip()),
        "size": len(json.dumps(event)) < 512 * 1024,
        "links": all(link["href"].startswith("http") for link in event.get("links", [])),
    }
    return [f"'{name}' is invalid" for name, well in checks.items() if not well]
