"""What routers fronted and have not got back.

The database holds a row for each such transfer: its triggers put it there and take it away with the transfer's own row.
What was fronted stands in the event. It is read from there soon after, and kept until another Executed of the transfer
comes, or one goes. What has been read is added up by routers and token (`debts`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, update

from connext_monitor.core.events import Address, DomainId, Timestamp
from connext_monitor.core.payload import unpack_fronted
from connext_monitor.core.stats import Owed, Window
from connext_monitor.store.bulk import parts
from connext_monitor.store.connection import Connection
from connext_monitor.store.debts import SetDebt, debt_of, debts_on, joined_amounts, read_amounts
from connext_monitor.store.event_kinds import EXECUTED
from connext_monitor.store.kept_tables import fronted
from connext_monitor.store.prepared import Prepared, list_parameter, parameter, parameters
from connext_monitor.store.schema import domain_of_event, events, transfers

_F = fronted.c
_WITH_TRANSFERS = fronted.join(transfers, transfers.c.id == _F.transfer)
_ADDRESS = 20
_ALL = 1 << 62


def owed(connection: Connection, window: Window) -> list[tuple[Address, Owed]]:
    """What each router is owed by token, the most transfers first; of the window its ends count."""
    debts: dict[tuple[Address, DomainId, Address], _Debt] = {}
    for its in _debts(connection, window):
        routers = split(its.routers)
        of_each = {router: debts.setdefault((router, *its.token), _Debt(its.oldest)) for router in routers}
        for router in routers[:-1]:
            of_each[router].amount += its.share
        of_each[routers[-1]].amount += its.last_share
        for debt in of_each.values():
            debt.transfers += its.transfers
            debt.oldest = min(debt.oldest, its.oldest)
    in_order = sorted(debts.items(), key=lambda debt: (-debt[1].transfers, debt[0]))
    return [
        (router, Owed(domain, asset, its.amount, its.transfers, its.oldest))
        for (router, domain, asset), its in in_order
    ]


def split(routers: bytes) -> list[Address]:
    """The routers of a fill, in their order."""
    return [Address(routers[at : at + _ADDRESS]) for at in range(0, len(routers), _ADDRESS)]


def not_read(connection: Connection) -> bool:
    """Whether there is a row whose event has not been read."""
    return _SELECT_ANY_UNREAD.value(connection) is not None


def read_events(connection: Connection, limit: int) -> int:
    """Read what was fronted of at most ``limit`` rows, and keep it; how many there were."""
    read = [
        {"number": transfer, "asset": asset, "amount": amount, "executed_at": at}
        for transfer, at, _, _, asset, amount in _unread(connection, Window(0, 0), limit)
    ]
    _KEEP.execute_many(connection, read)
    return len(read)


def forget(connection: Connection, numbers: Iterable[int]) -> None:
    """Of transfers with rows of these numbers, another Executed may count now: it is to be read."""
    for part in parts(numbers):
        _FORGET.execute(connection, numbers=part)


@dataclass(slots=True)
class _Debt:
    """``oldest``: see `Owed`."""

    oldest: Timestamp
    amount: int = 0
    transfers: int = 0


def _debts(connection: Connection, window: Window) -> Iterator[SetDebt]:
    """What was fronted, by routers and token, each of which may come several times."""
    if window.origin is None:
        yield from debts_on(connection, window.destination)
    else:
        query = _select_read(window.destination is not None)
        for row in query.stream(connection, **_ends(window)):
            yield debt_of(row.destination, row.routers, row.asset, row.oldest, read_amounts(row.amounts))
    for _, at, destination, routers, asset, amount in _unread(connection, window, _ALL):
        yield debt_of(destination, routers, asset, at, [int.from_bytes(amount, "big")])


def _unread(
    connection: Connection, window: Window, limit: int
) -> Iterator[tuple[int, Timestamp, DomainId, bytes, Address, bytes]]:
    """Of rows whose event has not been read: transfer, when, chain, routers, token and amount.

    At most ``limit`` of them, all where that is negative.
    """
    last = None
    query = _select_unread(window.origin is not None, window.destination is not None)
    for row in query.stream(connection, most=limit, **_ends(window)):
        # Where an Executed stands in two places, one of which a reorg took, the lower one counts.
        if row.transfer != last:
            last = row.transfer
            asset, amount = unpack_fronted(row.payload)
            yield row.transfer, row.executed_at, row.destination, row.routers, asset, amount


def _ends(window: Window) -> dict[str, object]:
    given = {"of_origin": window.origin, "of_destination": window.destination}
    return {name: domain for name, domain in given.items() if domain is not None}


def _of_ends(origin: bool, destination: bool) -> list[ColumnElement[bool]]:
    conditions = ((_F.origin, "of_origin", origin), (_F.destination, "of_destination", destination))
    return [column == parameter(name) for column, name, given in conditions if given]


@cache
def _select_read(destination: bool) -> Prepared:
    columns = (_F.destination, _F.routers, _F.asset)
    return Prepared(
        lambda: (
            select(*columns, joined_amounts().label("amounts"), func.min(_F.executed_at).label("oldest"))
            .where(_F.asset.is_not(None), *_of_ends(origin=True, destination=destination))
            .group_by(*columns)
        )
    )


@cache
def _select_unread(origin: bool, destination: bool) -> Prepared:
    return Prepared(lambda: _write_unread(origin, destination))


def _write_unread(origin: bool, destination: bool) -> Select[*tuple[Any, ...]]:
    numbers = (
        select(_F.transfer)
        .where(_F.asset.is_(None), *_of_ends(origin, destination))
        .order_by(_F.transfer)
        .limit(parameter("most"))
    )
    executed = and_(events.c.transfer == _F.transfer, events.c.kind == EXECUTED, domain_of_event == _F.destination)
    return (
        select(_F.transfer, transfers.c.executed_at, _F.destination, _F.routers, events.c.payload)
        .select_from(_WITH_TRANSFERS.join(events, executed))
        .where(_F.transfer.in_(numbers))
        .order_by(_F.transfer, events.c.block_number, events.c.block_hash)
    )


_SELECT_ANY_UNREAD = Prepared(lambda: select(_F.transfer).where(_F.asset.is_(None)).limit(1))
_FORGET = Prepared(
    lambda: (
        update(fronted)
        .where(_F.transfer.in_(list_parameter("numbers")), _F.asset.is_not(None))
        .values(asset=None, amount=None, executed_at=None)
    )
)
_KEEP = Prepared(
    lambda: (
        update(fronted).where(_F.transfer == parameter("number")).values(parameters("asset", "amount", "executed_at"))
    )
)
