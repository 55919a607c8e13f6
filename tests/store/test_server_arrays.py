"""Arrays that are packed here arrive on a server as the values that they were packed of."""

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.store.connection import Connection, transact
from connext_monitor.store.engine import engine_of
from connext_monitor.store.postgres_arrays import ELEMENT_TYPES, ServerArray
from tests.world import postgres

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def connection(server: postgres.Server) -> Iterator[Connection]:
    with server.empty_database() as url:
        reader = engine_of(url).reader()
        yield reader
        reader.close()


def integers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "BIGINT": integers(64),
    "INTEGER": integers(32),
    "SMALLINT": integers(16),
    "BOOLEAN": st.booleans(),
    "BYTEA": st.binary(max_size=40),
    "TEXT": st.text(st.characters(exclude_categories=["Cs"])),
}


def test_every_type_is_tried() -> None:
    assert VALUES.keys() == ELEMENT_TYPES.keys()


@pytest.mark.parametrize("name", VALUES)
@given(data=st.data())
def test_values_arrive_as_they_were_packed(connection: Connection, name: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | VALUES[name], max_size=9))
    sent = ServerArray(values, ELEMENT_TYPES[name])
    query = f"SELECT * FROM unnest(?::{name}[])"  # noqa: S608
    rows = transact(connection, lambda each: each.run(query, (sent,)).fetchall())
    assert [value for (value,) in rows] == [as_kept(value) for value in values]


def test_a_nul_in_a_text_does_not_keep_it_from_arriving(connection: Connection) -> None:
    sent = ServerArray(["no\0pe", None], ELEMENT_TYPES["TEXT"])
    rows = transact(connection, lambda each: each.run("SELECT unnest(?::TEXT[])", (sent,)).fetchall())
    assert rows == [("no\N{REPLACEMENT CHARACTER}pe",), (None,)]


def as_kept(value: Any) -> Any:
    """A server keeps no NUL in a text."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


@pytest.mark.parametrize(("name", "value"), [("BIGINT", 2**63), ("INTEGER", 2**31), ("SMALLINT", 2**15)])
def test_a_number_that_no_column_holds_is_not_cut(name: str, value: int) -> None:
    with pytest.raises((struct.error, OverflowError)):
        ServerArray([value], ELEMENT_TYPES[name]).packed()
