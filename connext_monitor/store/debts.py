"""What each set of routers is owed on a chain in a token, added up from what was read of it, and kept.

Triggers of the database say of which that is to be done anew. Those are added up when they are asked for, until they
are kept again.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Text, cast, delete, func, literal, select, update

from connext_monitor.core.events import Address, DomainId, Timestamp
from connext_monitor.core.stats import shares_of
from connext_monitor.store.connection import Connection
from connext_monitor.store.kept_tables import debts, fronted
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.sql_functions import Hexed, Joined

_D = debts.c
_F = fronted.c
_KEY = ("destination", "routers", "asset")
_ADDRESS = 20
_ALL = 1 << 62


class SetDebt(NamedTuple):
    """What a set of routers is owed for so many transfers, the ``oldest`` executed then (Unix seconds).

    Each of the routers gets back its ``share``, in base units of the token, the last one the ``last_share``.
    """

    destination: DomainId
    routers: bytes
    asset: Address
    transfers: int
    oldest: Timestamp
    share: int
    last_share: int

    @property
    def token(self) -> tuple[DomainId, Address]:
        """The chain, and its token there."""
        return self.destination, self.asset


def debt_of(
    destination: DomainId, routers: bytes, asset: Address, oldest: Timestamp, amounts: Sequence[int]
) -> SetDebt:
    """What they are owed for these amounts, each fronted together."""
    shares = shares_of(amounts, len(routers) // _ADDRESS)
    return SetDebt(destination, routers, asset, len(amounts), oldest, shares[0], shares[-1])


def debts_on(connection: Connection, destination: DomainId | None) -> Iterator[SetDebt]:
    """All on one chain, or on every chain, of what has been read."""
    ends = {} if destination is None else {"of_destination": destination}
    text = _select_kept(destination is not None).value(connection, **ends)
    for its in text.split(",") if text else ():
        domain, routers, asset, transfers, oldest, *shares = its.split(" ")
        yield SetDebt(
            DomainId(int(domain)),
            bytes.fromhex(routers),
            Address(bytes.fromhex(asset)),
            int(transfers),
            Timestamp(int(oldest)),
            *(int(share, 16) for share in shares),
        )
    for row in _select_to_add_up(destination is not None).rows(connection, most=_ALL, **ends):
        debt = _added_up(connection, row)
        if debt is not None:
            yield debt


def not_added_up(connection: Connection) -> bool:
    """Whether there is any that is to be added up anew."""
    return bool(_select_to_add_up(one_chain=False).rows(connection, most=1))


def add_up(connection: Connection, limit: int) -> int:
    """Add up at most ``limit`` of those, and keep that; how many there were."""
    rows = _select_to_add_up(one_chain=False).rows(connection, most=limit)
    for row in rows:
        debt = _added_up(connection, row)
        if debt is None:
            _FORGET.execute(connection, **_key(row))
        else:
            shares = {"new_share": _bytes(debt.share), "new_last_share": _bytes(debt.last_share)}
            _KEEP.execute(connection, **_key(row), new_transfers=debt.transfers, new_oldest=debt.oldest, **shares)
    return len(rows)


def read_amounts(text: str) -> list[int]:
    """Each of what `joined_amounts` has put together."""
    return [int(amount, 16) for amount in text.split(",")]


def joined_amounts() -> ColumnElement[str]:
    """The amounts in one text: a row for each would take Python longer than SQLite takes to find it."""
    return Joined(_digits(_F.amount))


def _added_up(connection: Connection, row: StoredRow) -> SetDebt | None:
    its = _SELECT_AMOUNTS.row(connection, **_key(row))
    if its is None or its.amounts is None:
        return None
    return debt_of(row.destination, row.routers, row.asset, its.oldest, read_amounts(its.amounts))


def _key(row: StoredRow) -> dict[str, object]:
    return {f"of_{name}": getattr(row, name) for name in _KEY}


def _bytes(amount: int) -> bytes:
    return amount.to_bytes((amount.bit_length() + 7) // 8, "big")


def _digits(number: ColumnElement[Any]) -> ColumnElement[Any]:
    """Those of a number of bytes, of which there may be none."""
    return literal("0").concat(Hexed(number))


@cache
def _select_kept(one_chain: bool) -> Prepared:
    def write() -> Select[*tuple[Any, ...]]:
        texts = [cast(_D.destination, Text), Hexed(_D.routers), Hexed(_D.asset)]
        texts += [cast(_D.transfers, Text), cast(_D.oldest, Text), _digits(_D.share), _digits(_D.last_share)]
        whole: ColumnElement[Any] = texts[0]
        for each in texts[1:]:
            whole = whole.concat(" ").concat(each)
        return select(Joined(whole)).where(_D.transfers.is_not(None), *_on(one_chain))

    return Prepared(write)


@cache
def _select_to_add_up(one_chain: bool) -> Prepared:
    key = [_D[name] for name in _KEY]
    query = select(*key).where(_D.transfers.is_(None)).order_by(*key).limit(parameter("most"))
    return Prepared(lambda: query.where(*_on(one_chain)))


def _on(one_chain: bool) -> list[ColumnElement[bool]]:
    return [_D.destination == parameter("of_destination")] if one_chain else []


def _is_it(columns: Any) -> list[ColumnElement[bool]]:  # noqa: ANN401 - of either table
    return [columns[name] == parameter(f"of_{name}") for name in _KEY]


_SELECT_AMOUNTS = Prepared(
    lambda: select(joined_amounts().label("amounts"), func.min(_F.executed_at).label("oldest")).where(*_is_it(_F))
)
_FORGET = Prepared(lambda: delete(debts).where(*_is_it(_D)))
_KEEP = Prepared(
    lambda: (
        update(debts)
        .where(*_is_it(_D))
        .values({name: parameter(f"new_{name}") for name in ("transfers", "oldest", "share", "last_share")})
    )
)
