"""The contract's JSON: transfers and alerts as the API, the webhook and ``--json`` give them.

Numbers that may pass 2^53 are decimal strings, addresses are checksummed, hashes are lower case, times are RFC 3339
UTC.
"""

from connext_monitor.core.alert import Alert
from connext_monitor.core.chain_status import ChainStatus, RequestKind
from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.clock_agreement import ClockState
from connext_monitor.core.coverage import Nonces
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.formats import Json, hex_text, rfc3339, unix_rfc3339
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.message import Message
from connext_monitor.core.transfer import Sighting
from connext_monitor.core.transfer_view import TransferView


def transfer_document(view: TransferView, labels: ChainLabels, now: float) -> Json:
    """One transfer; ``now`` in Unix seconds decides between pending and unobserved."""
    transfer = view.transfer
    info = transfer.info
    return {
        "transfer_id": hex_text(transfer.transfer_id),
        "status": transfer.status.value,
        "origin": chain_reference(transfer.origin, labels),
        "destination": chain_reference(transfer.destination, labels),
        "nonce": str(info.nonce) if info else None,
        "asset": to_checksum_address(transfer.asset) if transfer.asset is not None else None,
        "amount": str(transfer.amount) if transfer.amount is not None else None,
        "bridged_amount": str(info.bridged_amount) if info else None,
        "to": to_checksum_address(info.to) if info else None,
        "sender": to_checksum_address(info.origin_sender) if info else None,
        "routers": [to_checksum_address(router) for router in transfer.routers],
        "path": transfer.path.value if transfer.path else None,
        "xcalled": _sighting(transfer.xcalled),
        "executed": _sighting(transfer.executed),
        "reconciled": _sighting(transfer.reconciled),
        "deadlines": {leg.value: _deadline(view, leg, now) for leg in Leg} if view.due else None,
    }


def alert_document(alert: Alert, message: Message) -> Json:
    """One alert with its words and links."""
    return {
        "id": alert.id,
        "kind": alert.kind.value,
        "severity": alert.severity.value,
        "subject": alert.subject,
        "state": alert.state.value,
        "opened_at": rfc3339(alert.opened_at),
        "resolved_at": rfc3339(alert.resolved_at) if alert.resolved_at else None,
        "resolution": alert.resolution,
        "title": message.title,
        "text": message.text,
        "links": [{"name": link.name, "url": link.url} for link in message.links],
    }


def chain_document(sight: ChainStatus, nonces: Nonces | None, now: float) -> Json:
    """One chain; ``lag_seconds`` is the age of the watermark at ``now`` (Unix seconds)."""
    covered = sight.coverage.covered if sight.coverage else None
    return {
        "name": sight.name,
        "chain_id": sight.chain_id,
        "domain_id": sight.domain,
        "head": sight.head,
        "watermark": unix_rfc3339(covered.timestamp) if covered else None,
        "lag_seconds": max(0, round(now - covered.timestamp)) if covered else None,
        "observed": sight.observed,
        "endpoint": sight.endpoint,
        "nonces_contiguous": nonces.complete if nonces else None,
        "nonce_holes": {"found": sight.holes_found, "closed": sight.holes_closed},
        "requests": [
            {"endpoint": kind.endpoint, "method": kind.method, "outcome": kind.outcome, "count": count}
            for kind, count in sorted(sight.requests.items(), key=_by_endpoint)
        ],
    }


def clock_document(clock: ClockState) -> Json:
    """How the machine's clock goes beside the chains' block times."""
    return {"ahead_seconds": None if clock.ahead is None else round(clock.ahead, 1), "trouble": clock.words}


def chain_reference(domain: DomainId, labels: ChainLabels) -> Json:
    """How another object names a chain; its name is null where nobody knows one."""
    return {"chain": labels.name(domain), "domain_id": domain}


def _sighting(sighting: Sighting | None) -> Json | None:
    if sighting is None:
        return None
    return {
        "block_number": sighting.block.number,
        "block_hash": hex_text(sighting.block.hash),
        "tx_hash": hex_text(sighting.tx_hash),
        "timestamp": unix_rfc3339(sighting.block.timestamp),
    }


def _deadline(view: TransferView, leg: Leg, now: float) -> Json | None:
    held = view.state(leg, now)
    if view.due is None or held is None:
        return None
    due_at: Timestamp = view.due.of(leg)
    return {"due_at": unix_rfc3339(due_at), "state": held.value}


def _by_endpoint(counted: tuple[RequestKind, int]) -> tuple[str, str, str]:
    kind, _ = counted
    return (kind.endpoint, kind.method, kind.outcome)
