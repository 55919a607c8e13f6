"""Measurements of the running program, each a command: ``python -m scripts.bench.alert_delay``."""
