"""The API's description (OpenAPI 3.1), served at ``/api/v1/openapi.json``."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.bridge_events import BRIDGE_EVENTS
from connext_monitor.core.documents.alerts import AlertList
from connext_monitor.core.documents.answers import ErrorDocument, HealthDocument, ReadinessDocument
from connext_monitor.core.documents.bridge_events import BridgeEventList
from connext_monitor.core.documents.chains import ChainList, ClockDocument
from connext_monitor.core.documents.fields import Document
from connext_monitor.core.documents.instances import InstanceList
from connext_monitor.core.documents.router_books import RouterList
from connext_monitor.core.documents.stats import StatsDocument
from connext_monitor.core.documents.transfers import TransferDocument, TransferList
from connext_monitor.core.documents.webhook import AlertBody, ReportBody
from connext_monitor.core.formats import Json
from connext_monitor.core.transfer import Status
from connext_monitor.reporting.web.feed import EventName
from connext_monitor.reporting.web.parameters import DEFAULT_LIMIT, LARGEST_LIMIT
from connext_monitor.reporting.web.schema import ref, schemas

Described = type[Document]

_EVENTS = (
    f"Changes as server-sent events. `{EventName.TRANSFER}` and `{EventName.ALERT}` carry the transfer or alert as it "
    f"is now, in the same form as elsewhere here. `{EventName.READY}` comes first: read the lists after it and nothing "
    f"is missed. `{EventName.RESET}` says that changes are left out, because there were too many or they are too long "
    "ago: read the lists again. A reader that reconnects with `Last-Event-ID` gets what it missed, or a reset. A "
    "comment comes every 15 seconds. A reader that falls far behind is disconnected."
)


def description() -> Json:
    """The whole OpenAPI document."""
    refused = {400: ErrorDocument}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "connext-monitor",
            "version": version("connext-monitor"),
            "description": "What the monitor knows. Read-only. Instants are RFC 3339 in UTC; numbers that may exceed "
            "2^53 are decimal strings.",
        },
        "paths": {
            "/healthz": _get("Whether the process works", HealthDocument, {503: ErrorDocument}),
            "/readyz": _get("Whether the monitor can be relied on", ReadinessDocument, {503: ReadinessDocument}),
            "/api/v1/chains": _get("All configured chains", ChainList, refused),
            "/api/v1/transfers": _get("Transfers, newest first", TransferList, refused, _transfer_filters()),
            "/api/v1/transfers/{id_or_tx}": _transfer(),
            "/api/v1/alerts": _get("Alerts, newest first", AlertList, refused, _alert_filters()),
            "/api/v1/bridge-events": _get(
                "What the bridge said besides its transfers, newest first", BridgeEventList, refused, _bridge_filters()
            ),
            "/api/v1/routers": _get("Routers' books, by their addresses", RouterList, refused, _router_filters()),
            "/api/v1/stats": _get("Counts and latencies", StatsDocument, refused, _window()),
            "/api/v1/clock": _get("The machine's clock beside the chains' block times", ClockDocument, refused),
            "/api/v1/instances": _get("The instances that share the database", InstanceList, refused),
            "/api/v1/events": _events(),
            "/api/v1/openapi.json": _openapi(),
        },
        "webhooks": {
            "alert": _webhook("An alert opened or was resolved", AlertBody),
            "report": _webhook("A report on statistics", ReportBody),
        },
        "components": {"schemas": schemas()},
    }


def _get(summary: str, answered: Described, others: Mapping[int, Described], parameters: Sequence[Json] = ()) -> Json:
    operation: Json = {"summary": summary, "responses": _responses({200: answered, **others})}
    return {"get": {**operation, "parameters": list(parameters)} if parameters else operation}


def _webhook(summary: str, body: Described) -> Json:
    content = {"application/json": {"schema": ref(body)}}
    taken = {"2XX": {"description": "Taken; with any other answer it is sent again."}}
    return {
        "post": {
            "summary": summary,
            "description": "Sent to alert providers of type `webhook`, signed according to Standard Webhooks if they "
            "have a secret.",
            "requestBody": {"required": True, "content": content},
            "responses": taken,
        }
    }


def _responses(documents: Mapping[int, Described]) -> Json:
    return {str(status): _answer(_STATUS_WORDS[status], ref(document)) for status, document in documents.items()}


_STATUS_WORDS = {
    200: "What was asked for.",
    400: "A parameter is unknown or its value is invalid.",
    404: "Not known.",
    503: "Not available now.",
}


def _answer(words: str, schema: Json, kind: str = "application/json") -> Json:
    return {"description": words, "content": {kind: {"schema": schema}}}


def _parameter(name: str, words: str, schema: Mapping[str, object], where: str = "query") -> Json:
    return {"name": name, "in": where, "description": words, "required": where == "path", "schema": schema}


def _list_parameters() -> list[Json]:
    limit = {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT}
    return [
        _parameter("limit", "How many items at most.", limit),
        _parameter("cursor", "`next_cursor` of the previous answer, unchanged.", {"type": "string"}),
    ]


def _transfer_filters() -> list[Json]:
    statuses = {"type": "array", "items": {"type": "string", "enum": [status.value for status in Status]}}
    chain = {"type": "string"}
    address = {"type": "string", "pattern": "^(0[xX])?[0-9a-fA-F]{40}$"}
    has_part = (
        "Only those in which this address is the sender, the recipient, the delegate, a router or the token. A page "
        "may then hold fewer items than `limit`, or none, and still have a next one: each request looks through "
        "a limited number of transfers."
    )
    return [
        {**_parameter("status", "Any of these.", statuses), "style": "form", "explode": False},
        _parameter("origin", "A chain's name or domain id.", chain),
        _parameter("destination", "A chain's name or domain id.", chain),
        _parameter("address", has_part, address),
        *_list_parameters(),
    ]


def _alert_filters() -> list[Json]:
    state = {"type": "string", "enum": [state.value for state in AlertState]}
    return [_parameter("state", "Only these.", state), *_list_parameters()]


def _bridge_filters() -> list[Json]:
    return [
        _parameter("chain", "A chain's name or domain id.", {"type": "string"}),
        _parameter("kind", "Only these, by their name in the contracts.", {"type": "string", "enum": [*BRIDGE_EVENTS]}),
        _parameter("since", "Only those within this time before now.", {"type": "string", "format": "duration"}),
        *_list_parameters(),
    ]


def _router_filters() -> list[Json]:
    duration = {"type": "string", "format": "duration", "default": "P1D"}
    return [_parameter("since", "Fills of transfers that began within this time.", duration), *_list_parameters()]


def _window() -> list[Json]:
    duration = {"type": "string", "format": "duration"}
    of_the_window = "Transfers that began within this time before now, such as P1D."
    return [
        _parameter("since", of_the_window, {**duration, "default": "P1D"}),
        _parameter("origin", "A chain's name or domain id.", {"type": "string"}),
        _parameter("destination", "A chain's name or domain id.", {"type": "string"}),
        _parameter("bucket", "The width of the timeline's parts, in whole seconds, such as PT1H.", duration),
    ]


def _transfer() -> Json:
    hash_text = {"type": "string", "pattern": "^(0[xX])?[0-9a-fA-F]{64}$"}
    either: Json = {"oneOf": [ref(TransferDocument), ref(TransferList)]}
    words = "The transfer; a list where the transaction has events of several."
    return {
        "get": {
            "summary": "One transfer",
            "parameters": [_parameter("id_or_tx", "Its id, or the hash of a transaction of it.", hash_text, "path")],
            "responses": _responses({400: ErrorDocument, 404: ErrorDocument}) | {"200": _answer(words, either)},
        }
    }


def _events() -> Json:
    last = _parameter("Last-Event-ID", "The id of the last event seen.", {"type": "string"}, "header")
    stream = _answer("Events until either side ends.", {"type": "string"}, "text/event-stream")
    refusals = _responses({400: ErrorDocument, 503: ErrorDocument})
    return {
        "get": {
            "summary": "What changes",
            "description": _EVENTS,
            "parameters": [last],
            "responses": refusals | {"200": stream},
        }
    }


def _openapi() -> Json:
    return {
        "get": {"summary": "This description", "responses": {"200": _answer(_STATUS_WORDS[200], {"type": "object"})}},
    }
