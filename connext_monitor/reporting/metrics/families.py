"""Metric families as the library has them, named for this program."""

from collections.abc import Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

PREFIX = "connext_monitor_"

Sample = tuple[Sequence[str], float]
"""Label values in the order of the names, and the number."""

SINCE_START = "Counted since the process started."
FROM_DATABASE = "Read from the database."


def gauge(name: str, words: str, labels: Sequence[str], rows: Iterable[Sample]) -> GaugeMetricFamily:
    """A number that goes up and down."""
    family = GaugeMetricFamily(PREFIX + name, words, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def counter(name: str, words: str, labels: Sequence[str], rows: Iterable[Sample]) -> CounterMetricFamily:
    """A number that only goes up; ``name`` ends in ``_total``."""
    family = CounterMetricFamily(PREFIX + name, words, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def single(name: str, words: str, number: float) -> GaugeMetricFamily:
    """A number without labels that goes up and down."""
    return gauge(name, words, (), [((), number)])
