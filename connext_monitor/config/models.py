"""The configuration as the rest of the program gets it: checked, complete, frozen."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from connext_monitor.config.addresses import ContractAddress
from connext_monitor.config.pathways import PathwayPattern
from connext_monitor.config.router_tables import RouterConfig
from connext_monitor.config.secret import EndpointUrl, ExplorerUrl, SecretUrl, ServiceUrl
from connext_monitor.config.table import Table
from connext_monitor.config.values import (
    DatabasePlace,
    DirectoryPath,
    Duration,
    FinalityRule,
    FromDigits,
    GroupWait,
    Interval,
    Keep,
    Listen,
    ListenAddress,
    StartBlock,
    TakeoverAfter,
    Upload,
)
from connext_monitor.core.events import ChainId, DomainId
from connext_monitor.core.structs import struct

CREDENTIALS = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
)  # fmt: skip
"""What the upload of backups reads from the environment by itself."""


class MonitorConfig(Table):
    """``[monitor]``. ``database`` is an absolute path, or the URL of a PostgreSQL database.

    In the file, the path may be relative to the file's own folder.
    ``listen`` is None where page, API and metrics are off. ``keep`` is how long what is settled is kept,
    None for ever. ``durability``: "full" has each commit on the disk before anything follows from it, "fast" leaves the
    last seconds to a power cut.
    """

    database: DatabasePlace = Field(default=Path("connext-monitor.db"), validate_default=True)
    listen: Listen = ListenAddress("127.0.0.1", 8088)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"
    keep: Keep = None
    durability: Literal["full", "fast"] = "full"


InstanceName = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]
StalledTransfers = Annotated[int, FromDigits, Field(ge=2, le=100_000)]


class PathwayConfig(PathwayPattern):
    """One of ``[[alerts.pathways]]``: what holds for some pathways; None means the general value."""

    execute_deadline: Duration | None = None
    reconcile_deadline: Duration | None = None
    stalled_after: Duration | None = None
    stalled_transfers: StalledTransfers | None = None


@struct(frozen=True, slots=True)
class LegDeadlines:
    """How long each leg of a transfer may take, from XCalled's block time."""

    execute: timedelta
    reconcile: timedelta


class AlertsConfig(Table):
    """``[alerts]``: when a leg is late, and after how long without progress a chain counts as out of sight.

    An alert becomes critical, and is delivered again, so long after its leg was due: ``execute_critical_after`` and
    ``reconcile_critical_after``. ``group_wait`` is how long a burst is gathered before it is sent, ``group_interval``
    how far apart its messages are. A pathway is stalled while ``stalled_transfers`` wait for their execution, the
    oldest for ``stalled_after`` (None: half its ``execute_deadline``), and nothing is executed.
    """

    execute_deadline: Duration = timedelta(minutes=5)
    reconcile_deadline: Duration = timedelta(hours=3)
    execute_critical_after: Duration | None = None
    reconcile_critical_after: Duration | None = None
    unobserved_after: Duration = timedelta(minutes=2)
    stalled_after: Duration | None = None
    stalled_transfers: StalledTransfers = 3
    group_wait: GroupWait = timedelta(seconds=2)
    group_interval: Duration = timedelta(minutes=1)
    pathways: Annotated[tuple[PathwayConfig, ...], Field(strict=False)] = ()

    def deadlines(self, origin: str, destination: str) -> LegDeadlines:
        """The deadlines between two chains, by name: those of the first pathway that matches, else the general ones."""
        pathway = self._pathway(origin, destination)
        return LegDeadlines(
            execute=pathway.execute_deadline or self.execute_deadline,
            reconcile=pathway.reconcile_deadline or self.reconcile_deadline,
        )

    def stall(self, origin: str, destination: str) -> tuple[int, timedelta]:
        """How many transfers make a stall between two chains, by name, and how long the oldest has to have waited."""
        pathway = self._pathway(origin, destination)
        after = pathway.stalled_after or self.stalled_after or self.deadlines(origin, destination).execute / 2
        return pathway.stalled_transfers or self.stalled_transfers, after

    def _pathway(self, origin: str, destination: str) -> PathwayConfig:
        return next((pattern for pattern in self.pathways if pattern.matches(origin, destination)), PathwayConfig())


class HeartbeatConfig(Table):
    """``[heartbeat]``: a URL that is requested every so often while all is well; without one there is no heartbeat."""

    url: SecretUrl | None = None
    every: Duration = timedelta(minutes=1)


class ClusterConfig(Table):
    """``[cluster]``: instances that share a database on a server.

    Another one takes the work over once its owner has been silent for ``takeover_after``. ``name`` is what this one is
    called where people read it; None stands for its machine's name.
    """

    takeover_after: TakeoverAfter = timedelta(seconds=30)
    name: InstanceName | None = None


class StatsConfig(Table):
    """``[stats]``: how often providers are sent a report on statistics; None never."""

    every: Interval = timedelta(days=1)


class BackupConfig(Table):
    """``[backup]``: how often the database is copied, where, and how many copies are kept there.

    ``every`` is None where only the command makes backups, ``upload`` where they stay on this machine. ``endpoint`` is
    that of an S3-compatible store other than AWS.
    """

    every: Interval = timedelta(hours=6)
    directory: DirectoryPath = Field(default=Path("backups"), validate_default=True)
    keep: Annotated[int, FromDigits, Field(ge=1, le=100_000)] = 28
    upload: Upload = None
    endpoint: ServiceUrl | None = None


class ChainTable(Table):
    """``[chains.NAME]`` with the built-in deployment's values filled in."""

    # EVM chain ids and block numbers are kept in signed 64-bit columns; a domain id is a uint32 in the contracts.
    chain_id: Annotated[ChainId, FromDigits, Field(ge=1, le=2**63 - 1)]
    domain_id: Annotated[DomainId, FromDigits, Field(ge=1, le=2**32 - 1)]
    contract: ContractAddress
    endpoints: Annotated[tuple[EndpointUrl, ...], Field(strict=False, min_length=1)]
    block_time: Duration
    finality: FinalityRule
    start_block: StartBlock = "latest"
    explorer: ExplorerUrl = None


class ChainConfig(ChainTable):
    """A chain to watch.

    ``contract`` is the Connext diamond, ``finality`` the blocks behind the head or the tag that counts as final,
    ``start_block`` where a new database begins (that block included), ``explorer`` a URL without a slash at its end.
    """

    name: str


class ProviderTable(Mapping[str, object]):
    """The table of an alert provider as it stands in the file, its variables filled in; printing it shows no values."""

    __slots__ = ("_table",)

    def __init__(self, table: Mapping[str, object]) -> None:
        self._table = dict(table)

    def __getitem__(self, key: str) -> object:
        return self._table[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def __repr__(self) -> str:
        return f"ProviderTable({len(self)} keys)"


@struct(frozen=True, slots=True)
class NotConfigured:
    """A provider of the file that is left out, by its ``type``: none of the ``variables`` that it needs is set."""

    type: str
    variables: tuple[str, ...]


@struct(frozen=True, slots=True)
class Config:
    """The whole configuration; the mappings are by name, in the order of the file, and cannot be changed."""

    file: Path
    monitor: MonitorConfig
    alerts: AlertsConfig
    chains: Mapping[str, ChainConfig]
    alert_providers: Mapping[str, ProviderTable]
    heartbeat: HeartbeatConfig = field(default_factory=HeartbeatConfig)
    backup: BackupConfig = field(default_factory=lambda: BackupConfig(every=None))
    stats: StatsConfig = field(default_factory=StatsConfig)
    not_configured: Mapping[str, NotConfigured] = field(default_factory=dict)
    routers: Mapping[str, RouterConfig] = field(default_factory=dict)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
