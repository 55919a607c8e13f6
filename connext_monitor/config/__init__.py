"""The configuration: one TOML file, read once at the start, all its mistakes reported together.

`source` reads the file, `variables` fills in the environment, `values`, `secret` and `table` are the machinery that the
providers' own tables use too, `models` is what the rest of the program gets, `chain_tables`, `provider_tables`
and `router_tables` read what there may be several of, `load` puts it together, and `findings` and
`problems` say what is wrong.
"""

from connext_monitor.config.addresses import ContractAddress
from connext_monitor.config.database_url import DatabaseUrl
from connext_monitor.config.load import load_config
from connext_monitor.config.models import (
    CREDENTIALS,
    AlertsConfig,
    BackupConfig,
    ChainConfig,
    ClusterConfig,
    Config,
    HeartbeatConfig,
    LegDeadlines,
    MonitorConfig,
    NotConfigured,
    PathwayConfig,
    ProviderTable,
    StatsConfig,
)
from connext_monitor.config.pathways import PathwayPattern
from connext_monitor.config.problems import ConfigError, Problem, bad_value
from connext_monitor.config.provider_tables import ProviderCheck
from connext_monitor.config.router_tables import MinLiquidity, RouterConfig
from connext_monitor.config.secret import BaseUrl, EndpointUrl, HeaderToken, SecretText, SecretUrl, ServiceUrl
from connext_monitor.config.table import Table, parse_table
from connext_monitor.config.values import (
    Bucket,
    Duration,
    Flag,
    FromDigits,
    ListenAddress,
    as_flag,
    parse_duration,
    read_bucket,
)
from connext_monitor.config.variables import trimmed

__all__ = [
    "CREDENTIALS",
    "AlertsConfig",
    "BackupConfig",
    "BaseUrl",
    "Bucket",
    "ChainConfig",
    "ClusterConfig",
    "Config",
    "ConfigError",
    "ContractAddress",
    "DatabaseUrl",
    "Duration",
    "EndpointUrl",
    "Flag",
    "FromDigits",
    "HeaderToken",
    "HeartbeatConfig",
    "LegDeadlines",
    "ListenAddress",
    "MinLiquidity",
    "MonitorConfig",
    "NotConfigured",
    "PathwayConfig",
    "PathwayPattern",
    "Problem",
    "ProviderCheck",
    "ProviderTable",
    "RouterConfig",
    "SecretText",
    "SecretUrl",
    "ServiceUrl",
    "StatsConfig",
    "Table",
    "as_flag",
    "bad_value",
    "load_config",
    "parse_duration",
    "parse_table",
    "read_bucket",
    "trimmed",
]
