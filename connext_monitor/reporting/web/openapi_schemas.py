"""What the API's answers look like, as JSON Schema (2020-12); a test holds real answers against it."""

from collections.abc import Iterable, Mapping

from connext_monitor.core.alert import AlertKind, AlertState, Severity
from connext_monitor.core.deadline import DeadlineState, Leg
from connext_monitor.core.documents import Json
from connext_monitor.core.transfer import Path, Status


def schemas() -> Json:
    """All of them by name."""
    return {
        "Chain": _chain(),
        "ChainName": _chain_name(),
        "Sighting": _sighting(),
        "Deadline": _deadline(),
        "Transfer": _transfer(),
        "Alert": _alert(),
        "Error": _object({"error": _text("What is wrong, in words.")}),
        "Readiness": _object({"ready": {"type": "boolean"}, "reasons": {"type": "array", "items": {"type": "string"}}}),
        "Health": _object({"status": {"const": "ok"}}),
        **{f"{name}List": _list(name) for name in ("Chain", "Transfer", "Alert")},
    }


def ref(name: str) -> Json:
    """One of the schemas above."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Mapping[str, object]) -> Json:
    """An object that has exactly these properties."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _or_null(schema: Json, why: str) -> Json:
    return {"description": why, "anyOf": [schema, {"type": "null"}]}


def _text(what: str, **more: object) -> Json:
    return {"type": "string", "description": what, **more}


def _words(what: str, values: Iterable[str]) -> Json:
    return _text(what, enum=list(values))


def _hash(what: str) -> Json:
    return _text(what, pattern="^0x[0-9a-f]{64}$")


def _address(what: str) -> Json:
    return _text(what, pattern="^0x[0-9a-fA-F]{40}$")


def _number(what: str) -> Json:
    return _text(what, pattern="^[0-9]+$")


def _instant(what: str) -> Json:
    return _text(what, format="date-time")


def _count(what: str) -> Json:
    return {"type": "integer", "minimum": 0, "description": what}


def _list(name: str) -> Json:
    cursor = _or_null(_text("To be given as `cursor`, as it is."), "Where the list goes on; null at its end.")
    return _object({"items": {"type": "array", "items": ref(name)}, "next_cursor": cursor})


def _chain_name() -> Json:
    return _object(
        {
            "chain": _or_null(_text("The chain's name."), "null where nobody has told the monitor one."),
            "domain_id": _count("Connext's number of the chain."),
        }
    )


def _sighting() -> Json:
    return _object(
        {
            "block_number": _count("The block that holds the event."),
            "block_hash": _hash("Its hash."),
            "tx_hash": _hash("The transaction that emitted the event."),
            "timestamp": _instant("The block's time."),
        }
    )


def _deadline() -> Json:
    words = "`late`: arrived after it was due; `unobserved`: past due while the destination is out of sight."
    return _object(
        {
            "due_at": _instant("A leg in a block of this very second is met."),
            "state": _words(words, [state.value for state in DeadlineState]),
        }
    )


def _transfer() -> Json:
    unseen = "null until XCalled has been seen."
    no_params = "null while only Reconciled has been seen."
    events = {
        name: _or_null(ref("Sighting"), f"Where {name.capitalize()} stands; null where it has not been seen.")
        for name in ("xcalled", "executed", "reconciled")
    }
    no_deadlines = "null without an XCalled, or where the destination is no configured chain."
    return _object(
        {
            "transfer_id": _hash("What names the transfer on both chains."),
            "status": _words("`Unknown` while its origin has not been seen.", [status.value for status in Status]),
            "origin": ref("ChainName"),
            "destination": ref("ChainName"),
            "nonce": _or_null(_number("Its number among those of its origin."), no_params),
            "asset": _or_null(_address("The token that the sender gave, on the origin."), unseen),
            "amount": _or_null(_number("How much of it, in its base units."), unseen),
            "bridged_amount": _or_null(_number("In base units of the token that crosses the bridge."), no_params),
            "to": _or_null(_address("The recipient."), no_params),
            "sender": _or_null(_address("Who called XCalled."), no_params),
            "routers": {"type": "array", "items": _address("One that fronted the funds.")},
            "path": _or_null(
                _words("`fast`: routers fronted it.", [path.value for path in Path]), "Known once executed."
            ),
            **events,
            "deadlines": _or_null(_object({leg.value: ref("Deadline") for leg in Leg}), no_deadlines),
        }
    )


def _alert() -> Json:
    link = _object({"name": _text("What is to be seen there."), "url": _text("An explorer's page.", format="uri")})
    still_open = "null while it is open."
    return _object(
        {
            "id": _text("The same from its opening to its end, over restarts too."),
            "kind": _words("What is wrong.", [kind.value for kind in AlertKind]),
            "severity": _words("How loudly it is told.", [severity.value for severity in Severity]),
            "subject": _text("The transfer's id, or the name of the chain or channel that it is about."),
            "state": _words("Open until it resolves.", [state.value for state in AlertState]),
            "opened_at": _instant("By the monitor's clock."),
            "resolved_at": _or_null(_instant("By the monitor's clock."), still_open),
            "resolution": _or_null(_text("How it ended, such as `executed`."), still_open),
            "title": _text("One line."),
            "text": _text("A sentence or two; may hold what strangers wrote."),
            "links": {"type": "array", "items": link},
        }
    )


def _chain() -> Json:
    asked = _object(
        {
            "endpoint": _text("A host."),
            "method": _text("A JSON-RPC method."),
            "outcome": _words("What came of it.", ["answered", "refused", "unavailable"]),
            "count": _count("Since the monitor started."),
        }
    )
    holes = {"found": _count("Holes seen."), "closed": _count("Of these, closed.")}
    never = "null where nothing has been covered yet."
    return _object(
        {
            "name": _text("As in the config."),
            "chain_id": _count("The EVM chain id."),
            "domain_id": _count("Connext's number of the chain."),
            "head": _or_null(_count("The highest block that an endpoint announced."), "null before the first one."),
            "watermark": _or_null(_instant("The block time up to which every block has been read."), never),
            "lag_seconds": _or_null(_count("The watermark's age."), never),
            "observed": {"type": "boolean", "description": "Whether its covered head has risen lately."},
            "endpoint": _or_null(_text("The host in use."), "null where none is."),
            "nonces_contiguous": _or_null({"type": "boolean"}, "Whether no transfer is missing; null until asked."),
            "nonce_holes": _object(holes),
            "requests": {"type": "array", "items": asked},
        }
    )
