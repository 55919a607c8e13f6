"""The monitor's configuration in a simulated run, as its story has it; no file is read."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from connext_monitor.assembly.outside import LookIntervals
from connext_monitor.config import (
    AlertsConfig,
    BackupConfig,
    ChainConfig,
    ClusterConfig,
    Config,
    DatabaseUrl,
    MonitorConfig,
    ProviderTable,
    RouterConfig,
    StatsConfig,
)
from connext_monitor.monitoring.intervals import Intervals
from tests.simulation.channels import provider_tables
from tests.simulation.disk import FILE
from tests.simulation.endpoints import chain_table
from tests.simulation.routers import Router
from tests.simulation.story import Story
from tests.simulation.world_truth import chain_name
from tests.simulation.written_log import ASSET, router_address
from tests.world.databases import made_by_first_run

LOOKS = LookIntervals(
    lease=10.0,
    clocks=300.0,
    silences=3600.0,
    database=300.0,
    deliveries=3600.0,
    deadlines=1800.0,
    origins=120.0,
    causes=3600.0,
    arrivals=900.0,
    phantoms=60.0,
    unjudged=900.0,
    escalation=3600.0,
    stalls=300.0,
    balances=900.0,
    silence=300.0,
    without_suspects=1800.0,
    reports=3600.0,
    numbers=3600.0,
    unseen=15.0,
    sight=900.0,
    monitoring=Intervals(calm=900.0, better=300.0),
)
"""Longer than those of the real monitor: looking in vain is what costs most in a simulated day."""


NOTICED = 10.0
"""Seconds between two looks at what people did, in a story in which they do anything."""


def config_of(story: Story, database: Path | DatabaseUrl, instance: int) -> Config:
    """What an instance of a story is configured with."""
    deadlines = story.deadlines
    return Config(
        file=Path("simulated.toml"),
        monitor=MonitorConfig.model_construct(
            database=database,
            listen=None,
            log_level="info",
            log_format="json",
            keep=None if story.keep is None else timedelta(seconds=story.keep),
        ),
        alerts=AlertsConfig(
            execute_deadline=timedelta(seconds=deadlines.execute),
            reconcile_deadline=timedelta(seconds=deadlines.reconcile),
            unobserved_after=timedelta(seconds=deadlines.unobserved_after),
        ),
        chains=dict(_chains(story, instance if story.cluster else 0)),
        alert_providers={name: ProviderTable(table) for name, table in provider_tables(story.channels).items()},
        backup=BackupConfig.model_construct(every=None),
        stats=StatsConfig(every=timedelta(days=1)),
        cluster=_cluster(story, instance),
        routers={router.name: _router(router, story) for router in story.routers},
    )


def _router(router: Router, story: Story) -> RouterConfig:
    minimum = {f"0x{ASSET.hex()}": router.minimum}
    return RouterConfig.model_validate(
        {
            "name": router.name,
            "address": f"0x{router_address(router.number).hex()}",
            "silent_after": f"PT{router.silent_after:.0f}S" if router.silent_after else "",
            "silent_transfers": router.silent_transfers,
            "min_liquidity": {chain_name(chain.domain): minimum for chain in story.chains},
        }
    )


def _cluster(story: Story, instance: int) -> ClusterConfig:
    if story.cluster is None:
        return ClusterConfig()
    takeover_after = timedelta(seconds=story.cluster.takeover_after)
    return ClusterConfig(takeover_after=takeover_after, name=f"instance-{instance}")


def _chains(story: Story, first_endpoint: int) -> Iterable[tuple[str, ChainConfig]]:
    for chain in story.chains:
        table: dict[str, Any] = {"name": chain_name(chain.domain), **chain_table(chain)}
        of_all = table["endpoints"]
        first = first_endpoint % len(of_all)
        table["endpoints"] = [*of_all[first:], *of_all[:first]]
        yield table["name"], ChainConfig.model_validate(table)


def first_database(folder: Path) -> None:
    """Put an empty database of today's schema there: a first run would take a sixth of a second to make it."""
    (folder / FILE).write_bytes(_in_small_pages())


@cache
def _in_small_pages() -> bytes:
    """A commit writes whole pages: those that few rows fit into take a quarter of the time."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        file.write_bytes(made_by_first_run())
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            for statement in (
                "PRAGMA journal_mode=DELETE",
                "PRAGMA page_size=1024",
                "VACUUM",
                "PRAGMA journal_mode=WAL",
            ):
                connection.execute(statement).close()
        return file.read_bytes()
