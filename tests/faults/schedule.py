"""What happens on two chains, and what meanwhile goes wrong with their endpoints, as hypothesis draws it."""

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from tests.faults.faults import (
    Delay,
    Drop,
    Duplicate,
    Empty,
    Freeze,
    Malform,
    Mangled,
    Mute,
    Oversize,
    Partial,
    RangeLimit,
    RateLimit,
    RefuseConnection,
    RefuseHandshake,
    Shuffle,
    Stale,
)
from tests.faults.feed import ANVIL, GETH, REMOVED_ONLY, SILENT, ReorgNews
from tests.faults.hooks import Fault
from tests.faults.vendors import RANGES, RATES

ANSWER_BYTES: Final = 2**18
"""The longest answer that the monitor under these schedules takes."""


@dataclass(frozen=True, slots=True)
class Xcall:
    """A transfer begins on this chain (0 or 1), to the other."""

    chain: int


@dataclass(frozen=True, slots=True)
class Execute:
    """The transfer of this place in the list, counted from the last one, is executed, if that can be."""

    which: int


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Likewise reconciled."""

    which: int


@dataclass(frozen=True, slots=True)
class Mine:
    """Empty blocks."""

    chain: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Reorg:
    """The last blocks are replaced by empty ones."""

    chain: int
    depth: int


@dataclass(frozen=True, slots=True)
class Restart:
    """The monitor is stopped wherever it is, and started again on its database."""


Happening = Xcall | Execute | Reconcile | Mine | Reorg | Restart


@dataclass(frozen=True, slots=True)
class Episode:
    """While the endpoints of the chains suffer from these faults, this happens."""

    faults: tuple[tuple[int, Fault], ...]
    happenings: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Episodes, and how each chain's endpoint tells of a reorg."""

    episodes: tuple[Episode, ...]
    reorgs: tuple[ReorgNews, ReorgNews]

    @property
    def faults(self) -> list[Fault]:
        """All of them."""
        return [fault for episode in self.episodes for _, fault in episode.faults]


KINDS: Final[dict[type[Fault], st.SearchStrategy[Fault]]] = {
    Drop: st.sampled_from([None, 1000, 1001, 1011]).map(Drop),
    RefuseConnection: st.just(RefuseConnection()),
    RefuseHandshake: st.sampled_from([RefuseHandshake(429, retry_after=1), RefuseHandshake(429), RefuseHandshake(503)]),
    Delay: st.sampled_from([0.05, 0.3]).map(Delay),
    Freeze: st.booleans().map(Freeze),
    Mute: st.sampled_from([Mute("heads"), Mute("logs")]),
    Duplicate: st.just(Duplicate()),
    Shuffle: st.just(Shuffle()),
    Empty: st.just(Empty()),
    Partial: st.sampled_from([0.3, 0.7]).map(Partial),
    Stale: st.builds(Stale, st.integers(1, 4), refuses=st.booleans(), announces=st.booleans()),
    Malform: st.builds(Malform, st.sampled_from(Mangled), every=st.integers(1, 3)),
    Oversize: st.just(Oversize(2 * ANSWER_BYTES)),
    RangeLimit: st.builds(RangeLimit, st.sampled_from(sorted(RANGES)), st.integers(1, 3)),
    RateLimit: st.builds(RateLimit, st.sampled_from(sorted(RATES)), every=st.integers(1, 3)),
}
"""How each kind of fault is drawn."""

_chains = st.integers(0, 1)
_places = st.integers(0, 3)
_happenings = st.one_of(
    st.builds(Xcall, _chains),
    st.builds(Xcall, _chains),
    st.builds(Execute, _places),
    st.builds(Execute, _places),
    st.builds(Reconcile, _places),
    st.builds(Mine, _chains, st.integers(1, 4)),
    st.builds(Reorg, _chains, st.integers(1, 3)),
    st.just(Restart()),
)
_FAULTS_EACH = 2


@st.composite
def _episodes(draw: st.DrawFn, kinds: list[type[Fault]]) -> Episode:
    """One that suffers from these kinds of faults, each on another chain, so that none hides the other."""
    chain = draw(_chains)
    faults = tuple(((chain + number) % 2, draw(KINDS[kind])) for number, kind in enumerate(kinds))
    more = draw(st.lists(_happenings, min_size=2, max_size=6))
    return Episode(faults, (*(Xcall(number) for number, _ in faults), *more))


@st.composite
def schedules(draw: st.DrawFn, episodes: int = 3) -> Schedule:
    """Of so many episodes; no two faults of a schedule are of one kind, so that few schedules show many kinds."""
    kinds = draw(st.permutations(list(KINDS)))
    dealt = [kinds[start : start + _FAULTS_EACH] for start in range(0, episodes * _FAULTS_EACH, _FAULTS_EACH)]
    drawn = tuple(draw(_episodes(some)) for some in dealt)
    news = st.sampled_from([GETH, REMOVED_ONLY, ANVIL, SILENT])
    return Schedule(drawn, (draw(news), draw(news)))
