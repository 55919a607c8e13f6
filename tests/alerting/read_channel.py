"""A channel whose messages are kept as they say things, fed by the real queue of what it is to be told."""

from dataclasses import dataclass, field
from typing import cast

from connext_monitor.alerting.digest_queue import DigestQueue
from connext_monitor.alerting.notice import DigestProvider
from connext_monitor.alerting.outgoing_message import Idle, OutgoingAlert, OutgoingDigest
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.grouping import GroupRules
from connext_monitor.core.delivery import Change
from connext_monitor.core.holds import NOTHING_HELD
from connext_monitor.core.labels import ChainLabels
from connext_monitor.store.connection import Connection
from connext_monitor.store.store import Store
from tests.world.clocks import ManualClock

_RULES = GroupRules(wait=2.0, interval=60.0)
_MOST = 1000


@dataclass(slots=True, eq=False)
class Said:
    """A message as it stands: about one ``alert``, or about none; ``counted`` are the alerts that it counts as open."""

    alert: str | None
    open: bool = True
    counted: frozenset[str] = frozenset()


@dataclass(slots=True)
class ReadChannel:
    """One channel of this mode; what it is called in references is the number of its message."""

    name: str
    digest_mode: DigestMode
    clock: ManualClock
    messages: list[Said] = field(default_factory=list)
    groups: dict[int, list[Said]] = field(default_factory=dict)

    async def take_one(self, store: Store) -> float | None:
        """Take the next message; where there is none, until when to wait for one (Unix seconds, 0 for ever)."""
        provider = cast("DigestProvider", self)
        message = await DigestQueue(store.outbox, provider, ChainLabels({}), _RULES, self.clock).next(NOTHING_HELD)
        if isinstance(message, Idle):
            return message.until or 0.0
        if isinstance(message, OutgoingAlert):
            said = self._alert(message)
        else:
            said = await self._group(message, store)
        changes = self.digest_mode is DigestMode.CHANGING_DIGEST
        await message.sent(str(self.messages.index(said)) if changes else None, self.clock.now())
        return None

    async def rest(self, store: Store) -> None:
        """Take all there is, however long it takes."""
        for _ in range(_MOST):
            until = await self.take_one(store)
            if until == 0.0:
                return
            if until is not None:
                self.clock.advance(max(0.001, until - self.clock.now().timestamp()))
        raise AssertionError("there is no end of what it is told")

    def standing(self, alert_id: str) -> list[Said]:
        """The messages about this alert that nobody has been told the end of."""
        return [said for said in self.messages if said.open and said.alert == alert_id]

    def counting(self, alert_id: str) -> list[Said]:
        """The messages that stand and count this alert among others."""
        return [said for said in self.messages if said.open and alert_id in said.counted]

    def _alert(self, message: OutgoingAlert) -> Said:
        alert = message.delivery.alert
        if message.delivery.change is Change.OPENED:
            return self._posted(Said(alert.id))
        reference = message.delivery.reference
        ended = self.standing(alert.id) if reference is None else [self.messages[int(reference)]]
        assert ended, "told of the end of what it was not told of"
        for said in ended:
            said.open = False
        return ended[-1]

    async def _group(self, message: OutgoingDigest, store: Store) -> Said:
        digest = message.digest
        said = Said(None) if digest.reference is None else self.messages[int(digest.reference)]
        assert said.open, "a message that is over says again that something is open"
        if digest.reference is None:
            self._posted(said)
        of_group = self.groups.setdefault(digest.group_id, [])
        of_group.append(said)
        said.counted = frozenset(
            await store.database.read(lambda connection: _open_members(connection, digest.group_id))
        )
        if message.change is Change.RESOLVED:
            for earlier in of_group:
                earlier.open = False
        return said

    def _posted(self, said: Said) -> Said:
        self.messages.append(said)
        return said


def _open_members(connection: Connection, group_id: int) -> list[str]:
    query = "SELECT alert_id FROM group_members WHERE open = 1 AND group_id = ?"
    return [alert_id for (alert_id,) in connection.run(query, [group_id])]
