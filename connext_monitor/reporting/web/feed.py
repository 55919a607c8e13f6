"""The feed of changes behind ``/api/v1/events``.

The monitor only notes that something changed; a task of the feed's own then reads the new state from the store, a few
times a second at most. A listener that does not keep up is dropped, so no listener can delay the monitor.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import structlog

from connext_monitor.clock import Clock
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.documents.alerts import alert_in_words
from connext_monitor.core.documents.fields import encode
from connext_monitor.core.documents.transfers import transfer_document
from connext_monitor.core.events import TransferId
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.selection import AlertRow
from connext_monitor.core.transfer import Transfer
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.reporting.web.read_store import ReadStore

_log = structlog.get_logger(__name__)

_REST = 0.25
"""Seconds between two looks at the store, while changes come."""
_LOOK_EVERY = 5.0
"""Seconds: alerts are read this often even if nothing was reported."""
_MOST_AT_ONCE = 200
"""Changes of one kind that are sent one by one; beyond that a reset stands for all of them."""
_KEPT = 1000
"""Events kept for readers that reconnect, the most of them."""
_KEPT_FOR = 300.0
"""Seconds: whoever comes back later reads the lists again."""
_WAITING = 2 * _KEPT
"""Events that may wait for one listener: everything that a returning reader can have missed, and as many more."""


class EventName(StrEnum):
    """The types of events."""

    READY = "ready"
    TRANSFER = "transfer"
    ALERT = "alert"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event: its number in the feed, its data as JSON, and when it was made, on the monotonic clock."""

    number: int
    name: EventName
    data: str
    at: float = 0.0


class Listener:
    """One reader's events, in order; ``dropped`` is set when it did not keep up and gets no more."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[FeedEvent | None] = asyncio.Queue(_WAITING + 1)
        self.dropped = asyncio.Event()

    def put(self, event: FeedEvent) -> None:
        """Queue an event for it, or drop the listener where too many are waiting."""
        if self._queue.qsize() >= _WAITING:
            self.dropped.set()
        if not self.dropped.is_set():
            self._queue.put_nowait(event)

    def end(self) -> None:
        """End it: the listener gets what is queued, and nothing more."""
        if not self._queue.full():
            self._queue.put_nowait(None)

    async def next(self) -> FeedEvent | None:
        """The next event; None once there will be no more."""
        return await self._queue.get()


class Feed:
    """The events since the start, the last thousand of them kept, and of those the ones of the last five minutes.

    ``run_id`` tells this run's numbers from those of another one.
    """

    def __init__(self, store: ReadStore, labels: ChainLabels, clock: Clock, run_id: str) -> None:
        self.run_id = run_id
        self._store = store
        self._labels = labels
        self._clock = clock
        self._listeners: set[Listener] = set()
        self._kept: deque[FeedEvent] = deque(maxlen=_KEPT)
        self._number = 0
        self._changed: dict[TransferId, None] = {}
        self._too_many = False
        self._wake = asyncio.Event()
        self._revision = 0
        self._ended = False
        self._unreadable = False

    # What the monitor reports; never blocks, never raises

    def transfers_changed(self, ids: Collection[TransferId]) -> None:
        """Note that these transfers, and perhaps their alerts, have changed or are gone."""
        if len(self._changed) + len(ids) > _MOST_AT_ONCE:
            self._too_many = True
        else:
            self._changed.update(dict.fromkeys(ids))
        self._wake.set()

    def alerts_changed(self) -> None:
        """Note that some alert may have changed."""
        self._wake.set()

    # What listeners do

    @property
    def listening(self) -> int:
        """How many listen now."""
        return len(self._listeners)

    def join(self, last_seen: str | None) -> Listener:
        """Begin to listen, with whatever came after ``last_seen``, the id of the last event that the reader saw.

        A new reader gets ``ready``; one that missed more than is kept gets ``reset``.
        """
        listener = Listener()
        if self._ended:
            listener.end()
            return listener
        for event in self._greeting(last_seen):
            listener.put(event)
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Listen no more."""
        self._listeners.discard(listener)

    def event_id(self, event: FeedEvent) -> str:
        """The event's name for ``Last-Event-ID``."""
        return f"{self.run_id}-{event.number}"

    def _greeting(self, last_seen: str | None) -> Sequence[FeedEvent]:
        if not last_seen:
            return [FeedEvent(self._number, EventName.READY, "{}")]
        number = last_seen.removeprefix(f"{self.run_id}-")
        if number != last_seen and number.isascii() and number.isdecimal() and len(number) < 20:
            missed = [event for event in self._kept if event.number > int(number)]
            if len(missed) == self._number - int(number):
                return missed
        return [FeedEvent(self._number, EventName.RESET, "{}")]

    # What happens in between

    async def begin(self) -> None:
        """Start with the changes from now on; where the database cannot be read now, those before count as changes."""
        with suppress(StoreUnavailable):
            self._revision = await self._store.alerts.newest()

    async def run(self) -> None:
        """Read and send what changed, until cancelled; a failure to read is sent as a reset."""
        while True:
            try:
                async with asyncio.timeout(_LOOK_EVERY):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self._look()
            except StoreUnavailable as error:
                self._unread(str(error))
            except Exception:  # noqa: BLE001 - the feed continues with the next change whatever was wrong with this one
                _log.exception("feed.failed")
                self.publish(EventName.RESET, "{}")
            else:
                self._unreadable = False
            await asyncio.sleep(_REST)

    def _unread(self, reason: str) -> None:
        """The database is away, which its own watch alerts; said once, and listeners read anew when it is back."""
        if not self._unreadable:
            _log.warning("feed.not_read", reason=reason)
            self.publish(EventName.RESET, "{}")
        self._unreadable = True
        self._too_many = True

    def publish(self, name: EventName, data: str) -> None:
        """Give this event, JSON, to all listeners, and keep it for those who come back."""
        self._number += 1
        now = self._clock.monotonic()
        event = FeedEvent(self._number, name, data, now)
        self._kept.append(event)
        while self._kept[0].at < now - _KEPT_FOR:
            self._kept.popleft()
        for listener in self._listeners:
            listener.put(event)

    def end(self) -> None:
        """End all listeners, and accept no more."""
        self._ended = True
        for listener in self._listeners:
            listener.end()

    async def _look(self) -> None:
        ids, too_many = list(self._changed), self._too_many
        self._changed, self._too_many = {}, False
        changed = await self._store.alerts.changed(self._revision, limit=_MOST_AT_ONCE + 1)
        if too_many or len(changed) > _MOST_AT_ONCE:
            self._revision = await self._store.alerts.newest()
            self.publish(EventName.RESET, "{}")
            return
        if changed:
            self._revision = changed[-1].row
        about = [row.alert.transfer_id for row in changed if row.alert.transfer_id is not None]
        await self._send_all(list(dict.fromkeys([*ids, *about])), changed)

    async def _send_all(self, ids: Sequence[TransferId], changed: Sequence[AlertRow]) -> None:
        views = await self._store.transfers.shown(ids)
        if any(transfer_id not in views for transfer_id in ids):
            # A transfer that a reorg removed has no document to send.
            self.publish(EventName.RESET, "{}")
        now = self._clock.now().timestamp()
        for view in views.values():
            self.publish(EventName.TRANSFER, encode(transfer_document(view, self._labels, now)))
        for row in changed:
            self.publish(EventName.ALERT, encode(alert_in_words(row.alert, _about(views, row), self._labels)))


def _about(views: Mapping[TransferId | None, TransferView], row: AlertRow) -> Transfer | None:
    view = views.get(row.alert.transfer_id) if row.alert.transfer_id is not None else None
    return view.transfer if view else None
