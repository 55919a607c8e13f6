"""PagerDuty played on loopback, after its Events API v2."""

import json
from typing import Any

from aiohttp import web

from tests.alerting.markup import units
from tests.alerting.providers.vendor import Seen, Vendor


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
