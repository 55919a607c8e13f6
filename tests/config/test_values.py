"""Durations and secrets."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.config import (
    EndpointUrl,
    SecretText,
    SecretUrl,
    parse_duration,
)
from tests.config.configs import SECRET, load


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("PT0.25S", timedelta(milliseconds=250)),
        ("PT0,000001S", timedelta(microseconds=1)),
        ("PT90M", timedelta(minutes=90)),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("P2W", timedelta(weeks=2)),
        ("P365D", timedelta(days=365)),
    ],
)
def test_a_duration_is_read(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@given(
    st.integers(0, 300), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 999_999)
)  # days, hours, minutes, seconds, microseconds
def test_every_duration_is_read_as_what_it_says(days: int, hours: int, minutes: int, seconds: int, micros: int) -> None:
    meant = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=micros or 1)
    assert parse_duration(f"P{days}DT{hours}H{minutes}M{seconds}.{micros or 1:06}S") == meant


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        (SecretText(SECRET), "***"),
        (SecretUrl(f"https://u:{SECRET}@Hooks.example:444/{SECRET}?{SECRET}"), "https://hooks.example:444"),
        (EndpointUrl(f"WSS://node.example/{SECRET}"), "wss://node.example"),
        (EndpointUrl(f"ws://[::1]:8545/{SECRET}"), "ws://[::1]:8545"),
    ],
)
def test_a_secret_shows_only_what_may_be_shown(secret: SecretText, shown: str) -> None:
    assert str(secret) == shown
    assert SECRET not in f"{secret!r} {secret} {[secret]}"
    assert SECRET in secret.get_secret_value()


def test_a_url_has_a_host_that_may_be_shown() -> None:
    assert EndpointUrl("wss://key@node.example:8546/key").host == "node.example:8546"


def test_secrets_of_different_kinds_are_never_equal() -> None:
    assert SecretUrl("https://h") != EndpointUrl("https://h")
    assert SecretUrl("https://h") == SecretUrl("https://h")


def test_printing_a_config_shows_no_secret(file: Path) -> None:
    chain = f'[chains.base]\nendpoints = ["wss://h/{SECRET}"]\n'
    config = load(file, f'{chain}[alert_providers.x]\nurl = "https://h/{SECRET}"\nrooms = ["{SECRET}"]')
    assert SECRET not in f"{config!r} {config} {config.chains['base'].model_dump()} {config.alert_providers}"
