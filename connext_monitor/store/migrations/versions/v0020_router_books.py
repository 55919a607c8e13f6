"""Routers' books: sums of what they added, removed, fronted and got back; of what is stored they are added up here."""

from collections import defaultdict
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0017"

_AT_ONCE = 5_000
_EXECUTED, _RECONCILED = 2, 3
_UNPACK = msgspec.msgpack.Decoder(tuple[Any, ...]).decode
_FIELDS = msgspec.json.decode
_LIQUIDITY = {"RouterLiquidityAdded": "added", "RouterLiquidityRemoved": "removed"}
_BRIDGED_AMOUNT = 9
_FEE_NUMERATOR, _FEE_DENOMINATOR = 9_995, 10_000

# Where an event stands in several places, the lowest one counts; and on the transfer's destination alone.
_LEGS = sa.text(
    "SELECT e.id, e.transfer, e.kind, e.domain, e.block_at, e.payload"
    " FROM events AS e CROSS JOIN transfers AS t ON t.id = e.transfer"
    " WHERE e.id > :after AND e.id <= :until AND e.kind <> 1 AND e.domain = t.destination AND NOT EXISTS ("
    " SELECT 1 FROM events AS lower WHERE lower.transfer = e.transfer AND lower.kind = e.kind"
    " AND +lower.domain = e.domain AND (+lower.block_number, lower.block_hash) < (e.block_number, e.block_hash))"
)
_BESIDE = sa.text(
    "SELECT DISTINCT kind, domain, tx_hash, digest, ordinal, payload FROM bridge_events"
    " WHERE kind IN ('RouterLiquidityAdded', 'RouterLiquidityRemoved')"
)


def upgrade() -> None:
    """Make the table, and add up."""
    op.create_table(
        "router_books",
        sa.Column("router", sa.LargeBinary(), nullable=False),
        sa.Column("domain", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("asset", sa.LargeBinary(), nullable=False),
        sa.Column("added", sa.LargeBinary(), nullable=False),
        sa.Column("removed", sa.LargeBinary(), nullable=False),
        sa.Column("fronted", sa.LargeBinary(), nullable=False),
        sa.Column("reimbursed", sa.LargeBinary(), nullable=False),
        sa.Column("fills", sa.BigInteger(), nullable=False),
        sa.Column("last_fill", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("router", "domain", "asset"),
    )
    op.create_index("bridge_events_by_tx", "bridge_events", ["tx_hash"])
    books = _Books()
    connection = op.get_bind()
    last = connection.execute(sa.text("SELECT max(id) FROM events")).scalar() or 0
    for after in range(0, last, _AT_ONCE):
        for row in connection.execute(_LEGS, {"after": after, "until": after + _AT_ONCE}):
            books.leg(row.kind, row.domain, row.block_at, _UNPACK(row.payload))
    for row in connection.execute(_BESIDE):
        books.liquidity(row.kind, row.domain, _FIELDS(row.payload))
    table = sa.table("router_books", *(sa.column(name) for name in ("router", "domain", "asset", *_NUMBERS)))
    if rows := books.rows():
        op.bulk_insert(table, rows)


_AMOUNTS = ("added", "removed", "fronted", "reimbursed")
_NUMBERS = (*_AMOUNTS, "fills", "last_fill")


class _Books:
    """What has been added up so far, by router, chain and token."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[bytes, int, bytes], dict[str, Any]] = defaultdict(
            lambda: dict.fromkeys(_NUMBERS, 0) | {"last_fill": None}
        )

    def leg(self, kind: int, domain: int, at: int, payload: tuple[Any, ...]) -> None:
        if kind == _RECONCILED:
            _, local, routers, amount, _ = payload
            self._share("reimbursed", domain, local, routers, int.from_bytes(amount, "big"))
            return
        _, asset, info, routers, local, amount, _ = payload
        bridged = int.from_bytes(info[_BRIDGED_AMOUNT], "big")
        paid = int.from_bytes(amount, "big") if asset == local else bridged * _FEE_NUMERATOR // _FEE_DENOMINATOR
        self._share("fronted", domain, local, routers, paid)
        for router in {*routers, b""} if routers else ():
            book = self._sums[router, domain, local]
            book["fills"] += 1
            if router:
                book["last_fill"] = max(at, book["last_fill"] or at)

    def liquidity(self, kind: str, domain: int, fields: dict[str, Any]) -> None:
        router, local = (bytes.fromhex(fields[name][2:]) for name in ("router", "local"))
        self._sums[router, domain, local][_LIQUIDITY[kind]] += int(fields["amount"])

    def _share(self, what: str, domain: int, local: bytes, routers: list[bytes], amount: int) -> None:
        for router in routers:
            self._sums[router, domain, local][what] += amount // len(routers)
        if routers:
            self._sums[routers[-1], domain, local][what] += amount % len(routers)

    def rows(self) -> list[dict[str, object]]:
        return [
            {"router": router, "domain": domain, "asset": asset, **sums}
            | {name: _signed(sums[name]) for name in _AMOUNTS}
            for (router, domain, asset), sums in self._sums.items()
        ]


def _signed(amount: int) -> bytes:
    return amount.to_bytes(amount.bit_length() // 8 + 1, "big", signed=True)
