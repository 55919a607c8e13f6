"""What the tests that hold for every provider need to know of one: its vendor, its secrets, how it shows text.

Each type of provider has a ``CONTRACT`` in ``tests/alerting/providers/TYPE/contract.py``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers import PROVIDER_TYPES

BASE = "127.0.0.1:8"
"""Where the good values of secret addresses lead."""
RATE_LIMITED = {"Retry-After": "30"}


async def at_once(_seconds: float) -> None:
    """A pause between messages that takes no time."""


@dataclass(frozen=True)
class Case:
    """A vendor, how its channel is configured, and its answers to what goes wrong: status, body, headers."""

    make: Callable[[], Any]
    table: Callable[[Any], Mapping[str, object]]
    limited: tuple[int, object, Mapping[str, str]]
    not_so: tuple[int, object]
    dead: tuple[int, object]
    edits: Callable[[Any], list[object]] | None = None
    """What its messages say now, where they are edited in place."""
    title_alone: bool = True
    """Whether it is sent the title alone where it rejects everything else."""
    let_in_later: tuple[tuple[int, object], ...] = ()
    """Answers to a bot that somebody can let in."""
    silent_on_huge_head: bool = False
    """Whether its status says nothing, so that an answer whose body is lost is no success."""
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    """How long its own pause between messages takes in a test."""


@dataclass(frozen=True)
class SecretKey:
    """A key of the config that takes a secret or an address: a good value, and what else its table needs (TOML)."""

    key: str
    good: str
    more: str = ""
    ascii_only: bool = True


@dataclass(frozen=True)
class Contract:
    """One type of provider: ``assert_literal`` fails where anything that a stranger wrote would be interpreted."""

    assert_literal: Callable[[Notice], None]
    secrets: tuple[SecretKey, ...] = ()
    cases: Mapping[str, Case] = field(default_factory=dict)
    """By name, each way to reach the vendor over HTTP."""


def contracts() -> dict[str, Contract]:
    """The contract of every type of provider; fails for a type without one."""
    return {name: import_module(f"tests.alerting.providers.{name}.contract").CONTRACT for name in PROVIDER_TYPES}


def strings_in(value: object) -> Iterator[str]:
    """All text in a JSON document, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings_in(item)
