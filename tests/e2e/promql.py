"""What the dashboard and the alert rules in docs/ ask of a monitor's metrics, read by a parser of PromQL."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import yaml

DOCS = Path(__file__).parents[2] / "docs"
# Grafana fills these in; any duration and any word will do to read the expression.
_DURATIONS = re.compile(r"\$__(rate_interval|range|interval)")
_LEGEND = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_RULE_LABEL = re.compile(r"\$labels\.([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Asked:
    """A metric that an expression selects: labels that it names, and the values that it wants them to have."""

    metric: str
    labels: frozenset[str]
    values: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression, where it stands, and the labels that its result is told by."""

    origin: str
    text: str
    told_by: frozenset[str]


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    document: dict[str, Any] = json.loads((DOCS / "grafana-dashboard.json").read_text(encoding="utf-8"))
    return document


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    groups = yaml.safe_load((DOCS / "prometheus-rules.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[Expression]:
    """All of both, the dashboard's variables and annotations among them."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            told_by = frozenset(_LEGEND.findall(target["legendFormat"]))
            yield Expression(f"panel {panel['title']}", target["expr"], told_by)
    for note in dashboard()["annotations"]["list"]:
        yield Expression(f"annotation {note['name']}", note["expr"], frozenset())
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()  # type: ignore[union-attr]
            yield Expression(f"variable {variable['name']}", selector, frozenset({label}))
    for rule in rules():
        told_by = frozenset(_RULE_LABEL.findall(json.dumps(rule["annotations"])))
        yield Expression(f"rule {rule['alert']}", rule["expr"], told_by)


def asked(text: str) -> list[Asked]:
    """The metrics that an expression selects. Raises ValueError where it is no PromQL."""
    nodes: list[Any] = []

    def note(node: promql_parser.Expr) -> None:
        nodes.append(node)

    promql_parser.walk(promql_parser.parse(_DURATIONS.sub("5m", text)), note)
    grouped = {
        label
        for node in nodes
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None
        for label in node.modifier.labels
    }
    selectors = [node for node in nodes if isinstance(node, promql_parser.VectorSelector)]
    return [_asked(selector, grouped) for selector in selectors]


def _asked(selector: Any, grouped: Iterable[str]) -> Asked:
    matchers = selector.matchers.matchers
    values = {
        (matcher.name, value)
        for matcher in matchers
        # A value that Grafana fills in may be anything.
        for value in matcher.value.split("|")
        if not value.startswith("$")
    }
    names = {matcher.name for matcher in matchers}
    return Asked(str(selector.name), frozenset(names | set(grouped)), frozenset(values))
