"""What is logged of endpoints that fail: a clear picture, and no noise."""

from datetime import UTC, datetime

from connext_monitor.monitoring.failure_log import FailureLog
from tests.world.clocks import ManualClock


class Lines:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, object]] = []

    def info(self, event: str, **values: object) -> None:
        self.said.append((event, values.get("endpoint")))

    def warning(self, event: str, **values: object) -> None:
        self.said.append((event, values.get("reason")))


def log_of(endpoints: int) -> tuple[FailureLog, Lines, ManualClock]:
    lines, clock = Lines(), ManualClock(datetime.fromtimestamp(0, UTC))
    return FailureLog(lines, endpoints, clock), lines, clock


ALL = ("chain.not_reached", "a is gone; b is gone")


def test_a_chain_that_cannot_be_reached_is_one_line_every_ten_minutes() -> None:
    log, lines, clock = log_of(2)
    for _ in range(60):
        log.failed(0, "a is gone")
        clock.advance(5)
        log.failed(1, "b is gone")
        clock.advance(5)
    assert lines.said == [ALL]
    clock.advance(10)
    log.failed(0, "a is gone")
    assert lines.said == [ALL, ALL]


def test_another_reason_is_said_at_once() -> None:
    log, lines, _ = log_of(2)
    for reason in ("a is gone", "a is slow"):
        log.failed(0, reason)
        log.failed(1, "b is gone")
    # The second line comes with the reason itself: no endpoint is left to wait for.
    assert lines.said == [ALL, ("chain.not_reached", "a is slow; b is gone")]


def test_where_another_endpoint_works_the_one_that_does_not_is_said() -> None:
    log, lines, _ = log_of(2)
    log.failed(0, "a is gone")
    assert lines.said == []
    log.works("b")
    assert lines.said == [("endpoint.failed", "a is gone"), ("endpoint.works", "b")]


def test_an_endpoint_that_fails_after_it_worked_is_said_each_time() -> None:
    log, lines, _ = log_of(2)
    log.works("a")
    for _ in range(2):
        log.failed(0, "a is gone")
        log.works("b")
    assert lines.said == [("endpoint.failed", "a is gone"), ("endpoint.works", "b")] * 2


def test_an_only_endpoint_is_said_without_waiting() -> None:
    log, lines, _ = log_of(1)
    log.failed(0, "a is gone")
    log.failed(0, "a is gone")
    assert lines.said == [("endpoint.failed", "a is gone")]
