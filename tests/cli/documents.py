"""Which document each command prints with ``--json``, and whether an answer is one."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from connext_monitor.core.documents.alerts import AlertList
from connext_monitor.core.documents.bridge_events import BridgeEventList
from connext_monitor.core.documents.command_line import (
    BackfillDocument,
    CheckedConfig,
    DrillDocument,
    MadeBackup,
    MovedDatabase,
    ReplayDocument,
    RestoredDatabase,
    SilenceDocument,
    StatsFromDatabase,
)
from connext_monitor.core.documents.fields import ListDocument
from connext_monitor.core.documents.status import StatusDocument
from connext_monitor.core.documents.transfers import TransferDocument, TransferList

DOCUMENTS: Mapping[tuple[str, ...], Sequence[Any]] = {
    ("alerts",): [AlertList],
    ("alerts", "ack"): [SilenceDocument],
    ("alerts", "silence"): [SilenceDocument],
    ("alerts", "silences"): [ListDocument[SilenceDocument]],
    ("backfill",): [BackfillDocument],
    ("backup",): [MadeBackup],
    ("check-config",): [CheckedConfig],
    ("events",): [BridgeEventList],
    ("move",): [MovedDatabase],
    ("replay",): [ReplayDocument],
    ("restore",): [RestoredDatabase],
    ("stats",): [StatsFromDatabase],
    ("status",): [StatusDocument],
    ("test-alert",): [ListDocument[DrillDocument]],
    ("transfer",): [TransferDocument, TransferList],
    ("transfers",): [TransferList],
}
"""By command; the last one where the answer is a list."""


def assert_described(arguments: Sequence[str], answer: Mapping[str, Any]) -> None:
    """Fail unless it is the command's document, with all of its properties, in their order, and no other."""
    documents = DOCUMENTS.get(tuple(arguments[:2])) or DOCUMENTS[tuple(arguments[:1])]
    document = msgspec.convert(answer, documents[-1 if "items" in answer else 0])
    assert msgspec.json.encode(document) == msgspec.json.encode(answer)
