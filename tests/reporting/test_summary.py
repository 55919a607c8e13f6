from dataclasses import replace

import pytest

from connext_monitor.core.alerts.alert import AlertKind
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.coverage import Nonces
from connext_monitor.core.delivery_records import ChannelRow, ChannelState
from connext_monitor.core.selection import OpenAlerts
from connext_monitor.reporting.web.summary import Level, summarize
from tests.world.two_chains import AT, DESTINATION, LABELS, ORIGIN, chain_status, out_of_sight, unjudging

CHAINS = [(chain_status(ORIGIN), None), (chain_status(DESTINATION), None)]
GOOD = ChannelRow("ops", ChannelState.OK, None, None, 0)
BAD = ChannelRow("desk", ChannelState.DEAD, "no such webhook", AT, 3)
LATE = OpenAlerts(EXECUTE_OVERDUE, Severity.CRITICAL, (ORIGIN, DESTINATION), None, 3, AT)
UNSEEN = OpenAlerts(CHAIN_UNOBSERVED, Severity.WARNING, None, "here", 1, AT)


def test_nothing_wrong_is_fine() -> None:
    summary = summarize([], CHAINS, [GOOD], LABELS)
    assert (summary.level, summary.problems) == (Level.FINE, ())


def test_the_worst_comes_first_and_is_the_headline() -> None:
    chains = [(out_of_sight(ORIGIN), None), CHAINS[1]]
    summary = summarize([UNSEEN, LATE], chains, [GOOD, BAD], LABELS)
    assert summary.level is Level.CRITICAL
    assert summary.headline == "3 transfers are not executed in time: here → there."


def test_a_chain_out_of_sight_is_said_once() -> None:
    summary = summarize([UNSEEN], [(out_of_sight(ORIGIN), None)], [GOOD], LABELS)
    assert [problem.text for problem in summary.problems] == [
        "here is not observed (node.example refused the connection)"
    ]
    assert summary.problems[0].part == "chains"


def test_unjudged_legs_are_mentioned_once_with_the_reason() -> None:
    summary = summarize([UNSEEN], [(unjudging(ORIGIN, legs=1), None)], [GOOD], LABELS)
    assert summary.level is Level.WARNING
    assert [problem.text for problem in summary.problems] == [
        "here has 1 leg past due that cannot be judged: transferStatus is not answered: node.example refused eth_call"
    ]


def test_its_alert_stands_where_the_chain_is_seen_again() -> None:
    assert summarize([UNSEEN], CHAINS, [GOOD], LABELS).problems[0].text == "a chain is not observed: here"


def test_no_chain_and_holes_are_not_fine() -> None:
    assert summarize([], [], [GOOD], LABELS).level is Level.WARNING
    hole = Nonces(first=0, contiguous=1, next=3)
    assert "hole" in summarize([], [(chain_status(ORIGIN), hole)], [GOOD], LABELS).headline


@pytest.mark.parametrize(("channels", "level"), [([GOOD, BAD], Level.WARNING), ([BAD], Level.CRITICAL)])
def test_a_monitor_that_nobody_hears_is_critical(channels: list[ChannelRow], level: Level) -> None:
    summary = summarize([], CHAINS, channels, LABELS)
    assert (summary.level, summary.headline) == (level, "Channel desk takes no alerts (no such webhook).")


@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_every_kind_of_alert_has_words(kind: AlertKind) -> None:
    for count in (1, 12):
        summary = summarize([replace(LATE, kind=kind, count=count)], CHAINS, [GOOD], LABELS)
        assert "{" not in summary.headline
        assert kind.name not in summary.headline


def test_words_of_others_do_not_fill_the_first_line() -> None:
    summary = summarize([], CHAINS, [replace(BAD, reason="x" * 1000)], LABELS)
    assert len(summary.headline) < 170
