"""PagerDuty's contract."""

from typing import cast

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.pagerduty.provider import short_event, whole_event
from tests.alerting.providers.contract import BASE, RATE_LIMITED, Case, Contract, SecretKey, at_once, strings_in
from tests.alerting.providers.pagerduty.vendor import PagerDuty


def assert_literal(notice: Notice) -> None:
    for event in (whole_event(notice, "bridge"), short_event(notice, "bridge")):
        assert all(text.isprintable() for text in strings_in(event))
        for link in cast("list[dict[str, str]]", event.get("links", [])):
            assert link["href"].startswith(("http://", "https://"))


CONTRACT = Contract(
    assert_literal,
    (
        SecretKey("routing_key", "a" * 32, f'url = "http://{BASE}/v2"'),
        SecretKey("url", f"http://{BASE}/v2", f'routing_key = "{"a" * 32}"'),
    ),
    {
        "pagerduty": Case(
            PagerDuty,
            lambda vendor: {"type": "pagerduty", "routing_key": PagerDuty.KEY, "url": vendor.url},
            (429, {"status": "throttle exceeded"}, RATE_LIMITED),
            (400, {"status": "invalid event", "errors": ["'payload.summary' is too long"]}),
            (400, {"status": "invalid event", "errors": ["'routing_key' is invalid"]}),
            title_alone=False,
            sleep=at_once,
        ),
    },
)
