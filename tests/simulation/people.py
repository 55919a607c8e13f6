"""What people do about alerts in a story: they silence some for a while, or acknowledge one, as on the command line."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.store import silences
from tests.simulation.acts import Act
from tests.simulation.disk import Disk
from tests.simulation.story import EPOCH
from tests.simulation.trace import Acted
from tests.simulation.world_truth import chain_name

_OLDEST = "SELECT id FROM alerts WHERE state = 'open' AND kind = ? ORDER BY opened_ms, id LIMIT 1"


class People:
    """They act on the database of whoever works, if anybody does and it can be written.

    What is not open nobody acknowledges.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._done: list[tuple[float, Acted]] = []
        """When each was done, or ended early."""

    @property
    def acted(self) -> tuple[Acted, ...]:
        """What they did, each as it ended."""
        return tuple({acted.number: acted for _, acted in self._done}.values())

    def rewind(self, since: float) -> None:
        """What was committed since then is lost."""
        self._done = [(at, acted) for at, acted in self._done if at <= since]

    def act(self, disk: Disk | None, act: Act) -> int | None:
        """Do it now; the number of what was done, None where nothing was."""
        if disk is None or not disk.opened:
            return None
        subject = None
        if act.acknowledges:
            oldest = disk.read(_OLDEST, act.kind)
            if not oldest:
                return None
            subject = str(oldest[0][0])
        origin, destination = (None if end is None else chain_name(end) for end in (act.origin, act.destination))
        at = self._now()
        instant = datetime.fromtimestamp(EPOCH + at, UTC)
        silence = Silence(
            0,
            instant + timedelta(seconds=act.seconds),
            KINDS[act.kind] if act.kind and not subject else None,
            origin,
            destination,
            subject=subject,
            ack=act.acknowledges,
        )
        try:
            made = disk.write(lambda connection: silences.made(connection, silence, instant))
        except sqlite3.OperationalError:
            return None
        acted = Acted(at, at + act.seconds, act.kind, subject, made.id, origin, destination)
        self._done.append((at, acted))
        return made.id

    def end(self, disk: Disk | None, number: int) -> None:
        """End early what has this number, if it has not ended."""
        at = self._now()
        standing = next((acted for acted in self.acted if acted.number == number and acted.until > at), None)
        if disk is None or not disk.opened or standing is None:
            return
        instant = datetime.fromtimestamp(EPOCH + at, UTC)
        try:
            disk.write(lambda connection: silences.cut_short(connection, number, instant))
        except sqlite3.OperationalError:
            return
        self._done.append((at, replace(standing, until=at)))
