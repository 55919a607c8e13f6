"""Reads the config file: every part is checked even when another one is wrong, so that one run reports all problems."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import cast

from connext_monitor.config.chain_tables import CHAIN_NAME, read_chains
from connext_monitor.config.database_url import DatabaseUrl
from connext_monitor.config.findings import ConfigFindings, RawTable, outside, table_of
from connext_monitor.config.models import (
    CREDENTIALS,
    AlertsConfig,
    BackupConfig,
    ClusterConfig,
    Config,
    HeartbeatConfig,
    MonitorConfig,
    StatsConfig,
)
from connext_monitor.config.pathways import ANY_CHAIN
from connext_monitor.config.problems import ConfigError, Problem, dotted, suggestion
from connext_monitor.config.provider_tables import ProviderCheck, read_providers
from connext_monitor.config.router_tables import forgotten_fills, read_routers
from connext_monitor.config.source import read_toml
from connext_monitor.config.table import parse_table
from connext_monitor.config.variables import Variables, trimmed

_TABLES = ("monitor", "alerts", "heartbeat", "stats", "backup", "cluster", "chains", "alert_providers", "routers")
_VISIBLE = re.compile(r"[!-~]*")


def load_config(path: Path, environ: Mapping[str, str], check_provider: ProviderCheck | None = None) -> Config:
    """Read the file, fill in its ``${NAME}`` from ``environ``, and check all of it.

    ``check_provider`` is called with each provider's table, so that its problems come in the same list. Raises
    `ConfigError` with every problem found; its text quotes no value.
    """
    variables = Variables(environ)
    document = _filled(path, variables)
    findings = ConfigFindings(path)
    tables = _top_level(document, findings)
    monitor = findings.of(lambda: parse_table(MonitorConfig, tables["monitor"], ("monitor",), file=path))
    alerts = findings.of(lambda: parse_table(AlertsConfig, tables["alerts"], ("alerts",), file=path))
    heartbeat = findings.of(lambda: parse_table(HeartbeatConfig, tables["heartbeat"], ("heartbeat",), file=path))
    stats = findings.of(lambda: parse_table(StatsConfig, tables["stats"], ("stats",), file=path))
    backup = findings.of(lambda: parse_table(BackupConfig, _backup(document, tables), ("backup",), file=path))
    findings.add(_credentials(environ, backup))
    findings.add(_backups_elsewhere(monitor, document))
    cluster = findings.of(lambda: parse_table(ClusterConfig, tables["cluster"], ("cluster",), file=path))
    chains = read_chains(tables["chains"], findings, variables)
    if alerts is not None:
        pathways = [pathway.model_dump() for pathway in alerts.pathways]
        findings.add(_unknown_chains(("alerts", "pathways"), pathways, tables["chains"]))
    providers, not_configured = read_providers(tables["alert_providers"], findings, variables, check_provider)
    for name, provider in providers.items():
        key_path = ("alert_providers", name, "pathways")
        findings.add(_unknown_chains(key_path, provider.get("pathways"), tables["chains"]))
    routers = read_routers(tables["routers"], findings, tables["chains"])
    for name, router in routers.items():
        patterns = [pattern.model_dump() for pattern in router.pathways]
        findings.add(_unknown_chains(("routers", name, "pathways"), patterns, tables["chains"]))
    if monitor is not None:
        findings.add(forgotten_fills(routers, monitor.keep))
    # A string that could not be filled in has its own problem: what its stand-in would cause is not reported as well.
    of_values = map(variables.explain, findings.problems)
    problems = [*variables.problems, *outside(of_values, [problem.key for problem in variables.problems])]
    if problems or monitor is None or alerts is None or heartbeat is None or stats is None or backup is None:
        raise ConfigError(path, problems)
    return Config(
        path,
        monitor,
        alerts,
        MappingProxyType(chains),
        MappingProxyType(providers),
        heartbeat,
        backup,
        stats,
        MappingProxyType(not_configured),
        MappingProxyType(routers),
        cluster or ClusterConfig(),
    )


def _backup(document: RawTable, tables: Mapping[str, RawTable]) -> RawTable:
    # No disk is filled with copies that nobody asked for.
    return tables["backup"] if "backup" in document else {"every": ""}


def _backups_elsewhere(monitor: MonitorConfig | None, document: RawTable) -> list[Problem]:
    if monitor is None or not isinstance(monitor.database, DatabaseUrl) or "backup" not in document:
        return []
    mistake = "is for a SQLite file; backups of a PostgreSQL database are made by pg_dump or by its server"
    cure = 'remove the table; docs/operations.md, "Backups of a PostgreSQL database", has the commands'
    return [Problem("backup", mistake, cure)]


def _credentials(environ: Mapping[str, str], backup: BackupConfig | None) -> list[Problem]:
    """Find credentials of the upload, which the environment alone has, that no request can carry."""
    if backup is None or backup.upload is None:
        return []
    return [
        Problem(
            "backup.upload",
            f"the environment variable {name} contains characters that no request can carry",
            "set it again",
        )
        for name in CREDENTIALS
        if not _VISIBLE.fullmatch(trimmed(environ.get(name, "")))
    ]


def _filled(path: Path, variables: Variables) -> RawTable:
    try:
        return cast("RawTable", variables.fill(read_toml(path)))
    except RecursionError:
        problem = Problem("", "the file nests tables far too deeply", "shorten the key with the many dots")
    raise ConfigError(path, [problem])


def _top_level(document: Mapping[str, object], findings: ConfigFindings) -> dict[str, RawTable]:
    for key in document:
        if key not in _TABLES:
            cure = suggestion(key, _TABLES, "remove it; known tables:")
            findings.add([Problem(dotted((key,)), "is not a known table", cure)])
    return {key: table_of(document.get(key, {}), (key,), findings) or {} for key in _TABLES}


def _unknown_chains(key_path: tuple[str, ...], pathways: object, chains: RawTable) -> list[Problem]:
    """Find names in a list of pathways that are not a chain's; what is not such a list is reported elsewhere."""
    problems: list[Problem] = []
    for number, pathway in enumerate(pathways if isinstance(pathways, list) else []):
        for key in ("origin", "destination"):
            name = pathway.get(key, ANY_CHAIN) if isinstance(pathway, dict) else ANY_CHAIN
            if isinstance(name, str) and name != ANY_CHAIN and name not in chains:
                known = filter(CHAIN_NAME.fullmatch, chains)
                cure = suggestion(name, known, 'write "*" for all chains, or the name of a chain in this file')
                problems.append(Problem(dotted((*key_path, number, key)), "is not a chain in this file", cure))
    return problems
