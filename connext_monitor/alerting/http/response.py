"""The response to one request, and what it means whatever the vendor.

A channel's URL is its password: no error, reason or log line made here holds it. What a channel says is never quoted.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from connext_monitor.core.delivery import FailureCause, TryLater
from connext_monitor.core.formats import Json

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The status, the headers, the body as far as it was read, and whether that is the ``whole`` of it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    retry_after: float | None = None
    whole: bool = True

    @property
    def ok(self) -> bool:
        """Any 2xx."""
        return 200 <= self.status < 300

    @property
    def later(self) -> bool:
        """Whether the status alone says to try later: too many requests, or trouble on the other side."""
        return self.status == 429 or self.status >= 500

    @property
    def cause(self) -> FailureCause:
        """Why to try later, as attempts are counted."""
        if self.status == 429:
            return FailureCause.RATE_LIMITED
        return FailureCause.SERVER_ERROR if self.status >= 500 else FailureCause.NOT_TAKEN

    @property
    def words(self) -> str:
        """``answered 404 Not Found``; the phrase is the standard's, never the channel's own."""
        return f"answered {self.status} {_PHRASES.get(self.status, '')}".rstrip()

    @property
    def json(self) -> Json:
        """The object in the body; empty where there is none."""
        try:
            document = json.loads(self.body.decode(json.detect_encoding(self.body), "replace"))
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    @property
    def is_page(self) -> bool:
        """Whether the body is markup such as a page, which comes from something in front of a vendor's API."""
        return self.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")

    def try_later(self, after: float | None = None) -> TryLater:
        """To be tried later: in ``after`` seconds, or else as the ``Retry-After`` header says."""
        if 300 <= self.status < 400:
            return TryLater(f"{self.words}, a redirect, which is not followed: configure the address it leads to")
        words = f"{self.words} with a web page" if self.is_page else self.words
        return TryLater(words, self.retry_after if after is None else after, self.cause)
