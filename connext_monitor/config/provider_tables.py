"""``[alert_providers.NAME]``: handed to whoever knows the types of providers, or left out."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from connext_monitor.config.findings import ConfigFindings, RawTable, table_of
from connext_monitor.config.models import NotConfigured, ProviderTable
from connext_monitor.config.problems import Problem, dotted
from connext_monitor.config.variables import Variables

ProviderCheck = Callable[[Path, str, ProviderTable], object]
"""Given the file, a provider's name and its table: raises `ConfigError` for what is wrong; its result is not used."""
_PROVIDER_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_BAD_NAME = "is not a valid provider name: it may only contain letters, digits, _ and - (at most 40 characters)"


def read_providers(
    tables: RawTable, findings: ConfigFindings, variables: Variables, check: ProviderCheck | None
) -> tuple[dict[str, ProviderTable], dict[str, NotConfigured]]:
    """The providers, and those that are left out because the environment has none of what they need."""
    providers: dict[str, ProviderTable] = {}
    not_configured: dict[str, NotConfigured] = {}
    for name, value in tables.items():
        path = ("alert_providers", name)
        if not _PROVIDER_NAME.fullmatch(name):
            findings.add([Problem(dotted(path), _BAD_NAME, "rename it, such as [alert_providers.ops]")])
            continue
        raw = table_of(value, path, findings)
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
    findings = ConfigFindings(file)
    if check is not None:
        findings.of(partial(check, file, name, table))
    return findings.problems
