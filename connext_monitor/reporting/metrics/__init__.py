"""``/metrics``: the monitor in numbers, as Prometheus reads them."""

from connext_monitor.reporting.metrics.page import MetricsPage
from connext_monitor.reporting.metrics.sources import Sources
from connext_monitor.reporting.metrics.tally import Tally

__all__ = ["MetricsPage", "Sources", "Tally"]
