"""A vendor played on loopback: notes what it is asked, and answers as planned, else as the vendor would."""

import asyncio
import email
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import policy
from typing import Any, Self

from aiohttp import web
from multidict import CIMultiDictProxy

from tests.world.loopback import closed


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
            await closed(self._runner)

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
