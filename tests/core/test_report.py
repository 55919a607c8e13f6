"""Reports: which period is due, and what is said of it."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from connext_monitor.core.documents.reports import report_document
from connext_monitor.core.events import DomainId
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.report import (
    NAMED,
    LegFigures,
    PathwayFigures,
    Report,
    compose_report,
    is_due,
    period_end,
    read,
    report_of,
    written,
)
from connext_monitor.core.stats import PathwayStats, Stats, Window

HOUR, DAY = 3600, 86_400
ALPHA, BETA, GAMMA = DomainId(1), DomainId(2), DomainId(3)
LABELS = ChainLabels({ALPHA: ChainLabel("alpha"), BETA: ChainLabel("beta")})

seconds = st.none() | st.integers(0, 10**7)
legs = st.builds(LegFigures, st.integers(0, 10**6), seconds, seconds, st.integers(0, 10**6))
counts = st.integers(0, 10**6)
pathways = st.builds(
    PathwayFigures, *[st.sampled_from([ALPHA, BETA, GAMMA])] * 2, st.integers(10**7, 10**8), counts, counts, legs, legs
)
figures = st.lists(pathways, max_size=40).map(tuple)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_periods_are_aligned_to_the_clock_of_utc() -> None:
    now = at("2026-11-25T03:07:11")
    assert period_end(now, DAY) == at("2026-11-25T00:00")
    assert period_end(now, 6 * HOUR) == at("2026-11-25T00:00")
    assert period_end(now, HOUR) == at("2026-11-25T03:00")
    # A Wednesday: the week ended on Monday.
    assert period_end(now, 7 * DAY) == at("2026-11-23T00:00")
    assert period_end(now, 0.4) == int(now)


def test_only_the_last_of_several_missed_periods_is_due() -> None:
    midnight = at("2026-11-25T00:00")
    assert is_due(None, midnight + 100, DAY, 60) is None
    assert is_due(int(midnight), midnight + 100, DAY, 60) is None
    assert is_due(int(midnight), midnight + DAY + 59, DAY, 60) is None
    assert is_due(int(midnight), midnight + DAY + 60, DAY, 60) == midnight + DAY
    assert is_due(int(midnight), midnight + 9 * DAY + HOUR, DAY, 60) == midnight + 9 * DAY
    # The clock was set back, or the period has become longer.
    assert is_due(int(midnight), midnight - 5 * DAY, DAY, 60) is None


@settings(deadline=None)
@given(figures, figures)
def test_what_is_stored_is_what_is_read(now: tuple[PathwayFigures, ...], before: tuple[PathwayFigures, ...]) -> None:
    report = Report(0, DAY, now, before)
    assert read(written(report)) == report


@settings(deadline=None)
@given(figures, figures, st.integers(1, 50))
def test_any_numbers_can_be_told(
    now: tuple[PathwayFigures, ...], before: tuple[PathwayFigures, ...], most: int
) -> None:
    report = Report(0, DAY, now, before)
    assert len(compose_report(report, LABELS).fields) <= 2 + NAMED + 1
    document = report_document(report, LABELS, most)
    assert len(document.pathways) + document.pathways_left_out == len(now)


def test_it_says_how_many_how_fast_and_what_before() -> None:
    now = PathwayFigures(ALPHA, BETA, 128, 120, 3, LegFigures(124, 45, 120, 2), LegFigures(123, 3600, 7200, 0))
    was = PathwayFigures(ALPHA, BETA, 64, 60, 4, LegFigures(64, 60, 150, 0), LegFigures())
    message = compose_report(Report(0, DAY, (now,), (was,)), LABELS)
    assert message.title == "Report on 1 d"
    assert message.text == (
        "128 transfers (+100 %): 120 completed fast, 3 slow, 5 still open; 2 legs late. In the period before: 64 "
        "transfers."
    )
    assert [(field.name, field.value) for field in message.fields[2:]] == [
        (
            "alpha → beta",
            " · ".join(
                (
                    "128 transfers (+100 %): 120 completed fast, 3 slow, 5 still open; 2 legs late",
                    "executed in p50 45 s, p95 2 min (before: p50 1 min, p95 2 min 30 s)",
                    "reconciled in p50 1 h, p95 2 h",
                )
            ),
        )
    ]
    assert compose_report(Report(0, DAY, (), ()), LABELS).text == "No transfers."


def test_a_pathway_that_has_fallen_silent_is_told() -> None:
    quiet, busy = (
        Stats(Window(since, since + DAY), (pathway,), ())
        for since, pathway in ((DAY, PathwayStats(BETA, ALPHA, begun=3)), (0, PathwayStats(ALPHA, BETA, begun=12)))
    )
    message = compose_report(report_of(quiet, busy), LABELS)
    assert [(field.name, field.value) for field in message.fields[2:]] == [
        ("beta → alpha", "3 transfers: 0 completed fast, 0 slow, 3 still open; none late"),
        ("alpha → beta", "no transfers (before: 12)"),
    ]


def test_a_provider_may_be_told_of_some_pathways_only() -> None:
    both = (PathwayFigures(ALPHA, BETA, 1), PathwayFigures(BETA, ALPHA, 2))
    some = Report(0, DAY, both, both).of(lambda origin, _: origin == BETA)
    assert (some.pathways, some.before) == (both[1:], both[1:])
