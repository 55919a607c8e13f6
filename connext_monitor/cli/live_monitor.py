"""What a running monitor reports about itself, over its HTTP API: by Python's own client, which loads fast."""

import asyncio
from collections.abc import Collection
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import TypeVar

import msgspec

from connext_monitor.config import ListenAddress
from connext_monitor.core.documents.answers import ReadinessDocument
from connext_monitor.core.documents.chains import ChainDocument, ChainList
from connext_monitor.core.structs import struct

_MOST_READ = 1 << 20
# Listening on all addresses includes the loopback, but these are not addresses to ask.
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here

LISTEN_IS_OFF = "monitor.listen is off, so a running monitor cannot be queried"

T = TypeVar("T")


class NobodyAnswers(Exception):
    """No monitor of this config answers; the message says what happened instead."""


@struct(frozen=True, slots=True)
class Live:
    """The chains as the monitor sees them now, and why it is not ready, if it is not.

    ``clock_ahead`` is by how many seconds the clock of the monitor's machine is ahead of the chains' block times
    (negative: behind), None while no chain has given its time; ``clock_trouble`` what is wrong with it, in words.
    """

    chains: list[ChainDocument]
    reasons: list[str]
    clock_ahead: float | None
    clock_trouble: str | None


class _ClockOrRefusal(msgspec.Struct):
    ahead_seconds: float | None = None
    trouble: str | None = None


async def ask(listen: ListenAddress, chains: Collection[str], within: float) -> Live:
    """Ask the monitor at ``listen``, which must be watching these chains. Raises NobodyAnswers.

    All answers together have to come ``within`` so many seconds.
    """
    host = _WILDCARDS.get(listen.host, listen.host)
    try:
        async with asyncio.timeout(within):
            # In a thread of its own, which is left behind if no answer comes.
            listed, readiness, clock = await asyncio.to_thread(_ask, host, listen.port, within)
    except TimeoutError:
        raise NobodyAnswers(f"no running monitor answers at {listen} within {within:g} s") from None
    except (HTTPException, OSError):
        raise NobodyAnswers(f"no running monitor answers at {listen}") from None
    except ValueError:
        raise NobodyAnswers(f"what answers at {listen} is not a monitor") from None
    if {chain.name for chain in listed.items} != set(chains):
        raise NobodyAnswers(f"the monitor at {listen} watches different chains from this config")
    return Live(listed.items, readiness.reasons, clock.ahead_seconds, clock.trouble)


async def why_not_live(listen: ListenAddress | None, chains: Collection[str], within: float) -> str | None:
    """Why no running monitor of these chains can be asked, None where one answers ``within`` so many seconds."""
    if listen is None:
        return LISTEN_IS_OFF
    try:
        await ask(listen, chains, within)
    except NobodyAnswers as nobody:
        return str(nobody)
    return None


def _ask(host: str, port: int, patience: float) -> tuple[ChainList, ReadinessDocument, _ClockOrRefusal]:
    with closing(HTTPConnection(host, port, timeout=patience)) as connection:
        return (
            _get(connection, "/api/v1/chains", ChainList),
            _get(connection, "/readyz", ReadinessDocument),
            # An older monitor refuses this with words, in which there is nothing about a clock.
            _get(connection, "/api/v1/clock", _ClockOrRefusal),
        )


def _get(connection: HTTPConnection, path: str, kind: type[T]) -> T:
    connection.request("GET", path)
    body = connection.getresponse().read(_MOST_READ + 1)
    if len(body) > _MOST_READ:
        raise ValueError("an answer of this length is not ours")
    # Numbers beyond 2^53 are written as strings.
    return msgspec.json.decode(body, type=kind, strict=False)
