"""The config of the running command."""

import os
from pathlib import Path

import click

from connext_monitor.alerting.providers import check_provider
from connext_monitor.cli.options import Settings
from connext_monitor.config import Config, load_config, trimmed


def load() -> Config:
    """The config of the running command. Raises ConfigError."""
    settings = click.get_current_context().ensure_object(Settings)
    file = Path(trimmed(str(settings.file))) if settings.from_environment else settings.file
    return load_config(file, os.environ, check_provider)
