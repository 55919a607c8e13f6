"""The store as the rest of the program sees it: each method is one transaction, or one consistent read."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from sqlalchemy import Connection

from connext_monitor.core.alerts.alert import Alert, AlertKind, AlertState
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.kinds.deep_reorg import DEEP_REORG
from connext_monitor.core.alerts.kinds.monitor_started_blind import MONITOR_STARTED_BLIND
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.coverage import BlockRange, Coverage, NonceHole, Nonces, Stored
from connext_monitor.core.deadline import ResolveOverdue
from connext_monitor.core.delivery import ChannelRow
from connext_monitor.core.events import Address, BlockNumber, DomainId, Hash32, Timestamp, TransferId
from connext_monitor.core.history import HistoryRead
from connext_monitor.core.recording import ChainProgress, Changes, Known, UnreadableLog
from connext_monitor.core.selection import AlertRow, Cursor, Suspect, TransferFilter, TransferWithDeadlines
from connext_monitor.core.token import Token
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.store import (
    alerts,
    anchors,
    backfills,
    chains,
    deliveries,
    mismatches,
    nonces,
    retention,
    silences,
    suspects,
    tokens,
    transfers,
)
from connext_monitor.store.database import Database
from connext_monitor.store.deadlines import Deadlines, Decide
from connext_monitor.store.executor import MakeExecutor, Threads
from connext_monitor.store.outbox import Outbox
from connext_monitor.store.transfers import PathwayCount
from connext_monitor.store.views import views


class Store:
    """Everything that is kept. ``names`` are the configured chains' names, which chain alerts are about.

    What the channels are still to be told is in its ``outbox``, what has not arrived in its ``deadlines``.
    """

    def __init__(self, database: Database, names: Mapping[DomainId, str]) -> None:
        self._database = database
        self._names = names
        self.outbox = Outbox(database, names)
        self.deadlines = Deadlines(database)

    @property
    def database(self) -> Database:
        """The open database, for the groups of queries that live in files of their own."""
        return self._database

    @classmethod
    async def open(
        cls, path: Path, names: Mapping[DomainId, str], *, migrate: bool = True, executor: MakeExecutor = Threads
    ) -> Self:
        """Open the database file, making it where there is none. Raises DatabaseError.

        Not to ``migrate`` is for who works beside a running monitor, whose schema is to be left as it is.
        """
        return cls(await Database.open(path, migrate=migrate, executor=executor), names)

    @classmethod
    async def open_readonly(cls, path: Path, names: Mapping[DomainId, str]) -> Self:
        """Open an existing database file to read it; it is neither made nor migrated. Raises DatabaseError."""
        return cls(await Database.open_readonly(path), names)

    async def close(self) -> None:
        """Finish the writes under way and let go of the file."""
        await self._database.close()

    # What the chains say

    async def record(
        self,
        ids: Collection[TransferId],
        gone: Collection[tuple[DomainId, Hash32]],
        decide: Callable[[Known], Changes],
        *,
        progress: Sequence[ChainProgress],
        unreadable: Sequence[UnreadableLog],
        at: datetime,
        opened: Sequence[tuple[Alert, Collection[str]]] = (),
        backfilled: Sequence[HistoryRead] = (),
    ) -> tuple[Changes, list[str]]:
        """Promise 1: events, transfers, checkpoints, and the alerts that open or resolve, in one transaction.

        ``decide`` gets all that is known of the transfers ``ids`` and of those in the ``gone`` blocks. It runs within
        the transaction, on the writer's thread: it must be pure.
        Returns what it decided and the ids of the alerts that this resolved.
        """

        def work(connection: Connection) -> tuple[Changes, list[str]]:
            known = transfers.known(connection, ids, gone)
            changes = retention.without_pruned(connection, decide(known))
            transfers.save(connection, changes)
            nonces.forget(connection, changes.removed)
            ended = [effect for effect in changes.effects if isinstance(effect, ResolveOverdue)]
            resolved = alerts.resolve_overdue(connection, ended, at)
            resolved += mismatches.settle(connection, unreadable, gone, at)
            chains.keep_malformed(connection, unreadable, at)
            for chain in progress:
                _save_progress(connection, chain)
                if chain.whole:
                    resolved += self._covered_again(connection, chain.domain, at)
            for read in backfilled:
                backfills.add(connection, read.domain, read.blocks)
                resolved += self._caught_up(connection, read.domain, at)
            alerts.open_alerts(connection, opened)
            return changes, resolved

        return await self._database.write(work)

    def _covered_again(self, connection: Connection, domain: DomainId, at: datetime) -> list[str]:
        told = alerts.open_of_kind(connection, DEEP_REORG)
        ended = {alert.id: Resolution.COVERED_AGAIN for alert in told if alert.subject == self._names.get(domain)}
        return alerts.resolve(connection, ended, at) if ended else []

    def _caught_up(self, connection: Connection, domain: DomainId, at: datetime) -> list[str]:
        told = alerts.open_of_kind(connection, MONITOR_STARTED_BLIND)
        read = backfills.read(connection, domain) if told else []
        ended = {
            alert.id: Resolution.CAUGHT_UP
            for alert in told
            if alert.subject == self._names.get(domain)
            and any(
                one.first <= MONITOR_STARTED_BLIND.details_of(alert).first
                and MONITOR_STARTED_BLIND.details_of(alert).last <= one.last
                for one in read
            )
        }
        return alerts.resolve(connection, ended, at) if ended else []

    async def anchors(self, domain: DomainId) -> list[tuple[BlockNumber, Hash32]]:
        """The blocks of a chain's past checkpoints, the newest first."""
        return await self._database.read(lambda connection: anchors.newest_first(connection, domain))

    async def coverage(self, domain: DomainId) -> Coverage | None:
        """How far a chain has been read."""
        return await self._database.read(lambda connection: chains.coverage(connection, domain))

    async def backfilled(self, domain: DomainId) -> list[BlockRange]:
        """The blocks of a chain that backfills have read, the lowest first."""
        return await self._database.read(lambda connection: backfills.read(connection, domain))

    async def nonces(self, domain: DomainId) -> Nonces | None:
        """What is known of an origin's nonces."""
        return await self._database.read(lambda connection: nonces.known(connection, domain))

    async def nonce_hole(self, domain: DomainId, above: int = 0) -> NonceHole | None:
        """The first nonces of an origin from ``above`` on that are missing, if any are."""
        return await self._database.read(lambda connection: nonces.hole(connection, domain, above))

    async def suspects(self, origin: DomainId) -> list[Suspect]:
        """The deliveries said to be of this origin, of nonces from the first one watched, without an XCalled."""
        return await self._database.read(lambda connection: suspects.suspects(connection, origin))

    async def without_origin(self, origin: DomainId) -> list[tuple[TransferId, Timestamp]]:
        """The newest transfers of this origin whose XCalled has not been seen, with their first legs' block times."""
        return await self._database.read(lambda connection: suspects.without_origin(connection, origin))

    async def stored(self, domain: DomainId, blocks: BlockRange) -> Stored:
        """What is stored of these blocks of a chain."""

        def look(connection: Connection) -> Stored:
            found = transfers.stored(connection, domain, blocks)
            return Stored(found.blocks | mismatches.mismatched_blocks(connection, domain, blocks), found.events)

        return await self._database.read(look)

    async def malformed_counts(self) -> dict[DomainId, int]:
        """How many malformed logs of each chain are kept, the newest thousand at most."""
        return await self._database.read(chains.malformed_counts)

    # Deadlines and alerts

    async def watched(self, transfer_id: TransferId) -> TransferWithDeadlines | None:
        """One transfer with its deadlines."""
        return await self._database.read(lambda connection: transfers.by_id(connection, transfer_id))

    async def open_overdue(
        self,
        transfer_id: TransferId,
        decide: Callable[[TransferWithDeadlines | None], Alert | None],
        providers: Callable[[Alert], Collection[str]],
    ) -> Alert | None:
        """Open the alert that ``decide`` makes of the transfer as it stands within this transaction.

        Returns it, or None where ``decide`` made none or it is open already.
        """

        def work(connection: Connection) -> Alert | None:
            alert = decide(transfers.by_id(connection, transfer_id))
            opened = alerts.open_alerts(connection, [(alert, providers(alert))]) if alert else []
            return opened[0] if opened else None

        return await self._database.write(work)

    async def open_decided(
        self, decisions: Sequence[tuple[TransferId, Decide]], providers: Callable[[Alert], Collection[str]]
    ) -> list[Alert]:
        """Open what each decision makes of its transfer within one transaction; those that were not open already."""
        return await self.deadlines.open_overdue(decisions, providers)

    async def open_alert(self, alert: Alert, providers: Collection[str]) -> bool:
        """Open an alert that is about no transfer; False where it is open already."""
        opened = await self._database.write(lambda connection: alerts.open_alerts(connection, [(alert, providers)]))
        return bool(opened)

    async def resolve_alert(self, alert_id: str, resolution: Resolution, at: datetime) -> bool:
        """Resolve an alert; False where it is not open."""
        resolved = await self._database.write(lambda connection: alerts.resolve(connection, {alert_id: resolution}, at))
        return bool(resolved)

    async def change_details(self, alert_id: str, details: Details) -> None:
        """Keep what an alert says now, and tell nobody."""
        await self._database.write(lambda connection: alerts.change_details(connection, alert_id, details))

    async def open_alerts(self, kind: AlertKind) -> list[Alert]:
        """The open alerts of one kind."""
        return await self._database.read(lambda connection: alerts.open_of_kind(connection, kind))

    async def every_open_alert(self) -> list[Alert]:
        """All open alerts, the oldest first."""
        return await self._database.read(alerts.every_open)

    async def escalate(self, alert_id: str, route: Callable[[Alert], Collection[str]], at: datetime) -> bool:
        """Make it critical and queue it anew, once; False where it has ended or was escalated before."""

        def work(connection: Connection) -> bool:
            alert = alerts.by_id(connection, alert_id)
            if alert is None or alert.state is not AlertState.OPEN or alert.escalated_at is not None:
                return False
            now = alert.escalated(at)
            alerts.escalate(connection, now, route(now), at)
            return True

        return await self._database.write(work)

    # Tokens

    async def tokens(self) -> dict[tuple[DomainId, Address], Token]:
        """How tokens call themselves, as far as it is known."""
        return await self._database.read(tokens.every)

    async def save_token(self, domain: DomainId, asset: Address, token: Token) -> None:
        """Keep how one calls itself."""
        await self._database.write(lambda connection: tokens.keep(connection, domain, asset, token))

    # Silences

    async def silences(self) -> list[Silence]:
        """Those whose end has not been dealt with, the oldest first."""
        return await self._database.read(silences.standing)

    async def make_silence(self, wanted: Silence, at: datetime) -> Silence:
        """Store a new one; as it is stored, with its id."""
        return await self._database.write(lambda connection: silences.made(connection, wanted, at))

    async def cut_silence_short(self, silence_id: int, at: datetime) -> bool:
        """Let it end at ``at``; False where none of this id stands."""
        return await self._database.write(lambda connection: silences.cut_short(connection, silence_id, at))

    async def redate_silence(self, silence: Silence) -> None:
        """Keep when it was made and when it ends; not of one that has been cut short."""
        await self._database.write(lambda connection: silences.redate(connection, silence))

    async def end_silence(self, silence: Silence, tell: Mapping[str, Collection[str]], at: datetime) -> int:
        """Note that its end has been dealt with, and queue those alerts (id → providers) that are still open."""
        return await self._database.write(lambda connection: silences.end(connection, silence, tell, at))

    # What is looked at

    async def transfers(self, wanted: TransferFilter, *, limit: int, after: Cursor | None = None) -> list[TransferView]:
        """At most ``limit`` transfers, newest first."""
        return await self._database.read(
            lambda connection: views(
                connection, self._names, transfers.listed(connection, wanted, limit=limit, after=after)
            )
        )

    async def unfinished(self, origin: DomainId, blocks: BlockRange) -> list[TransferView]:
        """The transfers that began in these blocks of their origin and are not completed, the oldest first."""
        return await self._database.read(
            lambda connection: views(connection, self._names, transfers.unfinished(connection, origin, blocks))
        )

    async def transfers_by(self, id_or_tx: bytes) -> list[TransferView]:
        """The transfer of this id, else those with an event in the transaction of this hash."""

        def look(connection: Connection) -> list[TransferView]:
            ids = [TransferId(id_or_tx)]
            if transfers.by_id(connection, ids[0]) is None:
                ids = transfers.ids_by_tx(connection, Hash32(id_or_tx))
            found = [transfers.by_id(connection, transfer_id) for transfer_id in ids]
            return views(connection, self._names, [watched for watched in found if watched])

        return await self._database.read(look)

    async def transfers_of(self, ids: Collection[TransferId]) -> list[TransferView]:
        """Those of these transfers that are known, in no order."""
        return await self._database.read(
            lambda connection: views(connection, self._names, transfers.by_ids(connection, ids))
        )

    async def count_in_flight(self) -> list[PathwayCount]:
        """How many transfers that are not completed stand where, by pathway and status."""
        return await self._database.read(transfers.count_in_flight)

    async def alerts(
        self, state: AlertState | None, *, limit: int, after: int | None = None
    ) -> list[tuple[AlertRow, TransferView | None]]:
        """At most ``limit`` alerts, newest first, each with the transfer it is about."""

        def look(connection: Connection) -> list[tuple[AlertRow, TransferView | None]]:
            rows = alerts.listed(connection, state, limit=limit, after=after)
            about = {row.alert.transfer_id for row in rows if row.alert.transfer_id is not None}
            found = views(connection, self._names, transfers.by_ids(connection, about))
            by_id: dict[TransferId | None, TransferView] = {view.transfer.transfer_id: view for view in found}
            return [(row, by_id.get(row.alert.transfer_id)) for row in rows]

        return await self._database.read(look)

    async def alerts_of(self, transfer_id: TransferId) -> list[Alert]:
        """The alerts of one transfer, the oldest first."""
        return await self._database.read(lambda connection: alerts.of_transfer(connection, transfer_id))

    async def count_open_alerts(self) -> dict[tuple[AlertKind, Severity], int]:
        """How many alerts of each kind and severity are open."""
        return await self._database.read(alerts.count_open)

    async def channels(self) -> list[ChannelRow]:
        """How the channels are, and how much waits for each."""
        return await self._database.read(deliveries.channel_rows)


def _save_progress(connection: Connection, chain: ChainProgress) -> None:
    chains.save_coverage(connection, chain.domain, chain.coverage)
    if chain.first_nonce is not None:
        nonces.save_first(connection, chain.domain, chain.first_nonce)
    if chain.replaced is not None:
        anchors.forget_above(connection, chain.domain, chain.coverage.checkpoint)
    if chain.unread is not None:
        # The checkpoint never goes back to before the first block watched.
        anchors.forget_above(connection, chain.domain, BlockNumber(-1))
    if chain.anchor is not None:
        anchors.keep(connection, chain.domain, chain.anchor)
    if chain.next_nonce is not None:
        nonces.save_next(connection, chain.domain, chain.next_nonce)
