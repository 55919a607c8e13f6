"""How the channels are, and how much waits for each."""

import math
from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.delivery_records import ChannelRow, ChannelState
from connext_monitor.core.stored_numbers import Backlog
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.schema import channels, deliveries, delivery_groups


def save_channel(connection: Connection, provider: str, state: ChannelState, reason: str | None, at: datetime) -> None:
    """How a channel is, and since when."""
    values = {"state": state.value, "reason": reason, "since_ms": to_ms(at)}
    row = insert(channels).values(provider=provider, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["provider"], set_=values))


def channel_rows(connection: Connection) -> list[ChannelRow]:
    """Every channel that anything is known of or waits for."""
    waiting = backlogs(connection)
    stored = {row.provider: row for row in connection.execute(select(channels))}
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
    alone, groups = deliveries.c, delivery_groups.c
    of_alerts = (
        select(alone.provider, func.count(), func.min(alone.created_ms)).where(alone.pending).group_by(alone.provider)
    )
    of_groups = (
        # A message that was taken once and is to be changed waits since then at the longest.
        select(groups.provider, func.count(), func.min(func.coalesce(groups.told_ms, groups.oldest_ms)))
        .where(~groups.ended, groups.told_ms.is_(None) | (groups.attempts > 0))
        .group_by(groups.provider)
    )
    waiting: dict[str, Backlog] = {}
    for query in (of_alerts, of_groups):
        for provider, count, since_ms in connection.execute(query):
            other = waiting.get(provider, Backlog(0, since_ms / 1000))
            oldest_at = min(other.oldest_at or math.inf, since_ms / 1000)
            waiting[provider] = Backlog(other.waiting + count, oldest_at)
    return waiting
