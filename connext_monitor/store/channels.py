"""How a channel is, kept as the alert manager learns it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import Insert, insert

from connext_monitor.core.delivery_records import ChannelState, StoredHealth
from connext_monitor.store.connection import Connection
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.prepared import Prepared, parameter, parameters
from connext_monitor.store.schema import channels


def _save_channel() -> Insert:
    row = insert(channels).values(parameters("provider", "state", "reason", "since_ms"))
    replaced = {name: row.excluded[name] for name in ("state", "reason", "since_ms")}
    return row.on_conflict_do_update(index_elements=["provider"], set_=replaced)


_SAVE_CHANNEL = Prepared(_save_channel)
_SELECT_CHANNEL = Prepared(lambda: select(channels).where(channels.c.provider == parameter("name")))


def save_channel(connection: Connection, provider: str, state: ChannelState, reason: str | None, at: datetime) -> None:
    """How a channel is, and since when."""
    _SAVE_CHANNEL.execute(connection, provider=provider, state=state.value, reason=reason, since_ms=to_ms(at))


def channel_health(connection: Connection, provider: str) -> StoredHealth | None:
    """How a channel was when that was last stored; None where nothing is known of it."""
    for row in _SELECT_CHANNEL.rows(connection, name=provider):
        return StoredHealth(ChannelState(row.state), row.reason, from_ms(row.since_ms))
    return None
