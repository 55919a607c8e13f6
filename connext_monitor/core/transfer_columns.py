"""A transfer as one flat row, for spreadsheets and tables: the API's document with its parts spread out."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import to_builtins

from connext_monitor.core.deadline import LEGS
from connext_monitor.core.documents.transfers import TransferDocument, transfer_document
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.transfer_view import TransferView

_ENDS = ("origin", "destination")
_EVENTS = ("xcalled", "executed", "reconciled")
_SIGHTING_PARTS = ("timestamp", "block_number", "block_hash", "tx_hash")

_IN_ORDER = (
    "transfer_id",
    "status",
    "path",
    *(f"{end}_{part}" for end in _ENDS for part in ("chain", "domain_id")),
    "nonce",
    "asset",
    "symbol",
    "decimals",
    "amount",
    "bridged_amount",
    "to",
    "sender",
    "routers",
    *(f"{event}_{part}" for event in _EVENTS for part in _SIGHTING_PARTS),
    *(f"{leg}_{part}" for leg in LEGS for part in ("due_at", "state")),
)
_SPREAD = {*_ENDS, *_EVENTS, "deadlines"}
COLUMNS: Sequence[str] = (
    *_IN_ORDER,
    # What the document has gained since comes last: whoever reads columns by their number finds those where they were.
    *(name for name in TransferDocument.__struct_fields__ if name not in {*_IN_ORDER, *_SPREAD}),
)
"""Named and written as in the API's document; ``symbol`` and ``decimals`` are the asset's own, where they are known.

Routers are separated by spaces. What is null there is empty here.
"""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def transfer_cells(view: TransferView, labels: ChainLabels, now: float) -> list[str]:
    """The values of `COLUMNS`; ``now`` in Unix seconds decides between pending and unobserved."""
    document: Mapping[str, Any] = to_builtins(transfer_document(view, labels, now))
    token = labels.tokens.of(view.transfer.origin, view.transfer.asset) if view.transfer.asset else None
    cells: dict[str, object] = {
        **{name: value for name, value in document.items() if name in COLUMNS},
        "symbol": token.symbol if token else None,
        "decimals": token.decimals if token else None,
        "routers": " ".join(document["routers"]),
    }
    for end in _ENDS:
        cells |= _spread(end, document[end])
    for event in _EVENTS:
        cells |= _spread(event, document[event])
    for leg, deadline in (document["deadlines"] or {}).items():
        cells |= _spread(leg, deadline)
    return [_cell(cells.get(name)) for name in COLUMNS]


def _spread(name: str, part: Mapping[str, object] | None) -> dict[str, object]:
    return {f"{name}_{key}": value for key, value in (part or {}).items()}


def _cell(value: object) -> str:
    """The text of a cell. One that a spreadsheet would take for a formula is shown to it as text by a leading quote."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
