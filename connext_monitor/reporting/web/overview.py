"""Everything that the front page shows, as of one moment, in the order of its sections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.coverage import Nonces
from connext_monitor.core.delivery_records import ChannelRow, ChannelState, DeliveryRecord
from connext_monitor.core.events import TransferId
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.ownership import ListedInstance
from connext_monitor.core.selection import OpenAlerts, TransferFilter
from connext_monitor.core.stats import Stats
from connext_monitor.core.stored_numbers import PendingLegs
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.reporting.web.numbers import PathwayRow, RouterRow, matrix, routers
from connext_monitor.reporting.web.read_store import ReadStore
from connext_monitor.reporting.web.rows import AlertCard, TransferRow, alert_card, transfer_row
from connext_monitor.reporting.web.sources import WebSources
from connext_monitor.reporting.web.summary import Level, Summary, of_severity, summarize, topic_words

_ALERTS_SHOWN = 8
_TRANSFERS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class TopicRow:
    """Open alerts of one topic, counted, in words; ``since`` in Unix seconds."""

    level: Level
    words: str
    count: int
    since: float


@dataclass(frozen=True, slots=True)
class CurrentState:
    """The state of everything, from which the summary at the top of every page is made.

    ``instances`` are those that share the database on a server; this one ``stands_by`` where another one owns the work.
    """

    summary: Summary
    chains: tuple[tuple[ChainStatus, Nonces | None], ...]
    channels: tuple[ChannelRow, ...]
    topics: tuple[OpenAlerts, ...]
    instances: tuple[ListedInstance, ...] = ()
    stands_by: bool = False

    @property
    def owner(self) -> ListedInstance | None:
        """Of the instances that share the database, the one that owns the work; None where none does."""
        return next((instance for instance in self.instances if instance.owns_since is not None), None)


@dataclass(frozen=True, slots=True)
class FrontReads:
    """What is stored that the front page shows; ``worst`` are open alerts, by whose ids the next three are."""

    silences: tuple[Silence, ...]
    worst: Sequence[Alert]
    deliveries: Mapping[str, Sequence[DeliveryRecord]]
    inhibited: Mapping[str, int]
    about: Mapping[TransferId | None, TransferView]
    newest: Sequence[TransferView]
    pending: Sequence[PendingLegs]


@dataclass(frozen=True, slots=True)
class Overview:
    """What the front page shows beside the current state.

    ``open_count`` is how many alerts are open, of which ``alerts`` are the worst.
    """

    open_count: int
    topics: tuple[TopicRow, ...]
    alerts: tuple[AlertCard, ...]
    silences: tuple[Silence, ...]
    pathways: tuple[PathwayRow, ...]
    routers: tuple[RouterRow, ...]
    transfers: tuple[TransferRow, ...]


async def look(sources: WebSources, providers: Sequence[str]) -> CurrentState:
    """The state of everything; ``providers`` are the configured channels."""
    store = sources.store
    chains = tuple([(status, await store.chains.nonces(status.domain)) for status in sources.statuses()])
    stored = {channel.provider: channel for channel in await store.outbox.channels()}
    channels = tuple(stored.get(name, ChannelRow(name, ChannelState.OK, None, None, 0)) for name in providers)
    topics = tuple(sorted(await store.alerts.open_by_topic(), key=lambda topic: (-topic.severity.rank, topic.since)))
    instances = tuple(await store.instances.listed())
    unowned = () if sources.standby is None else tuple(sources.standby())
    summary = summarize(topics, chains, channels, sources.labels, sources.clock_state(), store.trouble, unowned)
    return CurrentState(summary, chains, channels, topics, instances, sources.standby is not None)


async def read_front(store: ReadStore) -> FrontReads:
    """What is read for the front page beside the current state and the statistics."""
    worst = await store.alerts.worst_open(_ALERTS_SHOWN)
    ids = [alert.id for alert in worst]
    return FrontReads(
        silences=tuple(await store.silences.standing()),
        worst=worst,
        deliveries=await store.alerts.delivery_records(ids),
        inhibited=await store.alerts.count_inhibited(ids),
        about=await store.transfers.shown([alert.transfer_id for alert in worst if alert.transfer_id is not None]),
        newest=await store.transfers.listed(TransferFilter(), limit=_TRANSFERS_SHOWN),
        pending=await store.transfers.count_pending(),
    )


def overview(read: FrontReads, state: CurrentState, stats: Stats, labels: ChainLabels, now: float) -> Overview:
    """The front page at ``now`` (Unix seconds); ``stats`` are those of the last day."""
    return Overview(
        open_count=sum(topic.count for topic in state.topics),
        topics=tuple(
            TopicRow(of_severity(topic.severity), topic_words(topic, labels), topic.count, topic.since.timestamp())
            for topic in state.topics
        ),
        alerts=tuple(
            alert_card(
                alert,
                read.about.get(alert.transfer_id) if alert.transfer_id is not None else None,
                labels,
                read.silences,
                read.deliveries.get(alert.id, ()),
                read.inhibited.get(alert.id, 0),
            )
            for alert in read.worst
        ),
        silences=read.silences,
        pathways=matrix(stats, read.pending, state.topics, labels),
        routers=routers(stats, labels),
        transfers=tuple(transfer_row(view, labels, now) for view in read.newest),
    )
