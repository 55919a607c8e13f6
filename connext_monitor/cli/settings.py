"""The config of the running command, and how long it waits for a running monitor."""

import os
from pathlib import Path

import click

from connext_monitor.alerting.providers import check_provider
from connext_monitor.cli.options import Settings
from connext_monitor.config import Config, load_config, trimmed


def load() -> Config:
    """The config of the running command. Raises ConfigError."""
    settings = _settings()
    file = Path(trimmed(str(settings.file))) if settings.from_environment else settings.file
    return load_config(file, os.environ, check_provider)


def monitor_answers_within() -> float:
    """See `Settings`."""
    return _settings().monitor_answers_within


def _settings() -> Settings:
    return click.get_current_context().ensure_object(Settings)
