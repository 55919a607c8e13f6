"""Changes of who may do what are told once for each transaction, as soon as their block is covered."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.alerts.kinds.bridge_changed import BRIDGE_CHANGED
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.bridge_effects import CHANGING, NOTED_AFTER
from connext_monitor.core.bridge_events import BRIDGE_EVENTS, BridgeRecord
from connext_monitor.core.events import Hash32
from connext_monitor.core.transfer import ObservedChange, Provenance
from tests.world.bridge import block_gone, bridge_record, read_in
from tests.world.bridge_fold import BridgeFold
from tests.world.transfers import sighting

CUT, SEQUENCER = bridge_record("DiamondCut"), bridge_record("SequencerAdded", log_index=1)
NOW = datetime.fromtimestamp(CUT.block.timestamp, UTC) + timedelta(minutes=1)


def covered(*records: BridgeRecord) -> ObservedChange:
    return read_in(Provenance.COVERED, *records)


def test_one_alert_says_all_that_a_transaction_changed() -> None:
    bridge = BridgeFold(NOW)
    bridge.commit(covered(CUT, SEQUENCER, bridge_record("RouterAdded", log_index=2)))
    [alert] = bridge.open.values()
    assert (alert.severity, alert.subject) == (Severity.CRITICAL, "alpha")
    details = BRIDGE_CHANGED.details_of(alert)
    assert details.what.startswith("The bridge's code was changed: adds 1 function of 0x")
    assert details.what.count(". ") == 1
    assert details.by is not None


def test_of_lesser_changes_it_warns() -> None:
    bridge = BridgeFold(NOW)
    bridge.commit(covered(SEQUENCER))
    assert [alert.severity for alert in bridge.open.values()] == [Severity.WARNING]


def test_what_is_pushed_or_history_or_no_right_alerts_nobody() -> None:
    bridge = BridgeFold(NOW)
    bridge.commit(read_in(Provenance.PUSHED, CUT))
    bridge.commit(read_in(Provenance.HISTORY, bridge_record("DiamondCut", 3, tx_hash=Hash32(b"\1" * 32))))
    bridge.commit(covered(bridge_record("RouterLiquidityAdded", 12), bridge_record("Paused", 13)))
    assert bridge.log == []
    bridge.commit(covered(CUT))
    bridge.commit(covered(CUT), read_in(Provenance.PUSHED, CUT))
    assert bridge.log == ["opened"]


def test_what_changed_more_than_a_day_ago_alerts_nobody() -> None:
    bridge = BridgeFold(NOW + timedelta(seconds=NOTED_AFTER))
    bridge.commit(covered(CUT))
    assert bridge.log == []


@pytest.mark.parametrize("first", [Provenance.COVERED, Provenance.PUSHED])
def test_a_reorg_withdraws_it_and_a_move_is_no_news(first: Provenance) -> None:
    bridge, moved = BridgeFold(NOW), bridge_record("DiamondCut", sighting(11, fork="b"))
    bridge.commit(read_in(first, CUT))
    bridge.commit(replace(block_gone(CUT), bridge=(moved,), provenance=Provenance.COVERED))
    assert bridge.log == ["opened"]
    bridge.commit(block_gone(moved))
    assert (bridge.log, bridge.open) == (["opened", Resolution.REORGED.value], {})


def test_each_kind_that_alerts_is_one_that_is_observed() -> None:
    assert BRIDGE_EVENTS.keys() > CHANGING


_SEEN = st.builds(
    lambda kind, number, tx, provenance: read_in(
        provenance, bridge_record(kind, sighting(number), tx_hash=Hash32(bytes([tx]) * 32))
    ),
    st.sampled_from(["DiamondCut", "SequencerAdded", "RouterAdded"]),
    st.integers(1, 2),
    st.integers(1, 3),
    st.sampled_from([Provenance.PUSHED, Provenance.COVERED]),
)


@given(st.lists(_SEEN, max_size=7), st.data())
def test_any_order_and_repetition_open_the_same_alerts(seen: Sequence[ObservedChange], data: st.DataObject) -> None:
    straight, other = BridgeFold(NOW), BridgeFold(NOW)
    straight.commit(*seen)
    for change in data.draw(st.permutations([*seen, *seen])):
        other.commit(change)
    assert other.open.keys() == straight.open.keys()
