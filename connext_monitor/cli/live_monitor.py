"""What a running monitor says of itself, asked over its HTTP API."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
import msgspec

from connext_monitor.config import ListenAddress
from connext_monitor.core.documents.answers import ReadinessDocument
from connext_monitor.core.documents.chains import ChainDocument, ChainList

_TIMEOUT = 2.0
_MOST_READ = 1 << 20
# Listening on all addresses includes the loopback, but these are no addresses to ask.
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here

LISTEN_IS_OFF = "monitor.listen is off, so a running monitor cannot be asked"

T = TypeVar("T")


class NobodyAnswers(Exception):
    """No monitor of this config answers; the message says what happened instead."""


@dataclass(frozen=True, slots=True)
class Live:
    """The chains as the monitor sees them now, and why it is not ready, if it is not.

    ``clock_ahead`` is by how many seconds the clock of the monitor's machine is ahead of the chains' block times
    (negative: behind), None while no chain has told the time; ``clock_trouble`` what is wrong with it, in words.
    """

    chains: list[ChainDocument]
    reasons: list[str]
    clock_ahead: float | None
    clock_trouble: str | None


class _Clock(msgspec.Struct):
    ahead_seconds: float | None = None
    trouble: str | None = None


async def ask(listen: ListenAddress, chains: Collection[str]) -> Live:
    """Ask the monitor at ``listen``, which must be one of these chains. Raises NobodyAnswers."""
    host = _WILDCARDS.get(listen.host, listen.host)
    base = f"http://{ListenAddress(host, listen.port)}"
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
    try:
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            seen = await _get(session, f"{base}/api/v1/chains", ChainList)
            readiness = await _get(session, f"{base}/readyz", ReadinessDocument)
            # An older monitor refuses this with words, in which there is nothing about a clock.
            clock = await _get(session, f"{base}/api/v1/clock", _Clock)
    except TimeoutError:
        raise NobodyAnswers(f"no running monitor answers at {listen} within {_TIMEOUT:g} s") from None
    except (aiohttp.ClientError, OSError):
        raise NobodyAnswers(f"no running monitor answers at {listen}") from None
    except ValueError:
        raise NobodyAnswers(f"what answers at {listen} is no monitor") from None
    if {chain.name for chain in seen.items} != set(chains):
        raise NobodyAnswers(f"the monitor that answers at {listen} watches other chains than this config")
    return Live(seen.items, readiness.reasons, clock.ahead_seconds, clock.trouble)


async def why_not_live(listen: ListenAddress | None, chains: Collection[str]) -> str | None:
    """Why no running monitor of these chains can be asked, None where one answers."""
    if listen is None:
        return LISTEN_IS_OFF
    try:
        await ask(listen, chains)
    except NobodyAnswers as nobody:
        return str(nobody)
    return None


async def _get(session: aiohttp.ClientSession, url: str, kind: type[T]) -> T:
    async with session.get(url, allow_redirects=False) as response:
        body = await response.content.read(_MOST_READ)
        while len(body) < _MOST_READ and (more := await response.content.read(_MOST_READ)):
            body += more
        # Numbers beyond 2^53 are written as strings.
        return msgspec.json.decode(body, type=kind, strict=False)
