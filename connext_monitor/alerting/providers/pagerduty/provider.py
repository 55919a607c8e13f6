"""PagerDuty, Events API v2: an incident for each alert, or for each burst on one pathway, resolved with it.

Source of fields, limits and answers: PagerDuty's "Events API v2 Overview" and "Send an Alert Event".
"""

import hashlib
import json
import re
from collections.abc import Iterator

from yarl import URL

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.http.timing import RequestSpacing
from connext_monitor.alerting.notice import AlertNotice, Notice
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.pagerduty import PagerDutyConfig
from connext_monitor.alerting.providers.replies import Reply, Unacceptable, edit_or_post
from connext_monitor.alerting.providers.wording import fit, headline, one_line, utc_words, web_links
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.delivery import Change, ChannelDead, Outcome, Sent, TryLater
from connext_monitor.core.formats import Json, rfc3339

SUMMARY, DEDUP_KEY = 1024, 255
_TEXT, _NAME, _VALUE, _FACTS, _LINKS = 2000, 100, 500, 25, 10
_BETWEEN_EVENTS = 0.5  # about 120 a minute are taken
_ROUTING = re.compile(r"(routing|integration|service)[ _]?key|invalid key", re.IGNORECASE)


class PagerDutyProvider:
    """A service of PagerDuty's."""

    digest_mode = DigestMode.INCIDENTS

    def __init__(self, name: str, config: PagerDutyConfig, context: ProviderContext) -> None:
        self.name = name
        self._config = config
        self._sender = context.sender()
        self._spacing = RequestSpacing(context.clock, context.sleep)

    async def send(self, notice: Notice, reference: str | None) -> Outcome:
        """Trigger or resolve an incident; with the summary alone where the whole event is rejected.

        An alert that is sent anew has another key: PagerDuty pages nobody for an incident that is already open. The key
        is the reference by which each is resolved.
        """
        key = dedup_key(notice.thread) if notice.change is Change.OPENED or reference is None else reference

        def forms() -> Iterator[Json]:
            return ({**event(notice, self._config.source), "dedup_key": key} for event in (whole_event, short_event))

        reply = await edit_or_post(notice, forms, self._post)
        return Sent(key) if isinstance(reply, Sent) and isinstance(notice, AlertNotice) else reply

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sender.aclose()

    async def _post(self, event: Json) -> Reply:
        await self._spacing.turn()
        body = json.dumps({"routing_key": self._config.routing_key.get_secret_value(), **event}).encode()
        url = URL(self._config.url.get_secret_value())
        response = await self._sender.request("POST", url, body, {"Content-Type": "application/json"})
        self._spacing.hold(_BETWEEN_EVENTS)
        return response if isinstance(response, TryLater) else classify(response)


def whole_event(notice: Notice, source: str) -> Json:
    """The event with everything that is known, within PagerDuty's limits whatever the notice holds."""
    message = notice.message
    details = {"text": fit(one_line(message.text), _TEXT)}
    for field in message.fields[:_FACTS]:
        value = field.value if isinstance(field.value, str) else utc_words(field.value.timestamp)
        details[fit(one_line(field.name), _NAME)] = fit(one_line(value), _VALUE)
    if isinstance(notice, AlertNotice) and notice.alert.inhibited_by is not None:
        details["inhibited_by"] = fit(one_line(notice.alert.inhibited_by), _VALUE)
    links = [{"href": link.url, "text": fit(link.name, _NAME)} for link in web_links(message.links)[:_LINKS]]
    more: Json = {"timestamp": rfc3339(notice.created_at), "custom_details": details}
    return {**_event(notice, source, more), "links": links}


def short_event(notice: Notice, source: str) -> Json:
    """The event with its summary alone."""
    return _event(notice, source, {})


def _event(notice: Notice, source: str, more: Json) -> Json:
    message = notice.message
    return {
        "event_action": "resolve" if message.resolved else "trigger",
        "dedup_key": dedup_key(notice.thread),
        "client": "connext-monitor",
        "payload": {
            "summary": fit(headline(message), SUMMARY),
            "source": source,
            "severity": message.severity.value,
            **more,
        },
    }


def dedup_key(thread: str) -> str:
    """What ties an incident's resolve to its trigger: printable, and never longer than PagerDuty accepts."""
    if len(thread) <= DEDUP_KEY and thread.isascii() and thread.isprintable():
        return thread
    printable = "".join(char if char.isascii() and char.isprintable() else "?" for char in thread[:100])
    return f"{printable}:{hashlib.sha256(thread.encode(errors='backslashreplace')).hexdigest()}"


def classify(response: HttpResponse) -> Outcome | Unacceptable:
    """What PagerDuty's response means.

    1. 202, or any 2xx: taken. A page is not PagerDuty's.
    2. 429 and 5xx: try later.
    3. 4xx whose text is about the routing key: the service no longer exists. Nothing else says so.
    4. 400 and 413: rejected in this form.
    5. Anything else: try later.
    """
    if response.ok and not response.is_page:
        return Sent()
    if response.later:
        return response.try_later()
    if _ROUTING.search(_errors(response.json)):
        return ChannelDead(f"{response.words}, unknown routing key")
    if response.status in {400, 413} and not response.is_page:
        return Unacceptable(response.words)
    return response.try_later()


def _errors(document: Json) -> str:
    """What PagerDuty says is wrong, without what it may echo of the event, which holds the routing key."""
    errors = document.get("errors")
    words = [document.get("status"), document.get("message"), *(errors if isinstance(errors, list) else [errors])]
    return " ".join(word for word in words if isinstance(word, str))
