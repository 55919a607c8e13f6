"""What the API's answers look like, as JSON Schema (2020-12); a test holds real answers against it."""

from connext_monitor.core.alert import AlertKind, AlertState, Severity
from connext_monitor.core.deadline import DeadlineState, Leg
from connext_monitor.core.formats import Json
from connext_monitor.core.transfer import Path, Status
from connext_monitor.reporting.web.json_schema import (
    address,
    count,
    digits,
    exactly,
    hash_of,
    instant,
    one_of,
    or_null,
    ref,
    text,
)
from connext_monitor.reporting.web.openapi_stats import stats_schemas


def schemas() -> Json:
    """All of them by name."""
    return {
        "Chain": _chain(),
        "ChainName": _chain_name(),
        "Sighting": _sighting(),
        "Deadline": _deadline(),
        "Transfer": _transfer(),
        "Alert": _alert(),
        "Error": exactly({"error": text("What is wrong, in words.")}),
        "Readiness": exactly({"ready": {"type": "boolean"}, "reasons": {"type": "array", "items": {"type": "string"}}}),
        "Clock": _clock(),
        "Health": exactly({"status": {"const": "ok"}}),
        **stats_schemas(),
        **{f"{name}List": _list(name) for name in ("Chain", "Transfer", "Alert")},
    }


def _clock() -> Json:
    ahead = text("By how many seconds the machine's clock is ahead of the chains' block times; negative: behind.")
    return exactly(
        {
            "ahead_seconds": or_null({**ahead, "type": "number"}, "Null while no chain has told the time."),
            "trouble": or_null(text("What is wrong with it, in words."), "Null where nothing is."),
        }
    )


def _list(name: str) -> Json:
    cursor = or_null(text("To be given as `cursor`, as it is."), "Where the list goes on; null at its end.")
    return exactly({"items": {"type": "array", "items": ref(name)}, "next_cursor": cursor})


def _chain_name() -> Json:
    return exactly(
        {
            "chain": or_null(text("The chain's name."), "null where nobody has told the monitor one."),
            "domain_id": count("Connext's number of the chain."),
        }
    )


def _sighting() -> Json:
    return exactly(
        {
            "block_number": count("The block that holds the event."),
            "block_hash": hash_of("Its hash."),
            "tx_hash": hash_of("The transaction that emitted the event."),
            "timestamp": instant("The block's time."),
        }
    )


def _deadline() -> Json:
    words = "`late`: arrived after it was due; `unobserved`: past due, and cannot be judged now."
    return exactly(
        {
            "due_at": instant("A leg in a block of this very second is met."),
            "state": one_of(words, [state.value for state in DeadlineState]),
        }
    )


def _transfer() -> Json:
    unseen = "null until XCalled has been seen."
    no_params = "null while only Reconciled has been seen."
    events = {
        name: or_null(ref("Sighting"), f"Where {name.capitalize()} stands; null where it has not been seen.")
        for name in ("xcalled", "executed", "reconciled")
    }
    no_deadlines = "null without an XCalled, or where the destination is no configured chain."
    return exactly(
        {
            "transfer_id": hash_of("What names the transfer on both chains."),
            "status": one_of("`Unknown` while its origin has not been seen.", [status.value for status in Status]),
            "origin": ref("ChainName"),
            "destination": ref("ChainName"),
            "nonce": or_null(digits("Its number among those of its origin."), no_params),
            "asset": or_null(address("The token that the sender gave, on the origin."), unseen),
            "amount": or_null(digits("How much of it, in its base units."), unseen),
            "bridged_amount": or_null(digits("In base units of the token that crosses the bridge."), no_params),
            "to": or_null(address("The recipient."), no_params),
            "sender": or_null(address("Who called XCalled."), no_params),
            "routers": {"type": "array", "items": address("One that fronted the funds.")},
            "path": or_null(
                one_of("`fast`: routers fronted it.", [path.value for path in Path]), "Known once executed."
            ),
            **events,
            "deadlines": or_null(exactly({leg.value: ref("Deadline") for leg in Leg}), no_deadlines),
        }
    )


def _alert() -> Json:
    link = exactly({"name": text("What is to be seen there."), "url": text("An explorer's page.", format="uri")})
    still_open = "null while it is open."
    return exactly(
        {
            "id": text("The same from its opening to its end, over restarts too."),
            "kind": one_of("What is wrong.", [kind.value for kind in AlertKind]),
            "severity": one_of("How loudly it is told.", [severity.value for severity in Severity]),
            "subject": text("The transfer's id, or the name of the chain or channel that it is about."),
            "state": one_of("Open until it resolves.", [state.value for state in AlertState]),
            "opened_at": instant("By the monitor's clock."),
            "resolved_at": or_null(instant("By the monitor's clock."), still_open),
            "resolution": or_null(text("How it ended, such as `executed`."), still_open),
            "title": text("One line."),
            "text": text("A sentence or two; may hold what strangers wrote."),
            "links": {"type": "array", "items": link},
        }
    )


def _chain() -> Json:
    asked = exactly(
        {
            "endpoint": text("A host."),
            "method": text("A JSON-RPC method."),
            "outcome": one_of("What came of it.", ["answered", "refused", "unavailable"]),
            "count": count("Since the monitor started."),
        }
    )
    holes = {"found": count("Holes seen."), "closed": count("Of these, closed.")}
    never = "null where nothing has been covered yet."
    return exactly(
        {
            "name": text("As in the config."),
            "chain_id": count("The EVM chain id."),
            "domain_id": count("Connext's number of the chain."),
            "head": or_null(count("The highest block that an endpoint announced."), "null before the first one."),
            "watermark": or_null(instant("The block time up to which every block has been read."), never),
            "lag_seconds": or_null(count("The watermark's age."), never),
            "observed": {"type": "boolean", "description": "Whether its covered head has risen lately."},
            "endpoint": or_null(text("The host in use."), "null where none is."),
            "nonces_contiguous": or_null({"type": "boolean"}, "Whether no transfer is missing; null until asked."),
            "nonce_holes": exactly(holes),
            "requests": {"type": "array", "items": asked},
        }
    )
