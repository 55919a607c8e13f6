"""What is stored of what bridges say besides transfers, as the core's values make it.

It is held to the real store by tests/store/test_bridge_fold.py.
"""

from collections.abc import Collection
from datetime import datetime

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.effects import OpenAlert
from connext_monitor.core.batch import Batch
from connext_monitor.core.bridge_effects import bridge_effects
from connext_monitor.core.bridge_events import BridgeIdentity, BridgeRecord
from connext_monitor.core.bridge_records import StoredBridgeRecord, bridge_changes
from connext_monitor.core.events import DomainId, Hash32
from connext_monitor.core.transfer import ObservedChange
from tests.world.recording import chain_name


class BridgeFold:
    """The records that are stored, those said to be covered, the alerts that are open, and what became of alerts.

    It is ``at`` this time that all is committed.
    """

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.stored: dict[BridgeIdentity, StoredBridgeRecord] = {}
        self.covered: list[BridgeRecord] = []
        self.open: dict[str, Alert] = {}
        self.log: list[str] = []

    def commit(self, *observed: ObservedChange) -> None:
        """Take what a transaction records."""
        changes = bridge_changes(self._touched(Batch(observed)), observed)
        for gone in changes.removed:
            del self.stored[gone.record.identity]
        self.stored |= {saved.record.identity: saved for saved in changes.saved}
        self.covered += changes.covered
        for effect in bridge_effects(changes, chain_name, self.at):
            if isinstance(effect, OpenAlert):
                if effect.alert.id not in self.open:
                    self.log.append("opened")
                    self.open[effect.alert.id] = effect.alert
            elif self.open.pop(effect.alert_id, None):
                self.log.append(effect.resolution.value)

    def _touched(self, batch: Batch) -> list[StoredBridgeRecord]:
        """What a store looks at for this: see `bridge_events.touched`."""
        of_blocks = self._standing_in(batch.bridge_blocks | batch.gone_blocks)
        moved = {(each.record.domain, each.record.tx_hash) for each in self._standing_in(batch.gone_blocks)}
        moved |= batch.liquidity_transactions
        elsewhere = [each for each in self.stored.values() if (each.record.domain, each.record.tx_hash) in moved]
        return list({each.record.identity: each for each in (*of_blocks, *elsewhere)}.values())

    def _standing_in(self, blocks: Collection[tuple[DomainId, Hash32]]) -> list[StoredBridgeRecord]:
        return [each for each in self.stored.values() if (each.record.domain, each.record.block.hash) in blocks]
