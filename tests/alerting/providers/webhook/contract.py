"""The contract of webhooks."""

import json

from connext_monitor.alerting.notice import AlertNotice, Notice
from connext_monitor.alerting.providers.webhook.provider import short_body, whole_body
from connext_monitor.core.labels import ChainLabel, ChainLabels
from tests.alerting.providers.contract import BASE, RATE_LIMITED, Case, Contract, SecretKey
from tests.alerting.providers.webhook.vendor import SECRET, Receiver
from tests.world.alerts import NOW, ORIGIN


def assert_literal(notice: Notice) -> None:
    if isinstance(notice, AlertNotice):
        labels = ChainLabels({ORIGIN: ChainLabel(notice.message.title)})
        for body in (whole_body(notice, labels, NOW.timestamp()), short_body(notice)):
            assert body.decode().isprintable()
            for link in json.loads(body)["data"]["alert"]["links"]:
                assert link["url"].startswith(("http://", "https://"))


CONTRACT = Contract(
    assert_literal,
    (
        SecretKey("url", f"http://{BASE}/hook"),
        SecretKey("secret", "whsec_" + "A" * 40, f'url = "http://{BASE}/hook"'),
    ),
    {
        "webhook": Case(
            lambda: Receiver(SECRET),
            lambda vendor: {"type": "webhook", "url": vendor.url, "secret": SECRET},
            (429, b"", RATE_LIMITED),
            (400, b""),
            (410, b""),
            title_alone=False,
        ),
    },
)
