"""``/metrics``: the monitor in numbers, as Prometheus reads them."""
