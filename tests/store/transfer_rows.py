"""What is stored of transfers, as the rows say it."""

from dataclasses import fields

from connext_monitor.core.transfer_summary import TransferSummary
from connext_monitor.store.store import Store

COLUMNS = [field.name for field in fields(TransferSummary)]


_ORPHANS = "SELECT count(*) FROM events WHERE NOT EXISTS (SELECT 1 FROM transfers WHERE transfers.id = events.transfer)"


async def orphans_in(store: Store) -> int:
    """How many events are stored whose transfer is not."""
    [number] = await store.database.read(lambda connection: connection.run(_ORPHANS).fetchone())
    return int(number)


async def rows_of(store: Store) -> dict[object, tuple[object, ...]]:
    """What the rows of transfers say, the moment that they began first."""
    query = f"SELECT transfer_id, started_at, {', '.join(COLUMNS)} FROM transfers"  # noqa: S608 - our own names
    rows = await store.database.read(lambda connection: connection.run(query).fetchall())
    return {transfer_id: tuple(row) for transfer_id, *row in rows}
