"""What goes wrong during a run and when, drawn from a seed before it begins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final

from scripts.devnet.traffic import Fate
from tests.faults.faults import (
    Delay,
    Drop,
    Duplicate,
    Empty,
    Freeze,
    Malform,
    Mangled,
    Mute,
    Partial,
    RangeLimit,
    RateLimit,
    RefuseConnection,
    RefuseHandshake,
    Shuffle,
    Stale,
)
from tests.faults.hooks import Fault
from tests.faults.vendors import RANGES, RATES


class ChannelTrouble(Enum):
    """What a channel does with what it gets."""

    FAILS = "fails"
    """It answers 500."""
    LIMITS = "limits"
    """It answers 429, and asks for two seconds."""
    HANGS = "hangs"
    """It never answers."""
    SLOW = "answers late"
    """It takes it, and answers three seconds later."""
    LOSES = "loses its answers"
    """It takes it, and the connection breaks."""
    DOWN = "is down"
    """Nothing listens."""


class ProcessTrouble(Enum):
    """What happens to the monitor's process."""

    KILLED = "killed"
    """SIGKILL; it is started again at the incident's end."""
    STOPPED = "stopped"
    """SIGTERM; likewise."""
    SUSPENDED = "suspended"
    """SIGSTOP, and SIGCONT at the incident's end."""


@dataclass(frozen=True, slots=True)
class EndpointTrouble:
    """These endpoints of a chain (by their places in the config) suffer from a fault."""

    chain: str
    endpoints: tuple[int, ...]
    fault: Fault


Trouble = EndpointTrouble | ChannelTrouble | ProcessTrouble


@dataclass(frozen=True, slots=True)
class Incident:
    """``trouble`` for ``lasts`` seconds, ``at`` so many seconds after the run began."""

    at: float
    lasts: float
    trouble: Trouble

    @property
    def end(self) -> float:
        """Seconds after the run began."""
        return self.at + self.lasts

    def __str__(self) -> str:
        return f"for {self.lasts:.0f} s: {words(self.trouble)}"


def words(trouble: Trouble) -> str:
    """What it is, in a few words."""
    match trouble:
        case EndpointTrouble(chain, endpoints, fault):
            return f"{chain}'s endpoint {' and '.join(str(index + 1) for index in endpoints)}: {fault}"
        case ChannelTrouble():
            return f"the channel {trouble.value}"
        case ProcessTrouble():
            return f"the process is {trouble.value}"


_CALM_FIRST: Final = 45.0
"""Seconds before anything goes wrong."""
_CALM_LAST: Final = 60.0
_LONG_OUTAGES: Final = 0.15
"""The share of episodes that last long enough for a chain to be reported as out of sight, or a channel as failing."""
_ONE_LIFE: Final = 0.7
"""The share of a run that is free of kills and stops, in one piece: of an hour a life in which growth can be judged."""
_TARGETS: Final = ("chain", "chain", "channel", "process")

_SOME: Final[Sequence[Callable[[Random], Fault]]] = (
    lambda chance: Drop(chance.choice([None, 1001, 1011])),
    lambda _: RefuseConnection(),
    lambda chance: chance.choice([RefuseHandshake(429, retry_after=2), RefuseHandshake(503)]),
    lambda chance: Delay(chance.choice([0.3, 2.0, 12.0])),
    lambda chance: Freeze(chance.choice([True, False])),
    lambda chance: chance.choice([Mute("heads"), Mute("logs")]),
    lambda _: Duplicate(),
    lambda _: Shuffle(),
    lambda _: Empty(),
    lambda chance: Partial(chance.choice([0.3, 0.7])),
    lambda chance: Stale(chance.randint(1, 4), refuses=chance.random() < 0.5, announces=chance.random() < 0.5),
    lambda chance: Malform(chance.choice(list(Mangled)), every=chance.randint(1, 3)),
    lambda chance: RangeLimit(chance.choice(sorted(RANGES)), chance.randint(1, 3)),
    lambda chance: RateLimit(chance.choice(sorted(RATES)), every=chance.randint(1, 3)),
)
"""What one of a chain's endpoints suffers from while the other is honest."""
_BLINDING: Final[Sequence[Callable[[Random], Fault]]] = (
    lambda _: Drop(),
    lambda _: RefuseConnection(),
    lambda _: Freeze(),
    lambda chance: RateLimit(chance.choice(sorted(RATES))),
    lambda chance: Malform(chance.choice([Mangled.TEXT, Mangled.SHAPE])),
)
"""What leaves a chain out of sight where all of its endpoints suffer from it, as refused handshakes do not while a
websocket stands. None of these hides logs: endpoints that
all lie in the same way could be found out by nobody."""


def plan(chance: Random, seconds: float, chains: Sequence[str]) -> list[Incident]:
    """Episodes of trouble with calm between them, as long at least as the trouble was.

    An episode hits one to three targets, each once. Most of the run, in one piece, is free of kills and stops: only in
    a long life a slow growth shows.
    """
    long_life = chance.uniform(0, (1 - _ONE_LIFE) * seconds)
    incidents: list[Incident] = []
    at = _CALM_FIRST
    while at < seconds - _CALM_LAST:
        may_end = not long_life <= at <= long_life + _ONE_LIFE * seconds
        episode = list(_episode(chance, at, chains, may_end=may_end))
        incidents += episode
        over = max(incident.end for incident in episode)
        at = over + (over - at) + chance.uniform(30, 60)
    return sorted(incidents, key=lambda incident: incident.at)


def _episode(chance: Random, begin: float, chains: Sequence[str], *, may_end: bool) -> list[Incident]:
    if chance.random() < _LONG_OUTAGES:
        target = chance.choice(["chain", "channel"])
        return [_long_outage(chance, begin, target, chains)]
    targets = set(chance.sample(range(len(_TARGETS)), chance.randint(1, 3)))
    return [
        Incident(begin + chance.uniform(0, 10), chance.uniform(5, 30), trouble)
        for trouble in (_trouble(chance, target, chains, may_end=may_end) for target in sorted(targets))
    ]


def _long_outage(chance: Random, begin: float, target: str, chains: Sequence[str]) -> Incident:
    if target == "channel":
        return Incident(begin, chance.uniform(70, 100), chance.choice([ChannelTrouble.FAILS, ChannelTrouble.DOWN]))
    chain = chance.choice(list(chains))
    return Incident(begin, chance.uniform(75, 100), EndpointTrouble(chain, (0, 1), chance.choice(_BLINDING)(chance)))


def _trouble(chance: Random, target: int, chains: Sequence[str], *, may_end: bool) -> Trouble:
    match _TARGETS[target]:
        case "channel":
            return chance.choice(list(ChannelTrouble))
        case "process":
            ends = [ProcessTrouble.KILLED, ProcessTrouble.KILLED, ProcessTrouble.STOPPED] if may_end else []
            return chance.choice([*ends, ProcessTrouble.SUSPENDED])
    chain = chains[target % len(chains)]
    if chance.random() < 0.3:
        return EndpointTrouble(chain, (0, 1), chance.choice(_BLINDING)(chance))
    return EndpointTrouble(chain, (chance.choice([0, 1]),), chance.choice(_SOME)(chance))


_FATES: Final = {Fate.FAST: 50, Fate.SLOW: 26, Fate.LATE: 12, Fate.NEVER_EXECUTED: 6, Fate.NEVER_RECONCILED: 6}
"""What becomes of so many in a hundred transfers."""


def fates(chance: Random, count: int) -> list[Fate]:
    """What becomes of each of so many transfers."""
    return chance.choices(list(_FATES), weights=list(_FATES.values()), k=count)
