"""What routers' books change by, however many events come at once."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from connext_monitor.core.events import Address, Executed, Reconciled
from connext_monitor.core.router_books import Movements
from connext_monitor.core.transfer import EventRecord
from tests.world.drawn_events import drawn_records
from tests.world.examples import examples
from tests.world.packed import packed_record
from tests.world.transfers import ROUTER

OTHER = Address(b"\x0e" * 20)
_ROUTERS = ((), (ROUTER,), (OTHER,), (ROUTER, OTHER), (OTHER, OTHER, ROUTER))


def _by(record: EventRecord, routers: tuple[Address, ...], amount: int) -> EventRecord:
    """The same event, of these routers, and of this amount."""
    event = record.event
    if isinstance(event, Executed | Reconciled):
        return replace(record, event=replace(event, routers=routers, amount=amount))
    return record


_RECORDS = st.builds(_by, drawn_records, st.sampled_from(_ROUTERS), st.sampled_from([0, 7, 10**30 + 1]))


@settings(examples(200))
@given(st.lists(st.tuples(_RECORDS, st.booleans()), max_size=8))
def test_events_that_come_together_move_books_as_one_by_one(records: Sequence[tuple[EventRecord, bool]]) -> None:
    together, one_by_one = Movements(), Movements()
    together.alone([packed_record(record) if stored else record for record, stored in records])
    for record, _ in records:
        one_by_one.event(record)
    assert together == one_by_one
