"""Reads the config file: every part is checked even when another one is wrong, so that one run reports all problems."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar, cast

from connext_monitor.config.models import (
    ANY_CHAIN,
    CREDENTIALS,
    AlertsConfig,
    BackupConfig,
    ChainConfig,
    ChainTable,
    Config,
    HeartbeatConfig,
    MonitorConfig,
    NotConfigured,
    ProviderTable,
    StatsConfig,
)
from connext_monitor.config.problems import ConfigError, Problem, dotted, suggestion
from connext_monitor.config.source import read_toml
from connext_monitor.config.table import parse_table
from connext_monitor.config.values import as_number
from connext_monitor.config.variables import Variables, trimmed
from connext_monitor.deployments import DEPLOYMENTS, Deployment

ProviderCheck = Callable[[Path, str, ProviderTable], object]
"""Given the file, a provider's name and its table: raises `ConfigError` for what is wrong; its result is not used."""

_TABLES = ("monitor", "alerts", "heartbeat", "stats", "backup", "chains", "alert_providers")
_CHAIN_NAME = re.compile(r"[a-z0-9-]{1,40}")
_VISIBLE = re.compile(r"[!-~]*")
_PROVIDER_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")

T = TypeVar("T")
RawTable = Mapping[str, object]


def load_config(path: Path, environ: Mapping[str, str], check_provider: ProviderCheck | None = None) -> Config:
    """Read the file, fill in its ``${NAME}`` from ``environ``, and check all of it.

    ``check_provider`` is called with each provider's table, so that its problems come in the same list. Raises
    `ConfigError` with every problem found; its text quotes no value.
    """
    variables = Variables(environ)
    document = _filled(path, variables)
    findings = _Findings(path)
    tables = _top_level(document, findings)
    monitor = findings.of(lambda: parse_table(MonitorConfig, tables["monitor"], ("monitor",), file=path))
    alerts = findings.of(lambda: parse_table(AlertsConfig, tables["alerts"], ("alerts",), file=path))
    heartbeat = findings.of(lambda: parse_table(HeartbeatConfig, tables["heartbeat"], ("heartbeat",), file=path))
    stats = findings.of(lambda: parse_table(StatsConfig, tables["stats"], ("stats",), file=path))
    backup = findings.of(lambda: parse_table(BackupConfig, _backup(document, tables), ("backup",), file=path))
    findings.add(_credentials(environ, backup))
    chains = _chains(tables["chains"], findings, variables)
    if alerts is not None:
        pathways = [pathway.model_dump() for pathway in alerts.pathways]
        findings.add(_unknown_chains(("alerts", "pathways"), pathways, tables["chains"]))
    providers, not_configured = _providers(tables["alert_providers"], findings, variables, check_provider)
    for name, provider in providers.items():
        key_path = ("alert_providers", name, "pathways")
        findings.add(_unknown_chains(key_path, provider.get("pathways"), tables["chains"]))
    # A string that could not be filled in has its own problem: what its stand-in would cause is not reported as well.
    of_values = map(variables.explain, findings.problems)
    problems = [*variables.problems, *_outside(of_values, [problem.key for problem in variables.problems])]
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
    )


def _backup(document: RawTable, tables: Mapping[str, RawTable]) -> RawTable:
    # No disk is filled with copies that nobody asked for.
    return tables["backup"] if "backup" in document else {"every": ""}


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


class _Findings:
    """Gathers the problems of parts that are checked one after the other."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def add(self, problems: Iterable[Problem]) -> None:
        self.problems.extend(problems)

    def of(self, parse: Callable[[], T]) -> T | None:
        """What ``parse`` makes, or None, its problems kept."""
        try:
            return parse()
        except ConfigError as error:
            self.add(error.problems)
            return None


def _outside(problems: Iterable[Problem], keys: Iterable[str]) -> list[Problem]:
    """Those problems that are not about one of the keys, nor about what stands below it."""
    excluded = tuple(keys)
    below = tuple(f"{key}{separator}" for key in excluded for separator in ".[")
    return [problem for problem in problems if problem.key not in excluded and not problem.key.startswith(below)]


def _top_level(document: Mapping[str, object], findings: _Findings) -> dict[str, RawTable]:
    for key in document:
        if key not in _TABLES:
            cure = suggestion(key, _TABLES, "remove it; known tables:")
            findings.add([Problem(dotted((key,)), "is not a known table", cure)])
    return {key: _table(document.get(key, {}), (key,), findings) or {} for key in _TABLES}


def _table(value: object, path: tuple[str, ...], findings: _Findings) -> dict[str, object] | None:
    if isinstance(value, dict):
        return value
    header = f"[{path[0]}]" if path[0] in {"monitor", "alerts", "heartbeat", "stats", "backup"} else f"[{path[0]}.NAME]"
    findings.add([Problem(dotted(path), "must be a table", f"write its keys under a line {header}")])
    return None


def _chains(tables: RawTable, findings: _Findings, variables: Variables) -> dict[str, ChainConfig]:
    """Read all chains that can be read; every problem with one of them is in the findings."""
    if not tables:
        cure = "add [chains.ethereum] with its endpoints, for example; docs/config.example.toml shows more"
        findings.add([Problem("chains", "holds no chain to watch", cure)])
    chains: dict[str, ChainConfig] = {}
    for name, value in tables.items():
        chain = _chain(name, value, findings)
        if chain is not None:
            chains[name] = chain
    findings.add(_repeated_ids(chains.values()))
    findings.add(_repeated_endpoints(chains.values(), variables))
    return chains


def _chain(name: str, value: object, findings: _Findings) -> ChainConfig | None:
    path = ("chains", name)
    if not _CHAIN_NAME.fullmatch(name):
        cure = "rename it, such as [chains.my-devnet]; a built-in one is named as in docs/config.example.toml"
        findings.add(
            [
                Problem(
                    dotted(path),
                    "is not a valid chain name: it may only contain a-z, 0-9 and - (at most 40 characters)",
                    cure,
                )
            ]
        )
        return None
    table = _table(value, path, findings)
    if table is None:
        return None
    return findings.of(lambda: _read_chain(name, table, findings.file))


def _read_chain(name: str, table: RawTable, file: Path) -> ChainConfig:
    path = ("chains", name)
    builtin = DEPLOYMENTS.get(name)
    problems = _missing(name, table) if builtin is None else _contradiction(table, builtin)
    filled = {**(_as_table(builtin) if builtin else {}), **table}
    try:
        chain = parse_table(ChainTable, filled, path, file=file)
    except ConfigError as error:
        absent = [] if builtin else [dotted((*path, key)) for key in _required() if key not in table]
        problems = [*problems, *_outside(error.problems, absent)]
    else:
        if not problems:
            return ChainConfig(name=name, **dict(chain))
    raise ConfigError(file, problems)


def _required() -> list[str]:
    return [key for key, field in ChainTable.model_fields.items() if field.is_required()]


def _missing(name: str, table: RawTable) -> list[Problem]:
    absent = [key for key in _required() if key not in table]
    if not absent:
        return []
    what = f"is not a built-in deployment, and is missing {', '.join(absent)}"
    cure = suggestion(name, DEPLOYMENTS, "add the missing keys, or use a built-in name")
    return [Problem(dotted(("chains", name)), what, cure)]


def _contradiction(table: RawTable, builtin: Deployment) -> list[Problem]:
    chain_id = as_number(table.get("chain_id", builtin.chain_id))
    if not isinstance(chain_id, int) or chain_id == builtin.chain_id:
        return []
    what = f"contradicts the built-in {builtin.name}, whose chain id is {builtin.chain_id}"
    return [Problem(f"chains.{builtin.name}.chain_id", what, "remove the key, or give this chain another name")]


def _as_table(builtin: Deployment) -> dict[str, object]:
    return {key: getattr(builtin, key) for key in ChainTable.model_fields if hasattr(builtin, key)}


def _repeated_ids(chains: Iterable[ChainConfig]) -> list[Problem]:
    """Find ids that two chains share.

    The same contract address is no mistake: a deployer who begins on two chains alike gets the same one on both.
    """
    problems: list[Problem] = []
    owners: dict[tuple[str, int], str] = {}
    for chain in chains:
        for key, number in (("chain_id", chain.chain_id), ("domain_id", chain.domain_id)):
            owner = owners.setdefault((key, number), chain.name)
            if owner != chain.name:
                what = f"is the same as that of chains.{owner}"
                problems.append(
                    Problem(f"chains.{chain.name}.{key}", what, "give each chain its own, or remove one of them")
                )
    return problems


def _repeated_endpoints(chains: Iterable[ChainConfig], variables: Variables) -> list[Problem]:
    problems: list[Problem] = []
    owners: dict[str, str] = {}
    for chain in chains:
        for number, endpoint in enumerate(chain.endpoints):
            key = dotted(("chains", chain.name, "endpoints", number))
            owner = owners.setdefault(endpoint.get_secret_value(), key)
            if owner != key:
                what = f"is the same URL as {variables.as_written(owner)}"
                problems.append(Problem(key, what, "remove one of them, or correct it"))
    return problems


def _unknown_chains(key_path: tuple[str, ...], pathways: object, chains: RawTable) -> list[Problem]:
    """Find names in a list of pathways that are not a chain's; what is not such a list is reported elsewhere."""
    problems: list[Problem] = []
    for number, pathway in enumerate(pathways if isinstance(pathways, list) else []):
        for key in ("origin", "destination"):
            name = pathway.get(key, ANY_CHAIN) if isinstance(pathway, dict) else ANY_CHAIN
            if isinstance(name, str) and name != ANY_CHAIN and name not in chains:
                known = filter(_CHAIN_NAME.fullmatch, chains)
                cure = suggestion(name, known, 'write "*" for all chains, or the name of a chain in this file')
                problems.append(Problem(dotted((*key_path, number, key)), "is not a chain in this file", cure))
    return problems


def _providers(
    tables: RawTable, findings: _Findings, variables: Variables, check: ProviderCheck | None
) -> tuple[dict[str, ProviderTable], dict[str, NotConfigured]]:
    """The providers, and those that are left out because the environment has none of what they need."""
    providers: dict[str, ProviderTable] = {}
    not_configured: dict[str, NotConfigured] = {}
    for name, value in tables.items():
        path = ("alert_providers", name)
        if not _PROVIDER_NAME.fullmatch(name):
            what = "is not a valid provider name: it may only contain letters, digits, _ and - (at most 40 characters)"
            findings.add([Problem(dotted(path), what, "rename it, such as [alert_providers.ops]")])
            continue
        raw = _table(value, path, findings)
        if raw is None:
            continue
        table = ProviderTable(raw)
        problems = _problems(check, findings.file, name, table)
        lacking = variables.unset_for(dotted(path), problems)
        if lacking:
            not_configured[name] = NotConfigured(str(table.get("type")), lacking)
            continue
        providers[name] = table
        findings.add(problems)
    return providers, not_configured


def _problems(check: ProviderCheck | None, file: Path, name: str, table: ProviderTable) -> list[Problem]:
    findings = _Findings(file)
    if check is not None:
        findings.of(partial(check, file, name, table))
    return findings.problems
