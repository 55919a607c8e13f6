"""What ``status`` knows, from the running monitor and from the database, and what of it is degraded."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from connext_monitor.cli.live_monitor import LISTEN_IS_OFF, NobodyAnswers, ask
from connext_monitor.cli.opened_database import reading_database
from connext_monitor.config import ChainConfig, Config, DatabaseUrl
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.alerts.alert import AlertKind
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.delivery_records import ChannelRow, ChannelState
from connext_monitor.core.documents.chains import ChainDocument, chain_document, chain_name
from connext_monitor.core.documents.instances import InstanceDocument, instance_list
from connext_monitor.core.documents.status import (
    BackupDocument,
    BackupsDocument,
    ChannelDocument,
    InFlightDocument,
    SeverityCount,
    StatusDocument,
)
from connext_monitor.core.formats import rfc3339
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.stored_numbers import PathwayCount
from connext_monitor.core.unjudged import why_degraded
from connext_monitor.core.words import duration_words
from connext_monitor.store.backup_folder import Kept, folder_of
from connext_monitor.store.database import Database
from connext_monitor.store.glance import StoredStatus, read_status


async def status_report(config: Config, now: datetime, answers_within: float) -> StatusDocument:
    """Look at everything once. Raises DatabaseError where there is no database to look at.

    A running monitor that does not answer within ``answers_within`` seconds is none.

    ``degraded`` and the alerts begin with the worst; the backups are those in the config's directory.
    """
    labels = chain_labels(config)
    stored, known_at, instances = await _stored(config)
    not_live, chains, reasons, clock_ahead = await _chains(config, stored, now, answers_within)
    channels = _configured(config, stored.channels)
    folder = folder_of(config)
    backups = folder.kept() if folder else []
    alerts = sorted(stored.open_alerts.items(), key=lambda counted: -counted[0][1].rank)
    return StatusDocument(
        live=not_live is None,
        not_live=not_live,
        known_at=rfc3339(known_at),
        degraded=[
            *reasons,
            *(reason for reason in instance_reasons(config, instances) if reason not in reasons),
            *alert_reasons(alerts),
            *channel_reasons(channels),
            *backup_reasons(config, backups, now),
        ],
        clock_ahead_seconds=clock_ahead,
        instances=instances,
        chains=chains,
        in_flight=[_count_document(count, labels) for count in stored.in_flight],
        open_alerts=_by_kind(stored.open_alerts),
        open_alert_severities=[SeverityCount(kind.name, severity, count) for (kind, severity), count in alerts],
        channels=[_channel_document(channel) for channel in channels],
        backups=BackupsDocument(
            directory=str(config.backup.directory) if folder else None,
            count=len(backups),
            newest=_backup_document(backups[-1]) if backups else None,
        ),
        malformed_logs={labels.display_name(domain): count for domain, count in stored.malformed.items()},
    )


async def _stored(config: Config) -> tuple[StoredStatus, datetime, list[InstanceDocument]]:
    """What the database knows, as of when, and which instances share it."""
    async with reading_database(config) as database:
        domains = [chain.domain_id for chain in config.chains.values()]
        status = await database.read(partial(read_status, domains=domains))
        return status, await database.written_at(), await _instances(config, database)


async def _instances(config: Config, database: Database) -> list[InstanceDocument]:
    if not isinstance(config.monitor.database, DatabaseUrl):
        return []
    from connext_monitor.store import lease  # noqa: PLC0415 - only for a server's database

    return instance_list(await database.read(lease.listed)).items


def instance_reasons(config: Config, instances: Sequence[InstanceDocument]) -> list[str]:
    """Whether any instance owns the work of a server's database, and shows that it is alive."""
    if not isinstance(config.monitor.database, DatabaseUrl):
        return []
    owner = next((instance for instance in instances if instance.owns_work), None)
    if owner is None:
        return ["no instance owns the work"]
    silent = owner.silent_seconds
    if silent < config.cluster.takeover_after.total_seconds() / 2:
        return []
    return [f"{owner.name}, which owns the work, has been silent for {duration_words(silent)}"]


def backup_reasons(config: Config, backups: Sequence[Kept], now: datetime) -> list[str]:
    """Whether the newest backup is older than it should be; if the first one fails, its alert says so."""
    every = config.backup.every
    if every is None or not backups or now - backups[-1].made_at <= 2 * every:
        return []
    return [f"the newest backup is {duration_words((now - backups[-1].made_at).total_seconds())} old"]


async def _chains(
    config: Config, stored: StoredStatus, now: datetime, answers_within: float
) -> tuple[str | None, list[ChainDocument], list[str], float | None]:
    listen = config.monitor.listen
    if listen is None:
        chains, reasons = _stored_chains(config, stored, now)
        return LISTEN_IS_OFF, chains, reasons, None
    try:
        live = await ask(listen, config.chains, answers_within)
    except NobodyAnswers as nobody:
        chains, reasons = _stored_chains(config, stored, now)
        return str(nobody), chains, [str(nobody), *reasons], None
    clock = [live.clock_trouble] if live.clock_trouble else []
    return None, live.chains, [*clock, *live.reasons], live.clock_ahead


def _stored_chains(config: Config, stored: StoredStatus, now: datetime) -> tuple[list[ChainDocument], list[str]]:
    """The chains as the database knows them, and what is wrong with them."""
    alerts = {alert.subject: alert for alert in stored.unobserved}
    unjudged = {
        name: legs
        for name, alert in alerts.items()
        if (legs := CHAIN_UNOBSERVED.details_of(alert).unjudged) is not None
    }
    documents = []
    for chain in config.chains.values():
        status = _stored_chain(chain, stored, observed=chain.name not in alerts.keys() - unjudged.keys())
        documents.append(chain_document(status, stored.nonces.get(chain.domain_id), now.timestamp()))
    reasons = [why_degraded(name, legs) for name, legs in unjudged.items() if name in config.chains]
    return documents, [*stored_reasons(config, documents), *reasons]


def _stored_chain(chain: ChainConfig, stored: StoredStatus, *, observed: bool) -> ChainStatus:
    return ChainStatus(
        domain=chain.domain_id,
        name=chain.name,
        chain_id=chain.chain_id,
        head=None,
        coverage=stored.coverage.get(chain.domain_id),
        observed=observed,
        caught_up=False,
        endpoint=None,
        trouble=None,
    )


def _configured(config: Config, stored: Sequence[ChannelRow]) -> list[ChannelRow]:
    """The channels of the config; what is stored of others no longer matters."""
    by_name = {channel.provider: channel for channel in stored}
    return [by_name.get(name, ChannelRow(name, ChannelState.OK, None, None, 0)) for name in config.alert_providers]


def stored_reasons(config: Config, chains: Sequence[ChainDocument]) -> list[str]:
    """What is wrong with chains of which only the database's state is known."""
    longest = config.alerts.unobserved_after.total_seconds()
    return [reason for chain in chains for reason in _stored_reasons(chain, longest)]


def _stored_reasons(chain: ChainDocument, longest: float) -> list[str]:
    name, lag = chain.name, chain.lag_seconds
    reasons = []
    if not chain.observed:
        reasons.append(f"{name} is not observed")
    if lag is None:
        reasons.append(f"{name} has never been read")
    elif lag > longest:
        reasons.append(f"{name} has been read only up to {duration_words(lag)} ago")
    if chain.nonces_contiguous is False:
        reasons.append(f"{name} has a hole in its nonces")
    return reasons


def alert_reasons(open_alerts: Sequence[tuple[tuple[AlertKind, Severity], int]]) -> list[str]:
    """The open alerts above severity info."""
    return [
        f"{count} open {severity.value} alert{'s' if count > 1 else ''}: {kind.name}"
        for (kind, severity), count in open_alerts
        if severity.rank >= Severity.WARNING.rank
    ]


def channel_reasons(channels: Sequence[ChannelRow]) -> list[str]:
    """The channels that do not take alerts."""
    return [
        f"channel {channel.provider} is {channel.state}{f': {channel.reason}' if channel.reason else ''}"
        for channel in channels
        if channel.state is not ChannelState.OK
    ]


def _by_kind(open_alerts: Mapping[tuple[AlertKind, Severity], int]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for (kind, _), count in open_alerts.items():
        counts[kind.name] += count
    return dict(counts)


def _backup_document(backup: Kept) -> BackupDocument:
    return BackupDocument(str(backup.path), rfc3339(backup.made_at), backup.size)


def _count_document(count: PathwayCount, labels: ChainLabels) -> InFlightDocument:
    origin, destination = chain_name(count.origin, labels), chain_name(count.destination, labels)
    return InFlightDocument(origin, destination, count.status, count.count)


def _channel_document(channel: ChannelRow) -> ChannelDocument:
    return ChannelDocument(
        provider=channel.provider,
        state=channel.state,
        reason=channel.reason,
        since=rfc3339(channel.since) if channel.since else None,
        waiting=channel.waiting,
    )
