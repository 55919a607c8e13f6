"""The API's description (OpenAPI 3.1), served at ``/api/v1/openapi.json``."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from connext_monitor.core.alert import AlertState
from connext_monitor.core.formats import Json
from connext_monitor.core.transfer import Status
from connext_monitor.reporting.web.feed import EventName
from connext_monitor.reporting.web.json_schema import ref
from connext_monitor.reporting.web.openapi_schemas import schemas
from connext_monitor.reporting.web.parameters import DEFAULT_LIMIT, LARGEST_LIMIT

_EVENTS = (
    f"Changes as server-sent events. `{EventName.TRANSFER}` and `{EventName.ALERT}` carry the transfer or alert as it "
    f"is now, in the same form as elsewhere here. `{EventName.READY}` comes first: read the lists after it and nothing "
    f"is missed. `{EventName.RESET}` says that some changes are not told one by one, because they are too many or too "
    "long ago: read the lists again. A reader that comes back with `Last-Event-ID` gets what it missed, or a reset. "
    "Comments come every 15 seconds. A reader that falls far behind is cut off."
)


def description() -> Json:
    """The whole of it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "connext-monitor",
            "version": version("connext-monitor"),
            "description": "What the monitor knows. Read-only; every instant is RFC 3339 UTC, every number that may "
            "pass 2^53 a decimal string.",
        },
        "paths": {
            "/healthz": _get("Whether the process works", "Health", {503: "Error"}),
            "/readyz": _get("Whether its word can be relied on", "Readiness", {503: "Readiness"}),
            "/api/v1/chains": _get("All configured chains", "ChainList", {400: "Error"}),
            "/api/v1/transfers": _get("Transfers, newest first", "TransferList", {400: "Error"}, _transfer_filters()),
            "/api/v1/transfers/{id_or_tx}": _transfer(),
            "/api/v1/alerts": _get("Alerts, newest first", "AlertList", {400: "Error"}, _alert_filters()),
            "/api/v1/stats": _get("Counts and latencies", "Stats", {400: "Error"}, _window()),
            "/api/v1/clock": _get("The machine's clock beside the chains' block times", "Clock", {400: "Error"}),
            "/api/v1/events": _events(),
            "/api/v1/openapi.json": _openapi(),
        },
        "components": {"schemas": schemas()},
    }


def _get(summary: str, found: str, others: Mapping[int, str], parameters: Sequence[Json] = ()) -> Json:
    operation: Json = {"summary": summary, "responses": _responses({200: found, **others})}
    return {"get": {**operation, "parameters": list(parameters)} if parameters else operation}


def _responses(names: Mapping[int, str]) -> Json:
    return {str(status): _answer(_STATUS_WORDS[status], ref(name)) for status, name in names.items()}


_STATUS_WORDS = {
    200: "What was asked for.",
    400: "A parameter is unknown or has a value that cannot be.",
    404: "It is not known.",
    503: "Not now.",
}


def _answer(words: str, schema: Json, kind: str = "application/json") -> Json:
    return {"description": words, "content": {kind: {"schema": schema}}}


def _parameter(name: str, words: str, schema: Mapping[str, object], where: str = "query") -> Json:
    return {"name": name, "in": where, "description": words, "required": where == "path", "schema": schema}


def _list_parameters() -> list[Json]:
    limit = {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT}
    return [
        _parameter("limit", "How many items at most.", limit),
        _parameter("cursor", "next_cursor of the list's last answer, as it is.", {"type": "string"}),
    ]


def _transfer_filters() -> list[Json]:
    statuses = {"type": "array", "items": {"type": "string", "enum": [status.value for status in Status]}}
    chain = {"type": "string"}
    address = {"type": "string", "pattern": "^(0[xX])?[0-9a-fA-F]{40}$"}
    has_part = (
        "Only those that this address sends, receives, delegates, routes or is the token of. A page may then hold "
        "fewer items than `limit`, or none, and still have a next one: each looks through so many transfers only."
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


def _window() -> list[Json]:
    duration = {"type": "string", "format": "duration"}
    of_the_window = "The transfers that began within this time until now, such as P1D."
    return [
        _parameter("since", of_the_window, {**duration, "default": "P1D"}),
        _parameter("origin", "A chain's name or domain id.", {"type": "string"}),
        _parameter("destination", "A chain's name or domain id.", {"type": "string"}),
        _parameter("bucket", "How wide the timeline's parts are, in whole seconds, such as PT1H.", duration),
    ]


def _transfer() -> Json:
    wanted = {"type": "string", "pattern": "^(0[xX])?[0-9a-fA-F]{64}$"}
    several: Json = {"oneOf": [ref("Transfer"), ref("TransferList")]}
    words = "The transfer; the list of them where a transaction has events of several."
    return {
        "get": {
            "summary": "One transfer",
            "parameters": [_parameter("id_or_tx", "Its id, or the hash of a transaction of it.", wanted, "path")],
            "responses": _responses({400: "Error", 404: "Error"}) | {"200": _answer(words, several)},
        }
    }


def _events() -> Json:
    last = _parameter("Last-Event-ID", "The id of the last event seen.", {"type": "string"}, "header")
    stream = _answer("Events until either side ends.", {"type": "string"}, "text/event-stream")
    refusals = _responses({400: "Error", 503: "Error"})
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
        "get": {"summary": "This", "responses": {"200": _answer(_STATUS_WORDS[200], {"type": "object"})}},
    }
