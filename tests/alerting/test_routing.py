"""Every alert has somebody whom it can reach: a kind that no provider would get cannot exist."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.alerting.providers.configured import ConfiguredProvider, build_providers, subscriptions
from connext_monitor.clock import SystemClock
from connext_monitor.config import ProviderTable
from connext_monitor.core.alerts.alert import About, Alert, BurstWords, Headline, KindOf
from connext_monitor.core.alerts.details import Details, PathwayDetails
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.events import TransferId
from tests.world.alerts import DESTINATION, LABELS, ORIGIN, TRANSFER_ID
from tests.world.every_alert import AT, EVERY_KIND, details_of
from tests.world.examples import examples

SUBJECTS: Mapping[About, TransferId | str] = {
    About.TRANSFER: TRANSFER_ID,
    About.PATHWAY: "ethereum → gnosis",
    About.CHAIN: "gnosis",
    About.ROUTER: "ours",
    About.PROVIDER: "desk",
    About.MONITOR: "the monitor",
}
MADE_UP = [
    KindOf(
        name=f"made_up_{about.name.lower()}",
        severity=Severity.INFO,
        about=about,
        details=PathwayDetails if about in {About.TRANSFER, About.PATHWAY} else Details,
        opened=EVERY_KIND[0].opened,
        endings={},
        burst=BurstWords("one", "many", "wrong", "right", "Meaning."),
        headline=Headline("one", "{}"),
    )
    for about in About
]
every_kind = pytest.mark.parametrize("kind", [*EVERY_KIND, *MADE_UP], ids=str)


def provider(**table: object) -> ConfiguredProvider:
    table = {"type": "console", "min_severity": "info", **table}
    (built,) = build_providers(
        {"ops": ProviderTable(table)}, file=Path("config.toml"), labels=LABELS, clock=SystemClock()
    )
    return built


def named(provider: ConfiguredProvider, alert: Alert) -> bool:
    """Whether the alert is stored with a delivery to this provider."""
    return provider.provider.name in subscriptions([provider], LABELS)(alert)


def alert_of(kind: KindOf[Any], details: Details) -> Alert:
    if details.pathway is not None:
        details = details.replace(origin=ORIGIN, destination=DESTINATION)
    if kind.about is About.ROUTER and details.watched_chains:
        details = details.replace(domain=DESTINATION)
    return kind.open(SUBJECTS[kind.about], AT, details)


@every_kind
@examples(10)
@given(data=st.data())
def test_every_kind_reaches_whoever_asks_for_everything(kind: KindOf[Any], data: st.DataObject) -> None:
    assert named(provider(), alert_of(kind, data.draw(details_of(kind))))


@every_kind
@examples(10)
@given(data=st.data())
def test_every_kind_reaches_whoever_asks_for_the_pathway_it_bears_on(kind: KindOf[Any], data: st.DataObject) -> None:
    asked = provider(pathways=[{"origin": "ethereum", "destination": "gnosis"}])
    assert named(asked, alert_of(kind, data.draw(details_of(kind))))


@every_kind
@examples(10)
@given(data=st.data())
def test_a_kind_about_somewhere_reaches_nobody_who_asks_for_elsewhere(kind: KindOf[Any], data: st.DataObject) -> None:
    elsewhere = provider(pathways=[{"origin": "base", "destination": "optimism"}])
    alert = alert_of(kind, data.draw(details_of(kind)))
    somewhere = (
        alert.pathway is not None
        or kind.about is About.CHAIN
        or (kind.about is About.ROUTER and alert.details.watched_chains != ())
    )
    assert named(elsewhere, alert) is not somewhere
