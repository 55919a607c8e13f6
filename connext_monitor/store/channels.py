"""How the channels are, and how much waits for each."""

import math
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.sqlite import Insert, insert

from connext_monitor.core.delivery_records import ChannelRow, ChannelState
from connext_monitor.core.stored_numbers import Backlog
from connext_monitor.store.connection import Connection
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.prepared import Prepared, parameters
from connext_monitor.store.schema import channels, deliveries, delivery_groups


def _save_channel() -> Insert:
    row = insert(channels).values(parameters("provider", "state", "reason", "since_ms"))
    replaced = {name: row.excluded[name] for name in ("state", "reason", "since_ms")}
    return row.on_conflict_do_update(index_elements=["provider"], set_=replaced)


def _count_waiting_groups() -> Select[*tuple[Any, ...]]:
    groups = delivery_groups.c
    return (
        # A message that was taken once and is to be changed waits since then at the longest.
        select(groups.provider, func.count(), func.min(func.coalesce(groups.told_ms, groups.oldest_ms)))
        .where(~groups.ended, groups.told_ms.is_(None) | (groups.attempts > 0))
        .group_by(groups.provider)
    )


_SAVE_CHANNEL = Prepared(_save_channel)
_SELECT_CHANNELS = Prepared(lambda: select(channels))
_COUNT_WAITING = Prepared(
    lambda: (
        select(deliveries.c.provider, func.count(), func.min(deliveries.c.created_ms))
        .where(deliveries.c.pending)
        .group_by(deliveries.c.provider)
    )
)
_COUNT_WAITING_GROUPS = Prepared(_count_waiting_groups)


def save_channel(connection: Connection, provider: str, state: ChannelState, reason: str | None, at: datetime) -> None:
    """How a channel is, and since when."""
    _SAVE_CHANNEL.execute(connection, provider=provider, state=state.value, reason=reason, since_ms=to_ms(at))


def channel_rows(connection: Connection) -> list[ChannelRow]:
    """Every channel that anything is known of or waits for."""
    waiting = backlogs(connection)
    stored = {row.provider: row for row in _SELECT_CHANNELS.rows(connection)}
    return [
        ChannelRow(
            provider,
            ChannelState(stored[provider].state) if provider in stored else ChannelState.OK,
            stored[provider].reason if provider in stored else None,
            from_ms(stored[provider].since_ms) if provider in stored else None,
            waiting.get(provider, Backlog()).waiting,
        )
        for provider in sorted(waiting.keys() | stored.keys())
    ]


def backlogs(connection: Connection) -> dict[str, Backlog]:
    """By provider, what it has not been told yet: alerts by themselves, and the messages of groups.

    A group's message waits where it has never been taken, or is to be tried again.
    """
    waiting: dict[str, Backlog] = {}
    rows = chain(_COUNT_WAITING.rows(connection), _COUNT_WAITING_GROUPS.rows(connection))
    for provider, count, since_ms in rows:
        other = waiting.get(provider, Backlog(0, since_ms / 1000))
        oldest_at = min(other.oldest_at or math.inf, since_ms / 1000)
        waiting[provider] = Backlog(other.waiting + count, oldest_at)
    return waiting
