"""Statements on many rows: none is left out, however many."""

import itertools
import re
from typing import Any

import pytest
from sqlalchemy import Column, Select, insert, select

from connext_monitor.core.events import Address
from connext_monitor.core.selection import TransferFilter
from connext_monitor.store.bulk import InsertMany, SelectIn, SelectMany, UpdateMany, flat
from connext_monitor.store.connection import Connection
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import anchors, events, transfers
from connext_monitor.store.store import Store
from tests.world.recording import put, seen
from tests.world.transfers import executed, info, sighting, xcalled

ROUTERS = (Address(b"\1" * 20), Address(b"\2" * 20))
NOBODYS = {int: 10**6, bytes: b"nobody"}
MANY = 1025
"""One more than a list holds."""


async def test_more_transfers_than_fit_one_statement_are_found(store: Store) -> None:
    infos = [info(nonce) for nonce in range(MANY)]
    await put(store, seen(*(xcalled(transfer, sighting(10)) for transfer in infos)))
    changes, _ = await put(store, seen(*(executed(transfer, sighting(20)) for transfer in infos)))
    assert all(transfer.xcalled_at is not None for transfer in changes.transfers)
    assert len(await store.transfers.listed(TransferFilter(), limit=2 * MANY)) == MANY


async def test_what_was_stored_is_read_back_as_it_was(store: Store) -> None:
    called = xcalled(info(7), sighting(10))
    await put(store, seen(called))
    watched = await store.transfers.by_id(called.event.transfer_id)
    assert watched is not None
    assert (watched.transfer.xcalled, watched.transfer.info) == (called.sighting, info(7))


def test_columns_out_of_the_tables_order_are_refused() -> None:
    with pytest.raises(ValueError, match="order"):
        InsertMany(lambda: insert(events), (events.c.domain, events.c.transfer))


@pytest.mark.sqlite_only("SQLite's journal of a statement")
async def test_nothing_has_a_journal_kept_of_each_statement_of_a_history(store: Store) -> None:
    """See `ending_all`: no function in an index or a trigger, no foreign key that is looked at before the commit."""

    def kept(connection: Connection) -> list[tuple[str, str]]:
        query = "SELECT type, sql FROM sqlite_master WHERE tbl_name IN ('events', 'transfers') AND sql IS NOT NULL"
        return connection.run(query).fetchall()

    texts = await store.database.read(kept)
    assert [sql for kind, sql in texts if kind != "table" and re.search(r"\w\(", sql)] == []
    assert [sql for _, sql in texts if sql.count("REFERENCES") != sql.count("DEFERRABLE INITIALLY DEFERRED")] == []


async def test_bytes_that_are_not_there_are_told_from_none(store: Store) -> None:
    called, slow = xcalled(info(0), sighting(10)), (xcalled(info(1), sighting(10)), executed(info(1), sighting(11), ()))
    await put(store, seen(called, *slow))
    select_routers = SelectIn(lambda: select(transfers.c.routers), transfers.c.id)
    routers = await store.database.read(lambda connection: select_routers(connection, [1, 2]))
    assert sorted(routers, key=repr) == [[None], [b""]]


@pytest.mark.parametrize("rows", [0, 1, 2, MANY])
async def test_many_rows_in_one_text_are_what_they_are_one_by_one(store: Store, rows: int) -> None:
    events_of = (
        event
        for nonce in range(rows)
        for event in (xcalled(info(nonce), sighting(10)), executed(info(nonce), sighting(20)))
    )
    await put(store, seen(*itertools.islice(events_of, rows)))

    def write() -> Select[*tuple[Any, ...]]:
        return select(transfers.c.nonce, transfers.c.transfer_id, transfers.c.routers, events.c.kind).join(
            events, events.c.transfer == transfers.c.id
        ).where(events.c.block_number >= parameter("first"))  # fmt: skip

    def both(connection: Connection) -> list[list[tuple[Any, ...]]]:
        by_rows, in_one = Prepared(write).rows(connection, first=10), SelectMany(write)(connection, first=10)
        return [sorted(map(tuple, answer), key=repr) for answer in (by_rows, in_one)]

    one_by_one, together = await store.database.read(both)
    assert (together, len(together)) == (one_by_one, rows)


@pytest.mark.parametrize("rows", [0, 1, 3, MANY, 5000])
async def test_many_rows_are_each_updated_once_and_as_given(store: Store, rows: int) -> None:
    await put(store, seen(*(xcalled(info(nonce), sighting(10)) for nonce in range(rows + 1))))
    update = UpdateMany(transfers.c.id, (transfers.c.nonce, transfers.c.routers))
    new = [(number, number * 2, number.to_bytes(4, "big")) for number in range(1, rows + 1)]

    def work(connection: Connection) -> list[tuple[object, ...]]:
        update(connection, flat(new))
        return connection.run("SELECT id, nonce, routers FROM transfers ORDER BY id").fetchall()

    assert await store.database.write(work) == [*new, (rows + 1, rows, None)]


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 5, 600, MANY, 10_000])
async def test_many_rows_are_each_inserted_once_and_as_given(store: Store, rows: int) -> None:
    insert_blocks = InsertMany(lambda: insert(anchors), list(anchors.c))
    new = [(number % 7, number, number.to_bytes(4, "big")) for number in range(rows)]

    def work(connection: Connection) -> list[tuple[object, ...]]:
        insert_blocks(connection, flat(new))
        return connection.run("SELECT * FROM anchors ORDER BY block_number").fetchall()

    assert await store.database.write(work) == new


@pytest.mark.sqlite_only("a server takes each column as an array")
@pytest.mark.parametrize(("rows", "statements"), [(1, 1), (3, 1), (1000, 1), (4096, 1), (5000, 2)])
async def test_whatever_their_number_rows_take_one_statement(store: Store, rows: int, statements: int) -> None:
    """A thread gives up the interpreter for each statement, and waits to have it back."""
    insert_blocks = InsertMany(lambda: insert(anchors), list(anchors.c))
    move_blocks = UpdateMany(transfers.c.id, (transfers.c.origin, transfers.c.nonce))
    heard: list[str] = []

    def work(connection: Connection) -> None:
        connection.before = heard.append
        insert_blocks(connection, flat((1, number, b"") for number in range(rows)))
        move_blocks(connection, flat((number, 1, 1) for number in range(rows)))
        connection.before = None

    await store.database.write(work)
    assert len(heard) == 2 * statements


@pytest.mark.parametrize("column", [transfers.c.id, transfers.c.origin, transfers.c.routers])
async def test_what_is_asked_alone_is_read_as_beside_others(store: Store, column: Column[Any]) -> None:
    """One value's rows are read as they are, those of several as one text."""
    steps = ((xcalled(info(n), sighting(10)), executed(info(n), sighting(11), ROUTERS[:n])) for n in range(3))
    await put(store, seen(xcalled(info(7), sighting(10)), *(event for of_transfer in steps for event in of_transfer)))
    every = SelectIn(lambda: select(transfers), column)

    def work(connection: Connection) -> tuple[list[tuple[Any, ...]], ...]:
        values = [row[0] for row in connection.run(f"SELECT DISTINCT {column.name} FROM transfers")]  # noqa: S608
        there = [value for value in values if value is not None]
        there.append(NOBODYS[type(there[0])])
        alone = [tuple(row) for value in there for row in every(connection, [value])]
        return alone, [tuple(row) for row in every(connection, there)]

    alone, together = await store.database.read(work)
    assert sorted(alone, key=repr) == sorted(together, key=repr)
    assert alone
