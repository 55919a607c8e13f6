"""Discord's contract."""

import re
from typing import Any, cast

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.discord.payload import embed_payload, plain_payload
from tests.alerting.markup import discord_literal
from tests.alerting.providers.contract import BASE, Case, Contract, SecretKey
from tests.alerting.providers.discord.vendor import Discord

_LINK = r"\[(?P<name>[^\n]*?)\]\(<https?://[^\s<>()]+>\)"
_INSTANT = re.compile(r"<t:\d+:F> \(<t:\d+:R>\)")


def assert_literal(notice: Notice) -> None:
    for form in (embed_payload, plain_payload):
        payload = cast("dict[str, Any]", form(notice, None))
        assert payload["allowed_mentions"] == {"parse": []}
        lines = payload["content"].split("\n")
        for embed in payload["embeds"]:
            lines += [embed["title"], embed["description"]]
            for field in embed["fields"]:
                if field["name"] == "Links":
                    for link in field["value"].split(" · "):
                        match = re.fullmatch(_LINK, link)
                        assert match, link
                        lines.append(match["name"])
                elif not _INSTANT.fullmatch(field["value"]):
                    lines += [field["name"], field["value"]]
        for line in lines:
            discord_literal(line)


CONTRACT = Contract(
    assert_literal,
    (SecretKey("webhook_url", f"http://{BASE}/api/webhooks/1/t0ken"),),
    {
        "discord": Case(
            Discord,
            lambda vendor: {"type": "discord", "webhook_url": vendor.url},
            (429, {"retry_after": 30.0, "global": False}, {}),
            (400, {"code": 50035}),
            (404, {"code": 10015}),
            lambda vendor: [message["embeds"][0]["title"] for message in vendor.messages.values()],
        ),
    },
)
