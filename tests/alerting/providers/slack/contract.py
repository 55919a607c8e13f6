"""Slack's contract, by an incoming webhook and by a bot."""

import re
from functools import partial
from typing import Any, cast

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.slack.payload import blocks_payload, plain_payload
from tests.alerting.markup import slack_literal
from tests.alerting.providers.contract import BASE, RATE_LIMITED, Case, Contract, SecretKey, at_once
from tests.alerting.providers.slack.vendor import Slack, SlackApi, slack_texts

OURS = r"<!date\^\d+\^\{date_num\} \{time_secs\}\|[\d :-]+ UTC>|<https?://[^|<>]+\|[^<>|]*>"
"""The only control sequences that we ourselves write."""


def assert_literal(notice: Notice) -> None:
    for form in (blocks_payload, plain_payload):
        payload = cast("dict[str, Any]", form(notice, None))
        assert (payload["mrkdwn"], payload["parse"], payload["link_names"]) == (False, "none", False)
        slack_literal(payload["text"])
        for block in payload.get("blocks", []):
            for text in slack_texts(block):
                if text["type"] == "plain_text":
                    slack_literal(text["text"])
                else:
                    assert re.fullmatch(rf"({OURS})( · ({OURS}))*", text["text"]), text


CONTRACT = Contract(
    assert_literal,
    (
        SecretKey("webhook_url", f"http://{BASE}/services/t0ken"),
        SecretKey("token", "xoxb-123-t0ken", f'channel = "#a"\napi_url = "http://{BASE}/api"'),
        SecretKey("api_url", f"http://{BASE}/api", 'channel = "#a"\ntoken = "xoxb-1"'),
    ),
    {
        "slack": Case(
            partial(Slack, between=0.0),
            lambda vendor: {"type": "slack", "webhook_url": vendor.url},
            (429, b"", RATE_LIMITED),
            (400, b"invalid_blocks"),
            (404, b"no_service"),
            sleep=at_once,
        ),
        "slack bot": Case(
            SlackApi,
            lambda vendor: {
                "type": "slack",
                "token": SlackApi.TOKEN,
                "channel": "#alerts",
                "api_url": f"{vendor.base}/api",
            },
            (429, {"ok": False, "error": "ratelimited"}, RATE_LIMITED),
            (200, {"ok": False, "error": "invalid_blocks"}),
            (200, {"ok": False, "error": "token_revoked"}),
            lambda vendor: [message["text"] for message in vendor.messages.values()],
            let_in_later=(
                (200, {"ok": False, "error": "not_in_channel"}),
                (200, {"ok": False, "error": "channel_not_found"}),
                (200, {"ok": False, "error": "missing_scope", "needed": "chat:write"}),
            ),
            silent_on_huge_head=True,
            sleep=at_once,
        ),
    },
)
