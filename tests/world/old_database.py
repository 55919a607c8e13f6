"""Database files as earlier versions left them: made by the migrations of their time, with rows of its shape.

What a row holds is spelled out here as it was written then, and not made by the code of today. A row or a column is in
a file only where the schema of that file's revision has it.
"""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from tests.world.databases import make_old
from tests.world.two_chains import ASSET, RECIPIENT, ROUTER, SENDER, START, Sample

HERE, THERE = 1001, 1002
AT = START
"""When each transfer began."""
NOW = AT + 400
SECOND_ROUTER, LOCAL = b"\xee" * 20, b"\xcf" * 20
DONE, LATE, ARRIVED_LATE, UNDER_WAY, PHANTOM, PRUNED = (Sample(nonce).id for nonce in (0, 1, 2, 3, 9, 5))
ROW_OF: dict[bytes, int] = {
    transfer_id: row for row, transfer_id in enumerate((DONE, LATE, ARRIVED_LATE, UNDER_WAY, PHANTOM), start=1)
}
KINDS = ("", "xcalled", "executed", "reconciled")
AMOUNT = 5 * 10**18

Row = tuple[str, str, dict[str, Any]]
"""The revision from which on it may be there, its table, its values."""

COLUMNS_SINCE = {
    ("events", "transfer"): "0015",
    ("deliveries", "topic"): "0003",
    ("deliveries", "fresh"): "0003",
    ("deliveries", "group_id"): "0003",
    ("alerts", "causes"): "0008",
    ("transfers", "routers"): "0010",
    ("chains", "pruned_nonce"): "0013",
    ("alerts", "revision"): "0014",
}
COLUMNS_BEFORE = {("events", "transfer_id"): "0015"}
KINDS_AS_NUMBERS = "0015"


@cache
def left_by(revision: str) -> bytes:
    """The file as the version with this revision left it."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "old.db"
        make_old(file, revision)
        add(file, revision, ROWS)
        return file.read_bytes()


def add(file: Path, revision: str, rows: Iterable[Row]) -> None:
    """Add to a file what there was of it at its revision."""
    with closing(sqlite3.connect(file)) as filling:
        filling.execute("PRAGMA foreign_keys = ON")
        for since, table, values in rows:
            if since <= revision:
                _insert(filling, revision, table, values)
        filling.commit()


def _insert(connection: sqlite3.Connection, revision: str, table: str, values: dict[str, Any]) -> None:
    kept = {
        name: value
        for name, value in values.items()
        if COLUMNS_SINCE.get((table, name), "") <= revision < COLUMNS_BEFORE.get((table, name), "9999")
    }
    if table == "events" and revision >= KINDS_AS_NUMBERS:
        kept |= {"kind": KINDS.index(kept["kind"]), "tx_start": kept["tx_hash"][:8]}
    names, marks = ", ".join(f'"{name}"' for name in kept), ", ".join("?" * len(kept))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(kept.values()))  # noqa: S608 - our own


# Transfers and their events


def _big(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _info(nonce: int) -> tuple[object, ...]:
    numbers = _big(30), SENDER, _big(AMOUNT), _big(AMOUNT)
    return (HERE, THERE, HERE, RECIPIENT, RECIPIENT, False, b"", *numbers, nonce, bytes(32))


def event_row(
    transfer_id: bytes,
    nonce: int,
    kind: str,
    after: int,
    *,
    routers: tuple[bytes, ...] = (ROUTER,),
    domain: int | None = None,
) -> Row:
    """An event so many seconds after its transfer began; on the chain where it belongs unless a ``domain`` is given."""
    amount = _big(AMOUNT)
    fields: dict[str, tuple[object, ...]] = {
        "xcalled": (nonce, bytes(32), _info(nonce), ASSET, amount, LOCAL, b""),
        "executed": (RECIPIENT, ASSET, _info(nonce), routers, LOCAL, amount, SENDER),
        "reconciled": (HERE, LOCAL, routers, amount, SENDER),
    }
    values = {
        "transfer_id": transfer_id,
        "transfer": ROW_OF.get(transfer_id),
        "domain": domain or (HERE if kind == "xcalled" else THERE),
        "kind": kind,
        "block_number": 1000 + after,
        "block_hash": (AT + after).to_bytes(32, "big"),
        "block_at": AT + after,
        "tx_hash": kind.encode().ljust(24, b"-") + nonce.to_bytes(8, "big"),
        "log_index": 0,
        "payload": msgspec.msgpack.encode(fields[kind]),
    }
    return ("0001", "events", values)


def transfer_row(transfer_id: bytes, number: int, status: str, **values: object) -> Row:
    """A transfer that began at `AT`, with its deadlines."""
    whole = {
        "id": ROW_OF.get(transfer_id),
        "transfer_id": transfer_id,
        "origin": HERE,
        "destination": THERE,
        "status": status,
        "nonce": number,
        "started_at": AT,
        "xcalled_at": AT,
        "execute_due_at": AT + 300,
        "reconcile_due_at": AT + 10_800,
    }
    return ("0001", "transfers", whole | values)


TRANSFERS = [
    transfer_row(
        DONE, 0, "CompletedFast", executed_at=AT + 60, reconciled_at=AT + 3600, routers=ROUTER + SECOND_ROUTER,
    ),
    event_row(DONE, 0, "xcalled", 0),
    event_row(DONE, 0, "executed", 60, routers=(ROUTER, SECOND_ROUTER)),
    event_row(DONE, 0, "reconciled", 3600, routers=(ROUTER, SECOND_ROUTER)),
    transfer_row(LATE, 1, "XCalled"),
    event_row(LATE, 1, "xcalled", 0),
    transfer_row(ARRIVED_LATE, 2, "Executed", executed_at=AT + 390, routers=b""),
    event_row(ARRIVED_LATE, 2, "xcalled", 0),
    event_row(ARRIVED_LATE, 2, "executed", 390, routers=()),
    transfer_row(UNDER_WAY, 3, "XCalled", execute_due_at=AT + 900),
    event_row(UNDER_WAY, 3, "xcalled", 0),
    transfer_row(
        PHANTOM, 9, "Unknown", started_at=AT + 30, xcalled_at=None, executed_at=AT + 30, execute_due_at=None,
        reconcile_due_at=None, routers=ROUTER,
    ),
    event_row(PHANTOM, 9, "executed", 30),
]  # fmt: skip


# Alerts and whom they are told


def _alert(row: int, kind: str, about: bytes | str, details: dict[str, object], **values: object) -> Row:
    subject = f"0x{about.hex()}" if isinstance(about, bytes) else about
    whole = {
        "row": row,
        "id": f"{kind}:{subject}",
        "kind": kind,
        "severity": "warning",
        "subject": subject,
        "transfer_id": about if isinstance(about, bytes) else None,
        "state": "open",
        "opened_ms": (AT + 301) * 1000,
        "details": json.dumps(details),
        "causes": "[]",
        "revision": row,
    }
    return (KINDS_SINCE[kind], "alerts", whole | values)


def _delivery(alert_id: str, provider: str, change: str, **values: object) -> Row:
    whole = {
        "alert_id": alert_id,
        "provider": provider,
        "change": change,
        "pending": True,
        "attempts": 0,
        "next_attempt_ms": 0,
        "created_ms": (AT + 301) * 1000,
    }
    return ("0001", "deliveries", whole | values)


LATE_ALERT = f"execute_overdue:0x{LATE.hex()}"
UNOBSERVED_ALERT = "chain_unobserved:there:20260102T030906.000000Z"
HOLDER = f"0x{DONE.hex()}"
KINDS_SINCE = {
    "execute_overdue": "0001",
    "chain_unobserved": "0001",
    "deep_reorg": "0002",
    "phantom_delivery": "0005",
    "provider_failing": "0006",
}
ARRIVED_ALERT = f"execute_overdue:0x{ARRIVED_LATE.hex()}"
TOPIC = "execute_overdue:1001:1002"
_DELIVERED = {"pending": False, "done_ms": (AT + 302) * 1000, "topic": TOPIC, "fresh": True}
_ENDED = {"state": "resolved", "resolved_ms": (AT + 391) * 1000, "resolution": "executed"}

ALERTS = [
    _alert(
        1,
        "execute_overdue",
        LATE,
        {"due_at": AT + 300},
        severity="critical",
        causes='[["fee_increased", {"times": 1}, false]]',
    ),
    _alert(2, "execute_overdue", ARRIVED_LATE, {"due_at": AT + 300}, severity="critical", **_ENDED),
    _alert(
        3,
        "chain_unobserved",
        "there",
        {"silent_for": 120, "waiting": 3, "why": "no endpoint answers"},
        id=UNOBSERVED_ALERT,
    ),
    _alert(4, "deep_reorg", "here", {"block": 950, "checkpoint": 960}),
    _alert(
        5,
        "phantom_delivery",
        PHANTOM,
        {"origin": HERE, "destination": THERE, "nonce": "9", "holder": HOLDER},
        severity="critical",
    ),
    _alert(6, "provider_failing", "desk", {"reason": "answered 503", "dead": 0}),
]
DELIVERIES = [
    _delivery(LATE_ALERT, "ops", "opened", reference="message-1", **_DELIVERED),
    _delivery(LATE_ALERT, "desk", "opened", attempts=2, next_attempt_ms=NOW * 1000, reason="503", topic=TOPIC),
    _delivery(ARRIVED_ALERT, "ops", "opened", reference="message-2", **_DELIVERED),
    _delivery(
        ARRIVED_ALERT, "ops", "resolved", resolution="executed", resolved_ms=(AT + 391) * 1000,
        created_ms=(AT + 391) * 1000,
    ),
    _delivery(UNOBSERVED_ALERT, "ops", "opened", topic="chain_unobserved", fresh=True),
    ("0001", "channels", {"provider": "desk", "state": "failing", "reason": "503", "since_ms": (AT + 303) * 1000}),
    (
        "0003", "delivery_groups",
        {
            "id": 1, "provider": "pager", "topic": TOPIC, "before": 0, "oldest_ms": (AT + 301) * 1000,
            "newest_ms": (AT + 301) * 1000, "formed_ms": (AT + 302) * 1000, "opened_with": 2, "told_members": 2,
            "told_open": 2, "told_ms": (AT + 303) * 1000, "ended": False, "reference": "digest-1", "attempts": 0,
            "next_attempt_ms": 0,
        },
    ),
    (
        "0003", "group_members",
        {"group_id": 1, "alert_id": LATE_ALERT, "open": True, "since_at": AT + 300, "amount": AMOUNT.to_bytes(32)},
    ),
    (
        "0003", "group_members",
        {"group_id": 1, "alert_id": ARRIVED_ALERT, "open": False, "since_at": AT + 300, "amount": AMOUNT.to_bytes(32)},
    ),
]  # fmt: skip


# Chains, and what came later


def _chain(domain: int, **values: object) -> Row:
    covered = {"covered_number": 1390, "covered_hash": b"\x77" * 32, "covered_at": AT + 390}
    return ("0001", "chains", {"domain": domain, "start_block": 900, "checkpoint": 1380} | covered | values)


CHAINS: list[Row] = [
    _chain(HERE, first_nonce=0, contiguous_nonce=3, next_nonce=4, pruned_nonce=0),
    _chain(THERE),
    (
        "0001", "malformed_logs",
        {"domain": THERE, "digest": b"\x88" * 32, "reason": "too short", "raw": b"{}", "seen_ms": NOW * 1000},
    ),
    ("0002", "anchors", {"domain": HERE, "block_number": 1380, "block_hash": b"\x66" * 32}),
    ("0004", "backfills", {"domain": HERE, "first_block": 100, "last_block": 899}),
    (
        "0006", "silences",
        {
            "until_ms": (NOW + 3600) * 1000, "kind": "execute_overdue", "origin": "here", "destination": None,
            "subject": None, "reason": "maintenance", "ack": False, "made_ms": NOW * 1000, "done": False,
        },
    ),
    ("0007", "tokens", {"domain": HERE, "asset": ASSET, "symbol": "USDC", "decimals": 6}),
    ("0008", "mismatches", {"transfer_id": DONE, "domain": THERE, "block_hash": b"\x55" * 32, "block_number": 1200}),
    ("0013", "pruned", {"id_start": PRUNED[:16]}),
    ("0013", "reports", {"id": 1, "until_at": AT, "content": "", "made_ms": AT * 1000}),
]  # fmt: skip

ROWS = [*TRANSFERS, *ALERTS, *DELIVERIES, *CHAINS]
