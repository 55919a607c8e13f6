"""What holds of every kind of alert; whoever adds one has these for it without writing them."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.alerts import kinds
from connext_monitor.core.alerts.alert import About, AlertState, KindOf, compose
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.digest import Digest, NamedMember, compose_digest
from connext_monitor.core.alerts.kinds.bridge_changed import BRIDGE_CHANGED
from connext_monitor.core.alerts.kinds.bridge_paused import BRIDGE_PAUSED
from connext_monitor.core.alerts.kinds.deep_reorg import DEEP_REORG, DeepReorgDetails
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE, OverdueDetails
from connext_monitor.core.alerts.kinds.pathway_stalled import PATHWAY_STALLED
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.queue import Topic
from connext_monitor.core.transfer import Transfer
from tests.world.alerts import ARRIVED, LATE, TRANSFER_ID
from tests.world.every_alert import AT, EVERY_KIND, alerts, open_alerts, opened
from tests.world.hostile import hostile

every_kind = pytest.mark.parametrize("kind", EVERY_KIND, ids=str)
labels = st.builds(
    lambda name, explorer: ChainLabels({end: ChainLabel(name, explorer) for end in (LATE.origin, LATE.destination)}),
    hostile,
    st.none() | st.just("https://explorer.example"),
)


def test_the_table_has_every_kind_that_a_module_defines() -> None:
    modules = sorted(file.stem for file in Path(kinds.__path__[0]).glob("[a-z]*.py"))
    defined = [
        [value for value in vars(import_module(f"{kinds.__name__}.{module}")).values() if isinstance(value, KindOf)]
        for module in modules
    ]
    assert all(defined)
    assert [kind for of_module in defined for kind in of_module] == EVERY_KIND
    assert [kind.name for kind in EVERY_KIND] == list(KINDS)


@every_kind
@given(data=st.data(), labels=labels, transfer=st.sampled_from([None, LATE, ARRIVED]))
def test_an_alert_has_words_whatever_its_state_and_details(
    kind: KindOf[Any], data: st.DataObject, labels: ChainLabels, transfer: Transfer | None
) -> None:
    alert = data.draw(alerts(kind))
    message = compose(alert, transfer, labels)
    assert message.title
    assert message.text
    assert message.severity is alert.severity
    assert message.resolved is (alert.state is AlertState.RESOLVED)


@every_kind
@given(data=st.data(), escalated=st.booleans())
def test_details_are_read_as_they_were_written(kind: KindOf[Any], data: st.DataObject, *, escalated: bool) -> None:
    alert = data.draw(open_alerts(kind))
    details = (alert.escalated(AT) if escalated else alert).details
    assert kind.read_details(details.written()) == details
    assert details.written().isascii()
    assert all(isinstance(value, str | int) for value in json.loads(details.written()).values())


@every_kind
def test_a_digest_counts_every_ending(kind: KindOf[Any]) -> None:
    alert = opened(kind)
    for number, (resolution, words) in enumerate(kind.resolutions.items(), start=2):
        digest = Digest(1, Topic(kind), kind.severity, 9, 3, AT, NamedMember(alert), endings={resolution: number})
        message = compose_digest(digest, ChainLabels({}), AT.timestamp())
        assert f"Ended: {number} {words}." in message.text
        assert message.title == f"3 of 9 {kind.burst.plural} still {kind.burst.wrong}"


@every_kind
def test_a_headline_counts_or_stands_alone(kind: KindOf[Any]) -> None:
    for count in (1, 12):
        assert kind.headline.of(count)
        assert "{" not in kind.headline.of(count)


@every_kind
def test_an_ending_that_a_kind_does_not_list_is_refused(kind: KindOf[Any]) -> None:
    alert = opened(kind)
    for resolution in set(Resolution) - kind.resolutions.keys():
        with pytest.raises(ValueError, match=f"{kind} does not end as {resolution}"):
            alert.resolved(resolution, AT)


@every_kind
def test_a_kind_is_withdrawn_when_its_subject_leaves_the_config(kind: KindOf[Any]) -> None:
    assert kind.resolutions
    assert Resolution.REMOVED in kind.resolutions or kind.about is About.MONITOR


@every_kind
def test_a_kind_of_alert_about_what_blocks_hold_can_be_reorged(kind: KindOf[Any]) -> None:
    said_by_blocks = kind.about is About.TRANSFER or kind in {BRIDGE_CHANGED, BRIDGE_PAUSED, PATHWAY_STALLED}
    assert (Resolution.REORGED in kind.resolutions) is said_by_blocks


def test_every_resolution_is_some_kinds() -> None:
    assert set().union(*(kind.resolutions for kind in EVERY_KIND)) == set(Resolution)


@every_kind
def test_only_a_kinds_own_details_are_its_details(kind: KindOf[Any]) -> None:
    alert = opened(kind)
    assert kind.details_of(alert) is alert.details
    with pytest.raises(TypeError, match="is no"):
        next(other for other in EVERY_KIND if other is not kind).details_of(alert)


# --- opening ---


@every_kind
def test_an_alert_opens_about_what_its_kind_is_about(kind: KindOf[Any]) -> None:
    wrong = "a name" if kind.about is About.TRANSFER else TRANSFER_ID
    with pytest.raises(TypeError, match=kind.name):
        kind.open(wrong, AT, Details())


def test_an_alert_about_a_transfer_keeps_its_id() -> None:
    first, again = (EXECUTE_OVERDUE.open(TRANSFER_ID, at, OverdueDetails(due_at=1)) for at in (AT, AT.replace(hour=13)))
    assert first.id == again.id == EXECUTE_OVERDUE.alert_id(TRANSFER_ID)
    assert (first.subject, first.transfer_id) == (f"0x{TRANSFER_ID.hex()}", TRANSFER_ID)


def test_a_named_subject_gets_a_new_alert_each_time() -> None:
    details = DeepReorgDetails(block=5, checkpoint=4)
    first, again = (DEEP_REORG.open("gnosis", at, details) for at in (AT, AT.replace(hour=13)))
    assert first.id != again.id
    assert (first.subject, first.transfer_id) == ("gnosis", None)


def test_only_what_is_about_chains_ends_with_what_is_read_of_one() -> None:
    with pytest.raises(TypeError, match="is about no chain"):
        replace(DEEP_REORG, name="of_the_monitor", about=About.MONITOR)


def test_only_what_is_about_transfers_keeps_legs_from_being_judged() -> None:
    with pytest.raises(TypeError, match="is about no transfer"):
        replace(DEEP_REORG, name="of_a_chain", excludes_legs=True)


def test_a_kind_about_a_pathway_has_to_say_which() -> None:
    with pytest.raises(TypeError, match="do not say its pathway"):
        KindOf(
            name="nowhere",
            severity=DEEP_REORG.severity,
            about=About.PATHWAY,
            details=DeepReorgDetails,
            opened=DEEP_REORG.opened,
            endings={},
            burst=DEEP_REORG.burst,
            headline=DEEP_REORG.headline,
        )
