"""In which messages of a provider an alert stands: those that have told of it by themselves since it opened.

It is more than one where the alert was told anew, as of one that has become critical; each of them is to change at its
end.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from sqlalchemy import select

from connext_monitor.core.delivery import Change
from connext_monitor.core.queue import Topic
from connext_monitor.store.bulk import SelectIn
from connext_monitor.store.connection import Connection
from connext_monitor.store.schema import deliveries, delivery_groups

_COLUMNS = (
    deliveries.c.id, deliveries.c.alert_id, deliveries.c.provider, deliveries.c.change, deliveries.c.reference,
    deliveries.c.group_id, deliveries.c.anew, deliveries.c.topic, delivery_groups.c.cause_id,
)  # fmt: skip
_SELECT = SelectIn(
    lambda: select(*_COLUMNS).select_from(
        deliveries.outerjoin(delivery_groups, delivery_groups.c.id == deliveries.c.group_id)
    ),
    deliveries.c.alert_id,
)


@dataclass(frozen=True, slots=True)
class _News:
    """One delivery as far as it matters here."""

    id: int
    alert_id: str
    provider: str
    change: str
    reference: str | None
    group_id: int | None
    anew: bool | None
    topic: str | None
    cause_id: str | None

    @property
    def opens(self) -> bool:
        return self.change == Change.OPENED.value

    @property
    def escalated(self) -> bool:
        """Whether it says that the alert has become critical for having been open too long."""
        return self.topic is not None and Topic.parse(self.topic).escalated

    @property
    def ends(self) -> bool:
        """Whether the alert is over with it; not where it only changes one more message."""
        return not self.opens and not self.anew


class Messages:
    """What was told, or is to be told, of some alerts."""

    def __init__(self, every: Collection[_News]) -> None:
        self._by_alert: dict[str, dict[str, list[_News]]] = defaultdict(lambda: defaultdict(list))
        for news in sorted(every, key=lambda news: news.id):
            self._by_alert[news.alert_id][news.provider].append(news)

    @classmethod
    def of(cls, connection: Connection, alert_ids: Collection[str]) -> Self:
        """Those of these alerts."""
        return cls([_News(*row) for row in _SELECT(connection, set(alert_ids))] if alert_ids else [])

    def knowing(self, alert_id: str, *, escalated: bool = False) -> set[str]:
        """The providers whose last news of the alert, told or queued, is that it is open, or open and ``escalated``.

        Not those that merely had it counted in the message of its cause.
        """
        known = set()
        for provider, every in self._by_alert[alert_id].items():
            # An end that such a message counts is that of the alert's other messages too.
            news = [news for news in every if news.ends or (news.opens and news.cause_id is None)]
            if news and news[-1].opens and (news[-1].escalated or not escalated):
                known.add(provider)
        return known

    def opened_after(self, alert_id: str, provider: str, delivery_id: int) -> bool:
        """Whether the provider was told, or is to be told, after this delivery that the alert is open."""
        return any(news.opens and news.id > delivery_id for news in self._by_alert[alert_id][provider])

    def standing(self, alert_id: str, provider: str, before: int) -> list[str | None]:
        """What the provider calls the messages that were to tell of it, ``before`` this delivery; not those of groups.

        None where it gives none, or has not been told yet.
        """
        every = self._by_alert[alert_id][provider]
        earlier = [news for news in every if news.id < before]
        ends = [number for number, news in enumerate(earlier, start=1) if news.ends]
        since = earlier[ends[-1] if ends else 0 :]
        return [news.reference for news in since if news.opens and news.group_id is None]

    def unnamed_stands(self, alert_id: str, provider: str, before: int) -> bool:
        """Whether a message stands that the provider has no name for and that told of it by itself, ``before`` this.

        An end that a group tells leaves it as it is, also where the alert opened again after that.
        """
        stands = False
        for news in self._by_alert[alert_id][provider]:
            if news.id < before and news.group_id is None:
                stands = news.opens and news.reference is None
        return stands
