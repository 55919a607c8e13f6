"""What two instances told and stored together, held against the chains."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Self

import psycopg

from connext_monitor.config import DatabaseUrl
from scripts.devnet import Devnet
from tests.alerting.markup import discord_literal
from tests.alerting.providers.discord.vendor import Discord
from tests.cluster.instances import DURATIONS
from tests.e2e.monitor import PATIENCE
from tests.e2e.webhook import Receiver
from tests.faults import truth
from tests.soak.evidence import EXECUTE, Leg, StoredAlert, legs_of, read_alerts, read_differences
from tests.world.waiting import until

_LOOKS_EVERY = 0.75
"""Seconds, and `until` waits too: a look costs as much as what an instance does in a second."""


@dataclass(frozen=True, slots=True)
class Account:
    """Each in words, empty where all is as it should be.

    - ``missed``: what the chains have and the database has not, or what the webhook was not told;
    - ``false``: what was told and is not so;
    - ``standing``: messages of the chat that do not agree with the database;
    - ``doubled``: the keys that the webhook was sent again, as often as it was;
    - ``orphans``: messages of the chat of which the database knows nothing: it has others in their place.
    """

    missed: Sequence[str]
    false: Sequence[str]
    standing: Sequence[str]
    doubled: Sequence[str]
    orphans: Sequence[str]

    @property
    def is_settled(self) -> bool:
        """Whether nothing is missing or wrong."""
        return not (self.missed or self.false or self.standing)


class Auditor:
    """Reads the chains and the database, as they are, without the program's code."""

    def __init__(self, bridge: Devnet, firsts: Sequence[int], webhook: Receiver, discord: Discord | None) -> None:
        """``firsts`` are the blocks that the chains are watched from."""
        self._bridge = bridge
        self._firsts = firsts
        self._webhook = webhook
        self._discord = discord

    @classmethod
    async def beginning(cls, bridge: Devnet, webhook: Receiver, discord: Discord | None = None) -> Self:
        """Of what comes after the present heads."""
        return cls(bridge, [await chain.head() + 1 for chain in bridge.chains], webhook, discord)

    async def settled(self, url: DatabaseUrl, why: Callable[[], str]) -> Account:
        """Once nothing is missing or wrong; fails, with ``why`` too, where something stays so."""
        accounts: list[Account] = []

        async def is_settled() -> bool:
            accounts.append(await self.account(url))
            if not accounts[-1].is_settled:
                await asyncio.sleep(_LOOKS_EVERY)
            return accounts[-1].is_settled

        await until(is_settled, 2 * PATIENCE, lambda: f"{accounts[-1:]}\n{why()}")
        return accounts[-1]

    async def account(self, url: DatabaseUrl) -> Account:
        """As things stand now."""
        events, chains = await truth.standing_on(self._bridge.chains, self._firsts)
        names = {chain.domain_id: chain.name for chain in self._bridge.chains}
        legs = [leg for leg in legs_of(events, names, DURATIONS) if leg.kind == EXECUTE]
        with closing(psycopg.connect(url.get_secret_value(), autocommit=True)) as connection:
            alerts = read_alerts(connection)
            missed = read_differences(connection, events, chains, DURATIONS)
            standing = list(_standing(connection, alerts, self._titles()))
            known = {reference for (reference,) in connection.execute(_REFERENCES)}
        missed += self._untold(legs, alerts)
        orphans = [title for message, title in self._titles().items() if message not in known]
        return Account(missed, list(_false(legs, alerts)), standing, self._doubled(), orphans)

    def _titles(self) -> dict[str, str]:
        messages = self._discord.messages if self._discord is not None else {}
        return {message: discord_literal(payload["embeds"][0]["title"]) for (_, message), payload in messages.items()}

    def _doubled(self) -> list[str]:
        counts = Counter(received.key for received in self._webhook.received)
        return [key for key, times in counts.items() for _ in range(times - 1)]

    def _untold(self, legs: Sequence[Leg], alerts: Sequence[StoredAlert]) -> Iterator[str]:
        whats = set(self._webhook.whats())
        accused = {alert.subject for alert in alerts if alert.kind == EXECUTE}
        for leg in legs:
            if leg.arrived is None and leg.transfer_id not in accused:
                yield f"no alert says that {leg.transfer_id} is late"
        for alert in alerts:
            for change in ("alert.opened", *(["alert.resolved"] if alert.resolved is not None else [])):
                if (change, alert.kind, alert.subject) not in whats:
                    yield f"nobody was told of {change} of {alert.id}"


def _false(legs: Sequence[Leg], alerts: Sequence[StoredAlert]) -> Iterator[str]:
    of_transfer = {leg.transfer_id: leg for leg in legs}
    for alert in alerts:
        if alert.kind == EXECUTE:
            leg = of_transfer.get(alert.subject)
            if leg is None or leg.in_time:
                yield f"{alert.id} was opened, and {leg or 'there is no such transfer'}"
            elif (leg.arrived is None) != (alert.resolved is None):
                yield f"{alert.id} is {alert.resolution or 'open'}, and {leg}"


_ALONE = "SELECT alert_id, reference FROM deliveries WHERE provider = 'ops' AND reference IS NOT NULL"
_GROUPS = """
SELECT reference, ended, count(m.alert_id), count(m.alert_id) FILTER (WHERE m.open)
FROM delivery_groups AS g JOIN group_members AS m ON m.group_id = g.id
WHERE provider = 'ops' AND reference IS NOT NULL GROUP BY g.id
"""


_REFERENCES = "SELECT reference FROM deliveries UNION SELECT reference FROM delivery_groups"


def _standing(connection: Any, alerts: Sequence[StoredAlert], titles: Mapping[str, str]) -> Iterator[str]:
    """Whether each message that the database knows of says what the database does."""
    over = {alert.id: alert.resolved is not None for alert in alerts}
    for alert_id, reference in connection.execute(_ALONE):
        if titles[reference].startswith("RESOLVED") is not over[alert_id]:
            yield f"{titles[reference]!r} is the message of {alert_id}, which is {'over' if over[alert_id] else 'open'}"
    for reference, ended, members, still in connection.execute(_GROUPS):
        numbers = {int(number) for number in re.findall(r"\d+", titles[reference])}
        if titles[reference].startswith("RESOLVED") is not ended or not numbers <= {members, still}:
            yield f"{titles[reference]!r} is the message of {members}, of which {still} are open"


def holder(url: DatabaseUrl) -> str:
    """The instance that owns the work, or did last."""
    with closing(psycopg.connect(url.get_secret_value())) as connection:
        [(name,)] = connection.execute("SELECT holder FROM lease")
    return str(name)
