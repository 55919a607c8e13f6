import asyncio
import json
import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from connext_monitor.core.documents.fields import encode
from connext_monitor.core.formats import hex_text
from connext_monitor.core.selection import Cursor, TransferFilter
from connext_monitor.reporting.web.cursors import (
    read_alert_cursor,
    read_transfer_cursor,
    write_alert_cursor,
    write_transfer_cursor,
)
from connext_monitor.reporting.web.lists import transfers_page
from tests.world.databases import open_store
from tests.world.examples import examples
from tests.world.two_chains import NAMES, START, Sample, fill

numbers = st.integers(-(2**63), 2**63 - 1)


@given(numbers, numbers)
def test_a_transfer_cursor_is_read_as_it_was_written(started_at: int, number: int) -> None:
    assert read_transfer_cursor(write_transfer_cursor((started_at, number))) == (started_at, number)


@given(numbers)
def test_an_alert_cursor_is_read_as_it_was_written(row: int) -> None:
    assert read_alert_cursor(write_alert_cursor(row)) == row


@given(st.text(max_size=200) | st.text("ABCDabcd0123-_=", max_size=60))
def test_any_text_is_either_one_cursor_or_none(text: str) -> None:
    transfers, alerts = read_transfer_cursor(text), read_alert_cursor(text)
    assert transfers is None or write_transfer_cursor(transfers) == text
    assert alerts is None or write_alert_cursor(alerts) == text


@example("\x7f\x9b\u202e\ud800")
@example(2**53)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_json_is_printable_ascii_with_numbers_that_fit_a_double(value: object) -> None:
    text = encode({"value": value})
    assert text.isascii()
    assert text.isprintable()
    read = json.loads(text, parse_int=lambda digits: float(digits).hex())
    assert read == json.loads(json.dumps({"value": value}), parse_int=_as_promised)


def _as_promised(digits: str) -> str:
    return float(digits).hex() if abs(int(digits)) < 2**53 else digits


starts = st.integers(0, 6)


@examples(25)
@given(st.lists(starts, max_size=12), st.lists(st.lists(starts, max_size=3), max_size=12), st.integers(1, 5))
def test_arrivals_between_pages_neither_repeat_nor_hide_anything(
    before: list[int], between: list[list[int]], limit: int
) -> None:
    there = {Sample(nonce, START + at).hex_id for nonce, at in enumerate(before)}
    seen = asyncio.run(_walk(before, between, limit))
    listed = [transfer_id for _, transfer_id in seen if transfer_id in there]
    assert len(listed) == len(there)
    cursors = [cursor for cursor, _ in seen]
    assert cursors == sorted(set(cursors), reverse=True)


async def _walk(before: list[int], between: list[list[int]], limit: int) -> list[tuple[Cursor, str]]:
    """All pages of the list as cursors with ids, with transfers that arrive after each page."""
    arriving, nonce = iter(between), 1000
    seen: list[tuple[Cursor, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        store = await open_store(Path(folder) / "monitor.db", NAMES)
        await fill(store, [Sample(nonce, START + at).xcalled() for nonce, at in enumerate(before)])
        after, more = None, True
        while more:
            views, after = await transfers_page(store, TransferFilter(), limit=limit, after=after)
            seen += [(view.cursor, hex_text(view.transfer.transfer_id)) for view in views]
            more = after is not None
            after = read_transfer_cursor(write_transfer_cursor(after)) if after else None
            new = [Sample(nonce + number, START + at) for number, at in enumerate(next(arriving, []))]
            nonce += len(new)
            await fill(store, [sample.xcalled() for sample in new])
        await store.close()
    return seen
