"""What instances that share a server's database say of it, past the database: each for itself, of its own way there."""

from collections.abc import Iterator
from math import inf

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import Intervals, after, both, meets, minus, union
from tests.simulation.rules.inbox import PAST_THE_STORE, Inbox
from tests.simulation.rules.outages import DATABASE_KNOWN_WITHIN, DATABASE_PATIENCE, DATABASE_TOLD_WITHIN, WORKS_WITHIN
from tests.simulation.rules.telling import RECORDED_WITHIN
from tests.simulation.rules.weather import Case, obligations
from tests.simulation.trace import Ending, Interval, Life, Message, Sharing, State

_ENDS_AND_STANDS_BY_WITHIN = 30.0
"""Seconds until an owner that has lost its connection watches it as one that waits for the work."""


def links(case: Case) -> Iterator[Finding]:
    """An instance that cannot reach the server says so on every channel, and when it can again; no other does."""
    sharing = case.trace.sharing
    if sharing is None:
        return
    for instance in sorted({life.instance for life in case.trace.lives}):
        link = _Link(case, sharing, instance)
        for channel in case.truth.channels:
            inbox = Inbox(case, channel)
            said = [m for m in case.trace.messages if m.channel == channel.name and m.kind == PAST_THE_STORE]
            yield from link.wrong(inbox, [message for message in said if message.instance == instance])


class _Link:
    def __init__(self, case: Case, sharing: Sharing, instance: int) -> None:
        self._case = case
        self._instance = instance
        self._lives: list[Life] = [life for life in case.trace.lives if life.instance == instance]
        self._halts = union(during for of, during in sharing.halts if of == instance)
        self._cut_off = union(during for of, during in sharing.cut_off if of == instance)

    def wrong(self, inbox: Inbox, said: list[Message]) -> Iterator[Finding]:
        for message in said:
            if message.state is State.OPEN and not meets(self._cut_off, self._known(message.at)):
                words = f"{message.channel} was told of a database that works"
                yield self._finding(message.at, Wrong.FALSE, "only failing databases", words)
        patience = DATABASE_PATIENCE + DATABASE_TOLD_WITHIN + _ENDS_AND_STANDS_BY_WITHIN
        for outage in after(both(self._cut_off, minus(self._awake, inbox.unwell)), patience):
            last = max((m for m in said if m.at <= outage.begin), key=lambda m: m.at, default=None)
            if last is None or last.state is not State.OPEN:
                words = f"{inbox.channel.name} was not told that the database fails"
                yield self._finding(outage.begin, Wrong.MISSED, "never silently blind", words)
        yield from self._not_ended(inbox, said)

    @property
    def _awake(self) -> Intervals:
        return minus([life.during for life in self._lives], self._halts)

    def _known(self, at: float) -> Interval:
        """When it must have been cut off to say so now: while its host stood still, it could not learn of the end."""
        begin = at - DATABASE_KNOWN_WITHIN
        for halt in sorted(self._halts, reverse=True):
            if halt.begin < at and begin < halt.end:
                begin -= min(at, halt.end) - halt.begin
        return Interval(begin, at)

    def _not_ended(self, inbox: Inbox, said: list[Message]) -> Iterator[Finding]:
        """Whoever was told so is told once it works, as long as the instance is there."""
        for number, message in enumerate(said):
            noting = Interval(message.at, message.at + RECORDED_WITHIN)
            killed = any(life.during.end in noting and life.ending is not Ending.STOPPED for life in self._lives)
            if message.state is State.RESOLVED or not message.acknowledged or killed:
                continue
            works = minus(both(self._awake, (Interval(message.at, inf),)), self._cut_off)
            by = next(obligations(works, inbox.calm, WORKS_WITHIN, self._case.end), None)
            if by is not None and not any(m.state is State.RESOLVED and m.at <= by[0] for m in said[number:]):
                words = f"{inbox.channel.name} was not told that the database works again"
                yield self._finding(by[0], Wrong.FALSE, "an alert ends with its reason", words)
                return

    def _finding(self, at: float, wrong: Wrong, rule: str, words: str) -> Finding:
        return Finding(at, wrong, rule, f"the database, for instance {self._instance}", words)
