"""``[chains.NAME]``: built-in deployments filled in, and what two chains must not share."""

import re
from collections.abc import Iterable
from pathlib import Path

from connext_monitor.config.findings import ConfigFindings, RawTable, outside, table_of
from connext_monitor.config.models import ChainConfig, ChainTable
from connext_monitor.config.problems import ConfigError, Problem, dotted, suggestion
from connext_monitor.config.table import parse_table
from connext_monitor.config.values import as_number
from connext_monitor.config.variables import Variables
from connext_monitor.deployments import DEPLOYMENTS, Deployment

CHAIN_NAME = re.compile(r"[a-z0-9-]{1,40}")


def read_chains(tables: RawTable, findings: ConfigFindings, variables: Variables) -> dict[str, ChainConfig]:
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


def _chain(name: str, value: object, findings: ConfigFindings) -> ChainConfig | None:
    path = ("chains", name)
    if not CHAIN_NAME.fullmatch(name):
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
    table = table_of(value, path, findings)
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
        problems = [*problems, *outside(error.problems, absent)]
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
    mistake = f"is not a built-in deployment, and is missing {', '.join(absent)}"
    cure = suggestion(name, DEPLOYMENTS, "add the missing keys, or use a built-in name")
    return [Problem(dotted(("chains", name)), mistake, cure)]


def _contradiction(table: RawTable, builtin: Deployment) -> list[Problem]:
    chain_id = as_number(table.get("chain_id", builtin.chain_id))
    if not isinstance(chain_id, int) or chain_id == builtin.chain_id:
        return []
    mistake = f"contradicts the built-in {builtin.name}, whose chain id is {builtin.chain_id}"
    return [Problem(f"chains.{builtin.name}.chain_id", mistake, "remove the key, or give this chain another name")]


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
                mistake = f"is the same as that of chains.{owner}"
                problems.append(
                    Problem(f"chains.{chain.name}.{key}", mistake, "give each chain its own, or remove one of them")
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
                mistake = f"is the same URL as {variables.as_written(owner)}"
                problems.append(Problem(key, mistake, "remove one of them, or correct it"))
    return problems
