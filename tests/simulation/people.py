"""What people do about alerts in a story: they silence some for a while, or acknowledge one, as on the command line."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.store import silences
from tests.simulation.acts import Act
from tests.simulation.disk import Disk
from tests.simulation.story import EPOCH
from tests.simulation.trace import Acted

_OLDEST = "SELECT id FROM alerts WHERE state = 'open' AND kind = ? ORDER BY opened_ms, id LIMIT 1"


@dataclass
class People:
    """They act on the database of whoever works, if anybody does; what is not open nobody acknowledges."""

    now: Callable[[], float]
    acted: list[Acted]

    def act(self, disk: Disk | None, act: Act) -> None:
        """Do it now."""
        if disk is None or not disk.opened:
            return
        subject = None
        if act.acknowledges:
            oldest = disk.read(_OLDEST, act.kind)
            if not oldest:
                return
            subject = str(oldest[0][0])
        at = self.now()
        instant = datetime.fromtimestamp(EPOCH + at, UTC)
        silence = Silence(
            0,
            instant + timedelta(seconds=act.seconds),
            None if subject else KINDS[act.kind],
            subject=subject,
            ack=act.acknowledges,
        )
        made = disk.write(lambda connection: silences.made(connection, silence, instant))
        self.acted.append(Acted(at, at + act.seconds, act.kind, subject, made.id))

    def end(self, disk: Disk | None) -> None:
        """End early what was done last, if it has not ended."""
        at = self.now()
        last = self.acted[-1] if self.acted else None
        if disk is None or not disk.opened or last is None or last.until <= at:
            return
        instant = datetime.fromtimestamp(EPOCH + at, UTC)
        disk.write(lambda connection: silences.cut_short(connection, last.number, instant))
        self.acted[-1] = Acted(last.at, at, last.kind, last.alert_id, last.number)
