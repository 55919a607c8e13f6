"""What each of two instances has told, where each tells a receiver of its own."""

from collections.abc import Mapping
from dataclasses import dataclass

from scripts.devnet import Transfer
from tests.cluster.instances import Instances
from tests.e2e.monitor import PATIENCE
from tests.e2e.webhook import Received, Receiver
from tests.world.waiting import until


@dataclass(frozen=True, slots=True)
class Notifications:
    """By the names of the instances, their receivers."""

    instances: Instances
    by: Mapping[str, Receiver]

    async def tells(self, name: str, change: str, transfer: Transfer) -> None:
        """Wait until this instance has told that the transfer's execution is late, or that this is over."""
        what = (f"alert.{change}", "execute_overdue", transfer.transfer_id)
        await until(lambda: what in self.by[name].whats(), PATIENCE, lambda: self.instances.said)

    def about(self, transfer: Transfer) -> list[tuple[str, str]]:
        """By whom, and what."""
        return [(name, change) for name in self.by for change, _ in self.by[name].about(transfer.transfer_id)]

    def of_work(self, name: str) -> list[Received]:
        """What this one has told but that it cannot use the database, which it says past that."""
        return [body for body in self.by[name].received if body.alert["kind"] != "database_failing"]
