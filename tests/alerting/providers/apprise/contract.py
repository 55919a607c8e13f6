"""Apprise's contract; it tells success from failure, and no more."""

import re

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.apprise.provider import plain
from tests.alerting.providers.contract import BASE, Contract, SecretKey


def assert_literal(notice: Notice) -> None:
    title, body = plain(notice)
    for line in (title, *body.split("\n")):
        # Our own links are a line's only address.
        text = re.sub(r": https?://[^\s@<>()]+$", "", line)
        assert not re.search(r"[@<#\]`][^\u200b]|[.:](/|[^\W\d_])|([*_~|])\2", text + " "), line
        assert not re.match(r"[#>*+=-]", text), line
        assert text.replace("\u200b", "").isprintable()


CONTRACT = Contract(assert_literal, (SecretKey("url", f"json://{BASE}/t0ken", ascii_only=False),))
