"""When the owner of the work hands it over: to an instance that sees each chain that it sees, and another one besides.

An owner that reaches the database but not its endpoints does so before it alerts that a chain is out of sight. Where
nobody sees more than it does, that alert opens as ever. It hands over once in a hold-down, so that instances whose
sight comes and goes do not pass the work to and fro.
"""

from collections.abc import Iterable, Mapping
from enum import Enum, auto

from connext_monitor.core.events import BlockNumber
from connext_monitor.core.structs import struct

_UNSEEN_AFTER, _FRESH_FOR, _HOLD_DOWN, _PROBES = 0.7, 0.25, 5, 12
"""Of ``unobserved_after``, as are those below. At rest the covered head stands for half of it or less."""


@struct(frozen=True, slots=True)
class HandoverTimes:
    """What follows from how long a chain may be out of sight before that is alerted (seconds)."""

    unobserved_after: float

    @property
    def unseen_after(self) -> float:
        """From when on the owner asks whether another instance sees a chain."""
        return self.unobserved_after * _UNSEEN_AFTER

    @property
    def probe_every(self) -> float:
        """Between two looks of a standby at the chains while the owner asks."""
        return self.unobserved_after / _PROBES

    @property
    def fresh_for(self) -> float:
        """How old a standby's look may be to count."""
        return self.unobserved_after * _FRESH_FOR

    @property
    def hold_down(self) -> float:
        """Between two handovers, whoever makes them."""
        return self.unobserved_after * _HOLD_DOWN


@struct(frozen=True, slots=True)
class OwnSight:
    """How the owner sees a chain: the last block that it has covered, and for how long none came (seconds)."""

    covered: BlockNumber | None
    silent_for: float


@struct(frozen=True, slots=True)
class StandbySight:
    """What a standby saw at its last look, ``age`` seconds ago: by the names of chains, the newest block of each.

    A chain that is not among them was not seen.
    """

    instance: str
    heads: Mapping[str, BlockNumber]
    age: float


@struct(frozen=True, slots=True)
class Handover:
    """To this instance, since it sees these chains, which the owner does not."""

    to: str
    unseen: tuple[str, ...]


class Stays(Enum):
    """Why the work stays where it is."""

    SEES_ALL = auto()
    HANDED_OVER_LATELY = auto()
    NOBODY_SEES_MORE = auto()


def unseen_chains(own: Mapping[str, OwnSight], times: HandoverTimes) -> set[str]:
    """The chains that the owner has not seen for a good part of the time after which that is alerted."""
    return {name for name, sight in own.items() if sight.silent_for >= times.unseen_after}


def decide(
    own: Mapping[str, OwnSight],
    others: Iterable[StandbySight],
    since_handover: float | None,
    times: HandoverTimes,
) -> Handover | Stays:
    """Whether the owner hands over, and to which of the others; the last handover was so many seconds ago.

    1. An owner that sees every chain keeps the work.
    2. So does one that was handed it, or handed it over itself, less than a hold-down ago.
    3. Of those whose look is fresh, each has to see what the owner sees.
    4. And a chain that the owner does not see, which takes a block of it that the owner has not covered: where a chain
       itself stands still, nobody sees more of it.
    5. Who sees most of the owner's unseen chains gets the work; among equals, the first by name.
    """
    unseen = unseen_chains(own, times)
    if not unseen:
        return Stays.SEES_ALL
    if since_handover is not None and since_handover < times.hold_down:
        return Stays.HANDED_OVER_LATELY
    offers = [
        Handover(other.instance, gained)
        for other in others
        if other.age <= times.fresh_for
        and own.keys() - unseen <= other.heads.keys()
        and (gained := tuple(sorted(name for name in unseen if _sees_more(other, name, own[name]))))
    ]
    return min(offers, key=lambda offer: (-len(offer.unseen), offer.to), default=Stays.NOBODY_SEES_MORE)


def _sees_more(other: StandbySight, chain: str, own: OwnSight) -> bool:
    head = other.heads.get(chain)
    return head is not None and (own.covered is None or head > own.covered)
