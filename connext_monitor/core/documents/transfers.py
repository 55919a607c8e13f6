"""A transfer."""

from collections.abc import Sequence
from typing import Annotated

from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.deadline import DeadlineState, Leg
from connext_monitor.core.documents.chains import ChainName, chain_name
from connext_monitor.core.documents.fields import (
    AddressText,
    Count,
    Digits,
    Document,
    HashText,
    InstantText,
    ListDocument,
    says,
)
from connext_monitor.core.formats import hex_text, unix_rfc3339
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.transfer import Path, Sighting, Status
from connext_monitor.core.transfer_view import TransferView


class SightingDocument(Document, frozen=True):
    """Where an event stands."""

    block_number: Annotated[Count, says("The block that holds the event.")]
    block_hash: Annotated[HashText, says("The block's hash.")]
    tx_hash: Annotated[HashText, says("The transaction that emitted the event.")]
    timestamp: Annotated[InstantText, says("The block's time.")]


class DeadlineDocument(Document, frozen=True):
    """When a leg is due, and how it stands."""

    due_at: Annotated[InstantText, says("A leg in a block stamped exactly this is on time.")]
    state: Annotated[
        DeadlineState, says("`late`: arrived after it was due; `unobserved`: past due, and cannot be judged now.")
    ]


class DeadlinesDocument(Document, frozen=True):
    """The deadlines of both legs."""

    execute: DeadlineDocument
    reconcile: DeadlineDocument


class TransferDocument(Document, frozen=True):
    """A transfer, with what has been seen of it."""

    transfer_id: Annotated[HashText, says("Identifies the transfer on both chains.")]
    status: Annotated[Status, says("`Unknown` until its origin has been seen.")]
    origin: ChainName
    destination: ChainName
    nonce: Annotated[
        Digits | None, says("Its number among those of its origin; null while only Reconciled has been seen.")
    ]
    asset: Annotated[
        AddressText | None, says("The token that the sender paid, on the origin; null until XCalled has been seen.")
    ]
    amount: Annotated[Digits | None, says("How much of it, in base units; null until XCalled has been seen.")]
    bridged_amount: Annotated[
        Digits | None,
        says("In base units of the token that crosses the bridge; null while only Reconciled has been seen."),
    ]
    to: Annotated[AddressText | None, says("The recipient; null while only Reconciled has been seen.")]
    sender: Annotated[AddressText | None, says("Who called xcall; null while only Reconciled has been seen.")]
    routers: Annotated[list[AddressText], says("Those that fronted the funds.")]
    path: Annotated[Path | None, says("`fast`: routers fronted the funds; null until executed.")]
    xcalled: Annotated[SightingDocument | None, says("Where XCalled stands; null until it has been seen.")]
    executed: Annotated[SightingDocument | None, says("Where Executed stands; null until it has been seen.")]
    reconciled: Annotated[SightingDocument | None, says("Where Reconciled stands; null until it has been seen.")]
    deadlines: Annotated[
        DeadlinesDocument | None, says("null without an XCalled, and where the destination is not a configured chain.")
    ]


class TransferList(ListDocument[TransferDocument], frozen=True):
    """Transfers, the newest first; those of one transaction in the order of its logs."""


def transfer_document(view: TransferView, labels: ChainLabels, now: float) -> TransferDocument:
    """One transfer; ``now`` in Unix seconds decides between pending and unobserved."""
    transfer = view.transfer
    info = transfer.info
    return TransferDocument(
        transfer_id=hex_text(transfer.transfer_id),
        status=transfer.status,
        origin=chain_name(transfer.origin, labels),
        destination=chain_name(transfer.destination, labels),
        nonce=str(info.nonce) if info else None,
        asset=to_checksum_address(transfer.asset) if transfer.asset is not None else None,
        amount=str(transfer.amount) if transfer.amount is not None else None,
        bridged_amount=str(info.bridged_amount) if info else None,
        to=to_checksum_address(info.to) if info else None,
        sender=to_checksum_address(info.origin_sender) if info else None,
        routers=[to_checksum_address(router) for router in transfer.routers],
        path=transfer.path,
        xcalled=_sighting(transfer.xcalled),
        executed=_sighting(transfer.executed),
        reconciled=_sighting(transfer.reconciled),
        deadlines=_deadlines(view, now),
    )


def lookup_document(views: Sequence[TransferView], labels: ChainLabels, now: float) -> TransferDocument | TransferList:
    """What an id or a transaction hash led to: the transfer itself; a list where one transaction holds several."""
    documents = [transfer_document(view, labels, now) for view in views]
    return documents[0] if len(documents) == 1 else TransferList(documents, None)


def _sighting(sighting: Sighting | None) -> SightingDocument | None:
    if sighting is None:
        return None
    return SightingDocument(
        sighting.block.number,
        hex_text(sighting.block.hash),
        hex_text(sighting.tx_hash),
        unix_rfc3339(sighting.block.timestamp),
    )


def _deadlines(view: TransferView, now: float) -> DeadlinesDocument | None:
    execute, reconcile = (_deadline(view, leg, now) for leg in (Leg.EXECUTE, Leg.RECONCILE))
    return DeadlinesDocument(execute, reconcile) if execute is not None and reconcile is not None else None


def _deadline(view: TransferView, leg: Leg, now: float) -> DeadlineDocument | None:
    state = view.state(leg, now)
    if view.due is None or state is None:
        return None
    return DeadlineDocument(unix_rfc3339(view.due.of(leg)), state)
