"""What a store still awaits, for tests that ask for all of it."""

from connext_monitor.core.deadline import Awaited, Leg
from connext_monitor.core.events import TransferId
from connext_monitor.store.store import Store


async def awaited_in(store: Store, *, due_until: int = 2**62, transfer_id: TransferId | None = None) -> list[Awaited]:
    """The legs of one transfer, or of all, that have not arrived and are due until then; the earliest first."""
    legs = [await store.deadlines.awaited(leg, due_until=due_until, after=None, limit=10**6) for leg in Leg]
    found = [one for of_kind in legs for one in of_kind if transfer_id in {None, one.transfer_id}]
    return sorted(found, key=lambda one: one.due_at)
