"""The latest execution of each pathway by each set of routers, as it is kept: triggers have it follow each transfer."""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, Text, cast, func, select

from connext_monitor.core.events import DomainId, Pathway, Timestamp
from connext_monitor.core.stats import Window
from connext_monitor.store.connection import Connection
from connext_monitor.store.counted_rows import ends
from connext_monitor.store.kept_tables import kept_executions
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.sql_functions import Hexed, Joined

_K = kept_executions.c


class LastBySet(NamedTuple):
    """The latest execution of a pathway by one set of routers, 20 bytes each; none of them where it was slow."""

    destination: DomainId
    origin: DomainId
    routers: bytes
    last: Timestamp


def last_executions(connection: Connection, window: Window) -> list[LastBySet]:
    """Those of each pathway; of the window its ends count."""
    of_ends = _of_ends(window)
    rows = _select_each(*of_ends).rows(connection, **ends(window))
    return [LastBySet(row.destination, row.origin, row.routers, row.last) for row in rows]


def last_of_pathways(connection: Connection, window: Window) -> dict[Pathway, Timestamp]:
    """The latest of each pathway, whoever fronted it; of the window its ends count."""
    rows = _select_of_pathways(*_of_ends(window)).rows(connection, **ends(window))
    return {(row.origin, row.destination): row.last for row in rows}


def last_of_sets(connection: Connection, window: Window) -> dict[bytes, Timestamp]:
    """The latest by each set of routers, on whichever pathway; of the window its ends count."""
    together = _select_of_sets(*_of_ends(window)).value(connection, **ends(window))
    parted = [its.partition(" ") for its in together.split(",")] if together else []
    return {bytes.fromhex(routers): Timestamp(int(last)) for routers, _, last in parted}


def last_execution(connection: Connection, pathway: Pathway) -> Timestamp | None:
    """The latest of a pathway, whoever fronted it; None where there is none."""
    return last_of_pathways(connection, Window(0, 0, *pathway)).get(pathway)


def _of_ends(window: Window) -> tuple[bool, bool]:
    return window.origin is not None, window.destination is not None


def _are_of_ends(origin: bool, destination: bool) -> list[ColumnElement[bool]]:
    conditions = ((_K.origin, "of_origin", origin), (_K.destination, "of_destination", destination))
    return [column == parameter(name) for column, name, given in conditions if given]


@cache
def _select_each(origin: bool, destination: bool) -> Prepared:
    return Prepared(lambda: select(kept_executions).where(*_are_of_ends(origin, destination)))


@cache
def _select_of_pathways(origin: bool, destination: bool) -> Prepared:
    key = (_K.destination, _K.origin)
    latest = func.max(_K.last).label("last")
    return Prepared(lambda: select(*key, latest).where(*_are_of_ends(origin, destination)).group_by(*key))


@cache
def _select_of_sets(origin: bool, destination: bool) -> Prepared:
    return Prepared(lambda: _write_of_sets(origin, destination))


def _write_of_sets(origin: bool, destination: bool) -> Select[*tuple[Any, ...]]:
    """All in one text: for each row the threads would hand the interpreter to one another."""
    latest = func.max(_K.last, type_=BigInteger).label("last")
    fronted = (_K.routers != b"", *_are_of_ends(origin, destination))
    its = select(_K.routers, latest).where(*fronted).group_by(_K.routers).subquery().c
    return select(Joined(Hexed(its.routers).concat(" ").concat(cast(its.last, Text))))
