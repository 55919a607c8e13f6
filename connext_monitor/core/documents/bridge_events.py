"""What the bridge says besides its transfers."""

from typing import Annotated, Any

from msgspec import Meta

from connext_monitor.core.bridge_events import BRIDGE_EVENTS, BridgeRecord
from connext_monitor.core.bridge_words import bridge_words_on, made_by
from connext_monitor.core.documents.chains import ChainName, chain_name
from connext_monitor.core.documents.fields import (
    AddressText,
    Count,
    Document,
    HashText,
    InstantText,
    ListDocument,
    says,
)
from connext_monitor.core.formats import hex_text, unix_rfc3339
from connext_monitor.core.labels import ChainLabels


class BridgeEventDocument(Document, frozen=True):
    """An event of a chain's contract that is none of a transfer's."""

    kind: Annotated[str, Meta(description="Its name in the contracts.", extra_json_schema={"enum": [*BRIDGE_EVENTS]})]
    chain: ChainName
    block_number: Annotated[Count, says("The block that holds it.")]
    block_hash: Annotated[HashText, says("The block's hash.")]
    tx_hash: Annotated[HashText, says("The transaction that emitted it.")]
    log_index: Annotated[Count, says("Its number among the logs of the block.")]
    timestamp: Annotated[InstantText, says("The block's time.")]
    text: Annotated[str, says("What it says, in words.")]
    caller: Annotated[AddressText | None, says("Who did it; null where the event does not say.")]
    fields: Annotated[
        dict[str, Any], says("What it says: addresses and hashes as lower-case hex, amounts as decimal strings.")
    ]
    link: Annotated[str | None, says("The transaction's page in the chain's explorer; null where it has none.")]


class BridgeEventList(ListDocument[BridgeEventDocument], frozen=True):
    """Events of the bridge, the newest first."""


def bridge_event_document(record: BridgeRecord, labels: ChainLabels) -> BridgeEventDocument:
    """One event, in words too."""
    block = record.block
    return BridgeEventDocument(
        kind=record.event.kind,
        chain=chain_name(record.domain, labels),
        block_number=block.number,
        block_hash=hex_text(block.hash),
        tx_hash=hex_text(record.tx_hash),
        log_index=record.log_index,
        timestamp=unix_rfc3339(block.timestamp),
        text=bridge_words_on(record.domain, record.event, labels),
        caller=made_by(record.event),
        fields=dict(record.event.fields),
        link=labels.tx_link(record.domain, record.tx_hash),
    )
