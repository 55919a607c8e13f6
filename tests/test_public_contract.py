"""docs/api.md, held to the program: whatever is public is named there, and nothing there is made up."""

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import click
import msgspec

from connext_monitor.alerting.providers import PROVIDER_TYPES, provider_type
from connext_monitor.alerting.providers.base import ProviderConfig
from connext_monitor.cli.program import program
from connext_monitor.config.models import (
    AlertsConfig,
    BackupConfig,
    ChainTable,
    ClusterConfig,
    HeartbeatConfig,
    MonitorConfig,
    PathwayConfig,
    StatsConfig,
)
from connext_monitor.config.router_tables import RouterTable
from connext_monitor.config.table import Table
from connext_monitor.core import documents as core_documents
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.documents.fields import Document
from connext_monitor.reporting.web.feed import EventName
from connext_monitor.reporting.web.openapi import description

DOCS = Path(__file__).parents[1] / "docs"
TEXT = (DOCS / "api.md").read_text(encoding="utf-8")
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")
DESCRIPTION: Any = description()
# What every command has, and what the page says of all of them at once.
COMMON = {"--config", "--help", "--version"}


def section(heading: str, text: str = TEXT) -> str:
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def code(text: str) -> set[str]:
    """What stands between backquotes."""
    return set(re.findall(r"`([^`]+)`", text))


def table(heading: str, first_column: str, text: str = TEXT) -> dict[str, Sequence[str]]:
    """The rows of a table as their first cell's names, each with the other cells."""
    rows = section(heading, text).partition(f"| {first_column} |")[2].partition("\n\n")[0].splitlines()[2:]
    cells = [re.split(r"\s*\|\s*", row.strip("| ")) for row in rows]
    return {name: rest for first, *rest in cells for name in code(first)}


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{prefix}{name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")


def test_every_command_is_documented_with_its_options() -> None:
    documented = {name: code(options) for name, (options, _) in table("Command line", "Command").items()}
    actual = {}
    for name, command in commands(program):
        options = {text for parameter in command.params for text in parameter.opts if text.startswith("--")}
        actual[name] = options - COMMON
    assert {
        name: {option for option in options if option[:2] == "--"} for name, options in documented.items()
    } == actual


def test_every_key_of_the_config_is_documented() -> None:
    keys = table("Configuration", "Table")
    models: dict[str, type[Table]] = {
        "[monitor]": MonitorConfig,
        "[alerts]": AlertsConfig,
        "[[alerts.pathways]]": PathwayConfig,
        "[heartbeat]": HeartbeatConfig,
        "[stats]": StatsConfig,
        "[backup]": BackupConfig,
        "[cluster]": ClusterConfig,
        "[chains.NAME]": ChainTable,
        "[routers.NAME]": RouterTable,
        "[alert_providers.NAME]": ProviderConfig,
    }
    assert keys.keys() == models.keys()
    for name, model in models.items():
        # The pathways have a table of their own.
        missing = set(model.model_fields) - code(keys[name][0]) - ({"pathways"} if name == "[alerts]" else set())
        assert not missing, name


def test_every_type_of_provider_is_documented_with_its_keys() -> None:
    keys = {name: code(cells[0]) for name, cells in table("Configuration", "Provider type").items()}
    common = set(ProviderConfig.model_fields)
    assert keys == {name: set(provider_type(name).config.model_fields) - common for name in PROVIDER_TYPES}


def test_every_path_is_documented_with_its_parameters() -> None:
    for_people = {"/", "/metrics"}
    documented = {name: code(cells[0]) for name, cells in table("HTTP", "Path").items() if name not in for_people}
    parameters = {
        path: {parameter["name"] for parameter in methods["get"].get("parameters", ()) if parameter["in"] != "path"}
        for path, methods in DESCRIPTION["paths"].items()
    }
    assert documented == parameters


def test_every_event_of_the_stream_is_documented() -> None:
    assert {name.value for name in EventName} <= code(section("HTTP"))


def documents(base: type[Document] = Document) -> Iterator[type[Document]]:
    """Every struct of `core.documents`; those that others inherit from too."""
    for kind in base.__subclasses__():
        yield kind
        yield from documents(kind)


def test_every_property_of_a_document_is_documented() -> None:
    for module in iter_modules(core_documents.__path__):
        import_module(f"{core_documents.__name__}.{module.name}")
    names = {part.encode_name for kind in documents() for part in msgspec.structs.fields(kind)}
    described = {
        name for schema in DESCRIPTION["components"]["schemas"].values() for name in schema.get("properties", ())
    }
    assert len(names) > 150
    assert names | described <= set(re.findall(r"\w+", " ".join(code(TEXT))))


def test_every_type_of_webhook_body_is_documented() -> None:
    schemas = DESCRIPTION["components"]["schemas"]
    types = {
        body_type for name in ("AlertBody", "ReportBody") for body_type in schemas[name]["properties"]["type"]["enum"]
    }
    assert types == table("Webhook", "Type").keys()


def test_every_kind_of_alert_is_documented_with_its_severity_and_endings() -> None:
    documented = {kind: (cells[0], code(cells[2])) for kind, cells in table("Alerts", "Kind").items()}
    assert documented == {
        name: (kind.severity.value, {resolution.value for resolution in kind.resolutions})
        for name, kind in KINDS.items()
    }


def test_the_operators_manual_explains_only_alerts_that_there_are() -> None:
    explained = table("What each alert asks of you", "alert", OPERATIONS).keys()
    assert explained
    assert explained <= KINDS.keys()
