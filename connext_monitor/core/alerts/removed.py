"""Alerts whose end nobody can see, because the config no longer has their chain."""

from collections.abc import Iterable

from connext_monitor.core.alerts.alert import About, Alert, AlertView, Body, Ending
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.message import Field
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.transfer_facts import explorer_links, party_fields
from connext_monitor.core.labels import ChainNames

_TEXT = "The chain has been removed from the config; this alert is no longer followed."
_COUNTED = "no longer configured"


def _transfer(view: AlertView[Details]) -> Body:
    names = map(view.labels.display_name, view.alert.pathway) if view.alert.pathway else ["a transfer"]
    fields = party_fields(view.transfer, view.subject, view.labels)
    links = explorer_links(view.transfer, view.labels)
    return Body(f"No longer watched: {' → '.join(names)}", _TEXT, tuple(fields), links)


def _pathway(view: AlertView[Details]) -> Body:
    return Body(f"No longer watched: {view.subject}", _TEXT)


def _chain(view: AlertView[Details]) -> Body:
    return Body(f"Chain {view.subject} is no longer configured", _TEXT, (Field("Chain", view.subject),))


REMOVED_TRANSFER = Ending(_COUNTED, _transfer)
"""The end of an alert about a transfer that cannot be followed any more."""

REMOVED_PATHWAY = Ending(_COUNTED, _pathway)
"""The end of an alert about a pathway that is no longer watched."""

REMOVED_CHAIN = Ending(_COUNTED, _chain)
"""The end of an alert about a chain that is no longer watched."""


def ended_by_removal(alerts: Iterable[Alert], chains: ChainNames) -> list[ResolveAlert]:
    """The ends of those alerts that hang on a chain which is none of the configured ``chains`` (names by domain)."""
    return [ResolveAlert.of(alert, Resolution.REMOVED) for alert in alerts if _is_about_removed(alert, chains)]


def _is_about_removed(alert: Alert, chains: ChainNames) -> bool:
    if alert.kind.about is About.CHAIN:
        return alert.subject not in chains.values()
    return any(domain not in chains for domain in alert.details.watched_chains)
