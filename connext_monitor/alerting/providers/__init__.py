"""Alert channels: each package here is a type of channel, by the name that a config calls it.

A package says what its config may hold, and in other modules what it sends: whoever only checks a config does not load
these. `configured` builds what sends.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from connext_monitor.alerting.providers.base import ProviderConfig, ProviderType
from connext_monitor.config import ConfigError, Problem, ProviderTable, parse_table

PROVIDER_TYPES: Mapping[str, str] = {
    module.name: f"{__name__}.{module.name}" for module in iter_modules(__path__) if module.ispkg
}
"""The types of channels and their packages, each of which is loaded only where a config names it."""


def provider_type(name: str) -> ProviderType[Any]:
    """The type of channel of this name, which is one of `PROVIDER_TYPES`: its module's PROVIDER_TYPE."""
    channel_type = import_module(PROVIDER_TYPES[name]).PROVIDER_TYPE
    if not isinstance(channel_type, ProviderType):
        raise TypeError(f"{PROVIDER_TYPES[name]} has no PROVIDER_TYPE")
    return channel_type


def check_provider(file: Path, name: str, table: ProviderTable) -> None:
    """Raise ConfigError for what is wrong with one provider's table; nothing is built."""
    read_provider(file, name, table)


def read_provider(file: Path, name: str, table: ProviderTable) -> tuple[ProviderType[Any], ProviderConfig]:
    """The type of one provider, and its table as that type's config. Raises ConfigError."""
    type_name = table.get("type")
    if not isinstance(type_name, str) or type_name not in PROVIDER_TYPES:
        problem = "is missing" if type_name is None else "is not a known provider type"
        cure = f"write one of {', '.join(PROVIDER_TYPES)}"
        raise ConfigError(file, [Problem(f"alert_providers.{name}.type", problem, cure)])
    channel_type = provider_type(type_name)
    return channel_type, parse_table(channel_type.config, table, ("alert_providers", name), file=file)
