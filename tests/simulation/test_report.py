"""What a report of runs counts."""

from dataclasses import replace

from tests.simulation.drawing import draw
from tests.simulation.findings import Finding, Verdict, Wrong
from tests.simulation.handmade import delivered, ended, opened, run
from tests.simulation.report import Report


def test_a_report_counts_what_happened_and_what_is_wrong() -> None:
    story = draw(1, 1.0)
    alert = opened(1312.0, "execute_overdue", "0x01")
    again = replace(alert, at=2000.0)
    trace = delivered(run(alert, replace(alert, at=1320.0), ended(alert, 1912.0, "executed"), again))
    verdict = Verdict.of([Finding(1.0, Wrong.LATE, "a rule", "0x01", "words")])
    report = Report.of(story, trace, verdict)
    assert report.transfers.total() == len(story.transfers)
    assert report.alerts == {"execute_overdue": 2}
    assert not report.sound
    both = report + Report.of(story, trace, Verdict.of([]))
    assert both.wrong == {Wrong.LATE.value: 1}
    assert "2 runs, 2.0 days" in str(both)
    assert "late: 1, differs from the truth: 0" in str(both)
