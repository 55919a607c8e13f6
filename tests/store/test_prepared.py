"""Statements that are written once and asked with values."""

import gc
from collections.abc import Sequence
from functools import partial
from weakref import ref

import pytest
from sqlalchemy import Select, delete, insert, select, tuple_

from connext_monitor.store.connection import Connection
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, list_parameter, parameter, parameters
from connext_monitor.store.schema import channels
from connext_monitor.store.store import Store

INSERT = Prepared(lambda: insert(channels).values(parameters("provider", "state", "since_ms")))
SELECT = Prepared(lambda: select(channels).order_by(channels.c.provider))
SELECT_NAMES = Prepared(
    lambda: (
        select(channels.c.provider)
        .where(channels.c.provider.in_(list_parameter("names")), channels.c.since_ms < parameter("before"))
        .order_by(channels.c.since_ms)
    )
)
DELETE_PAIRS = Prepared(
    lambda: delete(channels).where(tuple_(channels.c.provider, channels.c.since_ms).in_(list_parameter("pairs")))
)
MANY = 150


def fill(connection: Connection, count: int) -> None:
    rows = [{"provider": f"p{number:03}", "state": "ok", "since_ms": number} for number in range(count)]
    INSERT.execute_many(connection, rows)


async def test_the_columns_of_a_row_have_their_names(store: Store) -> None:
    await store.database.write(lambda connection: fill(connection, 1))
    row = await store.database.read(SELECT.row)
    assert row is not None
    assert (row.provider, row.since_ms, row.reason) == ("p000", 0, None)
    assert row == ("p000", "ok", None, 0)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 63, 64, 65, MANY])
async def test_a_list_of_any_length_finds_just_its_own(store: Store, length: int) -> None:
    await store.database.write(lambda connection: fill(connection, MANY))
    names = [f"p{number:03}" for number in range(length)]
    selected = await store.database.read(lambda connection: SELECT_NAMES.column(connection, names=names, before=10**6))
    assert selected == names


async def test_values_beside_a_list_keep_their_places(store: Store) -> None:
    await store.database.write(lambda connection: fill(connection, 9))
    names = ["p001", "p005", "p007"]
    selected = await store.database.read(lambda connection: SELECT_NAMES.column(connection, names=names, before=6))
    assert selected == ["p001", "p005"]


@pytest.mark.parametrize("pairs", [[], [("p001", 1)], [("p001", 1), ("p002", 2), ("p003", 7)]])
async def test_a_list_of_pairs_is_compared_pair_by_pair(store: Store, pairs: Sequence[tuple[str, int]]) -> None:
    await store.database.write(lambda connection: fill(connection, 4))
    await store.database.write(lambda connection: DELETE_PAIRS.execute(connection, pairs=pairs))
    rows = await store.database.read(SELECT.rows)
    assert [row.since_ms for row in rows] == [n for n in range(4) if (f"p{n:03}", n) not in pairs]


async def test_a_question_without_one_of_its_values_is_refused(store: Store) -> None:
    with pytest.raises(KeyError, match="before"):
        await store.database.read(lambda connection: SELECT_NAMES.column(connection, names=["p000"]))


async def test_what_a_statement_was_written_from_is_not_kept(store: Store) -> None:
    written: list[ref[Select[str]]] = []

    def noted(query: Select[str]) -> Select[str]:
        written.append(ref(query))
        return query

    all_names = select(channels.c.provider)
    of_list = Prepared(lambda: noted(all_names.where(channels.c.provider.in_(list_parameter("names")))))
    for names in (["p000"], ["p000", "p001"], ["p002"]):
        await store.database.read(partial(of_list.column, names=names))
    before = Prepared(lambda: noted(all_names.where(channels.c.since_ms < parameter("before"))))
    await store.database.read(partial(before.column, before=0))
    gc.collect()
    assert [query() for query in written] == [None, None, None]


async def test_a_stream_gives_all_rows_and_may_be_left_early(store: Store) -> None:
    await store.database.write(lambda connection: fill(connection, 2_500))

    def look(connection: Connection) -> tuple[StoredRow, int]:
        first = next(SELECT.stream(connection))
        return first, sum(1 for _ in SELECT.stream(connection))

    first, count = await store.database.read(look)
    assert (first.provider, count) == ("p000", 2_500)


async def test_without_rows_there_is_no_first_one(store: Store) -> None:
    assert await store.database.read(SELECT.row) is None
    assert await store.database.read(SELECT.value) is None
    assert await store.database.read(SELECT.rows) == []
