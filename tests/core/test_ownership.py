"""Never two that send at a time, whatever is slow, lost or asleep."""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.ownership import Candidacy, Lease, LeaseTimes, Ownership

TIMES = LeaseTimes(takeover_after=30.0)
STEPS = 6_000


@dataclass
class Instance:
    """One of those that share the lease; its clock began at some other time."""

    clock_ahead: float
    candidacy: Candidacy = field(default_factory=Candidacy)
    ownership: Ownership | None = None
    beats: int = 0


class Instances:
    """Three instances and a database, on time that is made up; anything may be slow, get lost or stand still."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.now = 0.0
        self.lease = Lease(None, 0)
        self.takeovers = 0
        self.sent_until: dict[str, float] = {}
        """By token: when the last message that its owner may have begun has ended."""
        self.began: dict[str, float] = {}
        self._numbers = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        for _ in range(3):
            self.after(random.uniform(0, 30), Step(self, Instance(random.uniform(-1e6, 1e6))).begin)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.now, _, event = heappop(self._events)
            event()

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        heappush(self._events, (self.now + seconds, next(self._numbers), event))

    def delay(self) -> float:
        """Usually short; now and then long enough for anybody to lose patience."""
        return self.random.choice([0.01, 0.01, 0.1, 1.0, self.random.uniform(0, 10), self.random.uniform(0, 100)])

    def may_send(self, token: str, start: float, until: float) -> None:
        """An owner may send between these times: not while what another one sent can still be under way."""
        for other, ends in self.sent_until.items():
            assert other == token or start > ends, f"{token} sends from {start}, and {other} until {ends}"
        self.sent_until[token] = until + TIMES.send_within


class Step:
    """What an instance does again and again: look, take, or beat; it waits for an answer for a while only."""

    def __init__(self, all_of_them: Instances, instance: Instance) -> None:
        self.all = all_of_them
        self.instance = instance
        self.answered = True

    @property
    def clock(self) -> float:
        return self.all.now + self.instance.clock_ahead

    def begin(self) -> None:
        """Ask; what is asked comes to the database later, and the answer later still, if it comes."""
        instance, everyone = self.instance, self.all
        if everyone.random.random() < 0.01:
            instance.candidacy, instance.ownership = Candidacy(), None  # killed, and begun anew
        request = self.request()
        answers = everyone.random.random() < 0.95
        there, back = everyone.delay(), everyone.delay()
        asked = Step(everyone, instance)
        asked.answered = False

        def done() -> None:
            learn = request()
            if answers:
                everyone.after(back, lambda: asked.arrive(learn))

        everyone.after(there, done)
        everyone.after(20.0, asked.give_up)

    def request(self) -> Callable[[], Callable[[], None]]:
        """What the database does, and what the instance learns of it."""
        instance, everyone, asked_at = self.instance, self.all, self.clock
        seen = instance.candidacy.takeable(asked_at, TIMES, "any")
        if instance.ownership is not None:
            return self.beat(instance.ownership, asked_at)
        if seen is not None:
            return self.take(seen, asked_at)

        def look() -> Callable[[], None]:
            lease = everyone.lease
            return lambda: setattr(instance, "candidacy", instance.candidacy.saw(lease, self.clock))

        return look

    def take(self, seen: Lease, asked_at: float) -> Callable[[], Callable[[], None]]:
        everyone, token = self.all, f"token {next(COUNTER)}"

        def done() -> Callable[[], None]:
            taken = everyone.lease == seen
            everyone.lease = Lease(token, 0) if taken else everyone.lease
            everyone.takeovers += taken
            return lambda: self.own(Ownership.taken(token, asked_at, TIMES) if taken else None)

        return done

    def beat(self, owned: Ownership, asked_at: float) -> Callable[[], Callable[[], None]]:
        everyone, instance = self.all, self.instance
        instance.beats += 1
        beat = instance.beats

        def done() -> Callable[[], None]:
            mine = everyone.lease.token == owned.token
            everyone.lease = Lease(owned.token, beat) if mine else everyone.lease
            return lambda: self.own(owned.beaten(beat, asked_at, TIMES) if mine else None)

        return done

    def own(self, owned: Ownership | None) -> None:
        self.instance.ownership = owned
        self.instance.candidacy = Candidacy()
        if owned is not None:
            self.all.may_send(owned.token, self.all.now, owned.until - self.instance.clock_ahead)

    def arrive(self, learn: Callable[[], None]) -> None:
        if not self.answered:
            learn()
            self.end()

    def give_up(self) -> None:
        if not self.answered:
            self.end()

    def end(self) -> None:
        """Go on after the usual rest; sometimes the process stands still, or its machine sleeps."""
        self.answered = True
        rests = [TIMES.beat_every] * 20 + [self.all.random.uniform(0, 4 * TIMES.takeover_after)]
        self.all.after(self.all.random.choice(rests), Step(self.all, self.instance).begin)


COUNTER = count(1)


@given(st.randoms(use_true_random=True))
def test_what_is_sent_has_ended_before_another_instance_sends(random: Random) -> None:
    instances = Instances(random)
    instances.run(STEPS)
    assert instances.takeovers > 0


def test_a_silent_owner_is_replaced_after_the_time_set_for_it() -> None:
    waits = Candidacy().saw(Lease("a", 7), 1000.0).saw(Lease("a", 7), 1005.0)
    assert waits.takeable(1029.9, TIMES, "me") is None
    assert waits.takeable(1030.0, TIMES, "me") == Lease("a", 7)


def test_each_beat_begins_the_wait_anew() -> None:
    waits = Candidacy().saw(Lease("a", 7), 1000.0).saw(Lease("a", 8), 1025.0)
    assert waits.takeable(1054.9, TIMES, "me") is None


def test_a_free_lease_is_taken_at_once() -> None:
    assert Candidacy().saw(Lease(None, 3), 5.0).takeable(5.0, TIMES, "me") == Lease(None, 3)


def test_nothing_is_taken_that_was_not_seen() -> None:
    assert Candidacy().takeable(1e9, TIMES, "me") is None


def test_what_is_sent_last_ends_before_a_takeover() -> None:
    assert TIMES.sends_for + TIMES.send_within < TIMES.takeover_after


def test_what_is_offered_to_an_instance_is_taken_by_that_at_once() -> None:
    offered = Lease(None, 3, "right")
    waits = Candidacy().saw(offered, 5.0)
    assert waits.takeable(5.0, TIMES, "right") == offered
    assert waits.takeable(34.9, TIMES, "left") is None
    assert waits.takeable(35.0, TIMES, "left") == offered
