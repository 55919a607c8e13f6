"""Telegram's contract."""

import re

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.telegram.payload import html_payload, plain_payload
from tests.alerting.providers.contract import BASE, Case, Contract, SecretKey, at_once
from tests.alerting.providers.telegram.vendor import Telegram, telegram_runs

LIVE = re.compile(r"(@|#|/|\$|\.|:|\+)[0-9A-Za-z_]")


def assert_literal(notice: Notice) -> None:
    html = str(html_payload(notice, None)["text"])
    assert all(url.startswith(("http://", "https://")) for url in re.findall(r'<a href="([^"]*)"', html))
    for text, tag in telegram_runs(html):
        assert tag in {"code", "a"} or not LIVE.search(text), text
    plain = plain_payload(notice, None)
    assert "parse_mode" not in plain
    assert not LIVE.search(str(plain["text"]))


CONTRACT = Contract(
    assert_literal,
    (
        SecretKey("token", f"1:{'x' * 35}", f'chat_id = 1\napi_url = "http://{BASE}"'),
        SecretKey("api_url", f"http://{BASE}/bots", f'chat_id = 1\ntoken = "1:{"x" * 35}"'),
    ),
    {
        "telegram": Case(
            Telegram,
            lambda vendor: {
                "type": "telegram",
                "token": Telegram.TOKEN,
                "chat_id": Telegram.CHAT,
                "api_url": vendor.base,
            },
            (429, {"ok": False, "parameters": {"retry_after": 30}}, {}),
            (400, {"ok": False, "description": "Bad Request: can't parse entities"}),
            (400, {"ok": False, "description": "Bad Request: chat not found"}),
            lambda vendor: [message["text"].partition("<b>")[2] for message in vendor.messages.values()],
            let_in_later=(
                (403, {"ok": False, "description": "Forbidden: bot was kicked from the supergroup chat"}),
                (400, {"ok": False, "description": "Bad Request: not enough rights to send text messages"}),
            ),
            sleep=at_once,
        ),
    },
)
