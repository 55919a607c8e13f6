"""One owner at a time (promise 12) where instances share a database on a server: who may take, write and send when."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import Intervals, after, minus, union
from tests.simulation.rules.inbox import PAST_THE_STORE
from tests.simulation.rules.weather import Case
from tests.simulation.trace import AlertChange, Interval, Life, Message, Sharing

RULE = "one owner at a time"
KIND = "owner_changed"

SENDS_FOR = 0.6
"""Of the time after which another instance takes over: an owner that has not shown for so long begins to send
nothing."""
_ON_ITS_WAY = 0.5
"""Seconds that a request may be on its way to a channel; its time stands still while its sender does."""
TAKES_WITHIN, _STARTS_WITHIN = 1.25, 10.0
"""Of that time, and seconds beyond it, until an instance that is well owns what nobody owns: it looks six times in it,
and where it has just begun, or was cut off, it has to connect first."""
_TOLD_WITHIN = 60.0
_AN_INSTANT = 0.001


def terms(case: Case) -> Iterator[Finding]:
    """All that is wrong with who owned the work."""
    sharing = case.trace.sharing
    if sharing is None:
        return
    yield from _two_at_once(sharing)
    yield from _nobody(case, sharing)
    for instance, at in sharing.trespasses:
        yield Finding(at, Wrong.TWICE, RULE, _name(instance), "it wrote without owning the work, or by what is lost")
    yield from _deeds(case, sharing)


def _two_at_once(sharing: Sharing) -> Iterator[Finding]:
    """Nobody takes from who shows that it is alive."""
    beats = _beats(sharing, forgotten=sharing.rewound)
    for before, term in pairwise(sharing.terms):
        if term.during.begin > before.during.end or term.instance == before.instance:
            continue  # it was free
        last = _last(beats[before.instance], term.during.begin)
        if term.during.begin - last < sharing.takeover_after - _AN_INSTANT:
            words = f"it took over {term.during.begin - last:.3f} s after instance {before.instance} had shown itself"
            yield Finding(term.during.begin, Wrong.TWICE, RULE, _name(term.instance), words)


def _nobody(case: Case, sharing: Sharing) -> Iterator[Finding]:
    """Somebody owns the work soon while an instance could."""
    patience = sharing.takeover_after * TAKES_WITHIN + _STARTS_WITHIN
    # Who has it for an instant has the others wait again.
    owned = union(Interval(term.during.begin, term.during.end + _AN_INSTANT) for term in sharing.terms)
    for instance in sorted({life.instance for life in case.trace.lives}):
        lives = [life.during for life in case.trace.lives if life.instance == instance]
        away = union(during for of, during in (*sharing.halts, *sharing.cut_off) if of == instance)
        for life in lives:
            for unowned in after(minus(minus((life,), away), owned), patience):
                words = f"nobody has owned the work for {patience:.0f} s, though it could"
                yield Finding(unowned.begin, Wrong.MISSED, RULE, _name(instance), words)
                return


def _deeds(case: Case, sharing: Sharing) -> Iterator[Finding]:
    """Who does not own the work neither records nor sends anything; nor does who has not shown itself for long."""
    of: dict[int, list[Life]] = defaultdict(list)
    for term in sharing.terms:
        of[term.instance].append(term)
    for change in (*case.trace.alerts, *sharing.lost):
        if not any(term.during.begin <= change.at <= term.during.end for term in of[change.instance]):
            yield _wrong(change, "recorded")
    beats = _beats(sharing)
    for message in case.trace.messages:
        if message.kind == PAST_THE_STORE:
            continue  # sent past the database by whoever cannot reach it
        at = _began(case, sharing, message)
        if not any(term.during.begin <= at <= term.during.end + _ON_ITS_WAY for term in of[message.instance]):
            yield _wrong(message, "told")
        elif at - _last(beats[message.instance], at) > SENDS_FOR * sharing.takeover_after + _ON_ITS_WAY:
            yield _wrong(message, "told", "long after it had shown that it owned the work")


def _began(case: Case, sharing: Sharing, message: Message) -> float:
    """When it was sent at the latest: a host that stood still meanwhile sent it before."""
    lives = (life.during for life in case.trace.lives if life.instance == message.instance)
    born = max(during.begin for during in lives if during.begin <= message.at)
    halts = (during for of, during in sharing.halts if of == message.instance and during.begin >= born)
    return min([message.at, *(i.begin for i in halts if i.begin < message.at <= i.end + _ON_ITS_WAY)])


def takeovers(case: Case) -> Iterator[Finding]:
    """Who takes over from another instance says so, and nobody else does."""
    sharing = case.trace.sharing
    openings = list(case.openings(KIND))
    if sharing is None:
        return
    changed = [term for before, term in pairwise(sharing.terms) if before.instance != term.instance]
    for opening in openings:
        if not any(term.instance == opening.instance and opening.at in _closed(term) for term in changed):
            yield Finding(opening.at, Wrong.FALSE, "takeovers are told of", KIND, "nobody had taken over")
    for term in changed:
        said = any(term.instance == each.instance and each.at in _closed(term) for each in openings)
        calm = minus((term.during,), union([*case.trace.suspended, *case.trace.disk_failing]))
        if not said and any(interval.seconds > _TOLD_WITHIN for interval in calm):
            yield Finding(term.during.end, Wrong.MISSED, "takeovers are told of", KIND, "it was not said")


def _closed(term: Life) -> Interval:
    return Interval(term.during.begin, term.during.end + _AN_INSTANT)


def _beats(sharing: Sharing, forgotten: Intervals = ()) -> dict[int, list[float]]:
    beats: dict[int, list[float]] = defaultdict(list)
    for instance, at in sharing.beats:
        if not any(at in interval for interval in forgotten):
            beats[instance].append(at)
    return beats


def _last(beats: list[float], at: float) -> float:
    number = bisect_right(beats, at)
    return beats[number - 1] if number else float("-inf")


def _wrong(deed: Message | AlertChange, did: str, when: str = "without owning the work") -> Finding:
    return Finding(deed.at, Wrong.FALSE, RULE, _name(deed.instance), f"it {did} {deed.kind} {when}")


def _name(instance: int) -> str:
    return f"instance {instance}"
