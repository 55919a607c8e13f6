"""Bridges that are paused and pathways that are stalled, and what is late because of that."""

from collections.abc import Iterator
from datetime import UTC, datetime

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.effects import ResolveAlert, Route
from connext_monitor.core.alerts.kinds.bridge_paused import BRIDGE_PAUSED, BridgePausedDetails
from connext_monitor.core.alerts.kinds.pathway_stalled import PATHWAY_STALLED, StalledDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.events import Pathway
from tests.alerting.bursts import Burst
from tests.alerting.markup import discord_literal
from tests.alerting.providers.discord.vendor import Discord
from tests.world.transfers import ALPHA, BETA

PAUSED = "CRITICAL · Bridge paused: beta"
LATE = "Late because of it"
ENDS = {BRIDGE_PAUSED: Resolution.UNPAUSED, PATHWAY_STALLED: Resolution.EXECUTING}


def pause(at: datetime | None = None) -> Alert:
    """That the bridge on beta is paused."""
    return BRIDGE_PAUSED.open("beta", at or datetime.now(UTC), BridgePausedDetails(domain=BETA))


def stall(at: datetime | None = None, pathway: Pathway = (ALPHA, BETA)) -> Alert:
    """That nothing is executed on the pathway from alpha to beta."""
    at = at or datetime.now(UTC)
    origin, destination = pathway
    since = int(at.timestamp()) - 600
    details = StalledDetails(origin=origin, destination=destination, transfers=3, since=since, waiting="", least=3)
    return PATHWAY_STALLED.open("alpha/beta", at, details)


async def begin(burst: Burst, cause: Alert, *providers: str) -> Alert:
    """Open the cause for these providers, or for those of the burst."""
    assert await burst.store.alerts.open(cause, providers or burst.providers)
    return cause


async def end(burst: Burst, cause: Alert, route: Route | None = None) -> None:
    """The cause is over; what was counted with it is for those of the burst, or for whom ``route`` says."""
    ended = ResolveAlert.of(cause, ENDS[cause.kind])
    assert await burst.store.alerts.resolve(ended, datetime.now(UTC), route or (lambda _: burst.providers))


def facts(discord: Discord, title: str) -> Iterator[dict[str, str]]:
    """The facts of each message with this title, as it stands."""
    for message in discord.messages.values():
        (embed,) = message["embeds"]
        if discord_literal(embed["title"]) == title:
            plain = (field for field in embed["fields"] if field["name"] != "Links" and not field["inline"])
            yield {discord_literal(field["name"]): discord_literal(field["value"]) for field in plain}


def counts(discord: Discord, title: str = PAUSED) -> list[str | None]:
    """What each message with this title says is late because of what it is about."""
    return [its.get(LATE) for its in facts(discord, title)]
