"""What is told together, and when: what holds on any stream of alerts."""

from collections import Counter
from dataclasses import dataclass, field, replace

from hypothesis import example, given
from hypothesis import strategies as st

from connext_monitor.core.alerts.delivery_action import (
    DeliveryAction,
    FormGroup,
    JoinGroup,
    NoteEnds,
    SendAlert,
    SendGroup,
    Wait,
)
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.grouping import BURST, GroupRules, next_action
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import DomainId
from connext_monitor.core.queue import BATCH, Group, GroupMessage, Queue, RecentOpenings, Topic, Waiting, WaitingEnd
from tests.world.examples import examples

RULES = GroupRules(wait=2.0, interval=60.0)
NOW = 1000.0
TOPIC = Topic(EXECUTE_OVERDUE, (DomainId(1), DomainId(2)))
OTHER = Topic(CHAIN_UNOBSERVED)


@dataclass(slots=True)
class Channel:
    """A queue as the store keeps it, of alerts by number, on which actions act; and what was told, with its time."""

    mode: DigestMode
    now: float = NOW
    opened: dict[int, tuple[float, Topic]] = field(default_factory=dict)
    unheard: list[int] = field(default_factory=list)
    alone: dict[int, float] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)
    ended_at: float = NOW
    groups: dict[int, Group] = field(default_factory=dict)
    members: dict[int, dict[int, bool]] = field(default_factory=dict)
    heard: Counter[int] = field(default_factory=Counter)
    heard_end: Counter[int] = field(default_factory=Counter)
    messages: list[tuple[float, Topic, DeliveryAction]] = field(default_factory=list)

    def open(self, number: int, topic: Topic) -> None:
        self.opened[number] = (self.now, topic)
        self.unheard.append(number)

    def end(self, number: int) -> None:
        self.ended_at = self.ended_at if self.ends else self.now
        self.ends.append(number)

    def queue(self) -> Queue:
        lately: dict[Topic, list[float]] = {}
        for number, at in self.alone.items():
            if at >= self.now - RULES.interval:
                lately.setdefault(self.opened[number][1], []).append(at)
        ready = [number for number in self.ends if number not in self.unheard]
        single = next((number for number in ready if number in self.alone), None)
        return Queue(
            [self._waiting(topic) for topic in dict.fromkeys(self.opened[number][1] for number in self.unheard)],
            WaitingEnd(-single - 1, self.now) if single is not None else None,
            [self._counted(group) for group in self.groups.values()],
            sum(number not in self.alone for number in ready),
            self.ended_at,
            {topic: RecentOpenings(len(times), max(times)) for topic, times in lately.items()},
        )

    def _waiting(self, topic: Topic) -> Waiting:
        mine = [number for number in self.unheard if self.opened[number][1] == topic]
        times = [self.opened[number][0] for number in mine]
        return Waiting(topic, len(mine), mine[0], min(times), max(times))

    def _counted(self, group: Group) -> Group:
        members = self.members[group.id]
        return replace(group, members=len(members), open=sum(members.values()))

    def run(self) -> None:
        """Do what is due now, and nothing for ever."""
        for _ in range(10_000):
            chosen = next_action(self.queue(), self.mode, RULES, self.now)
            if isinstance(chosen, Wait):
                assert chosen.until is None or chosen.until > self.now
                return
            self.act(chosen)
        raise AssertionError("it never comes to rest")

    def act(self, chosen: DeliveryAction) -> None:
        match chosen:
            case SendAlert(number) if number < 0:
                self.ends.remove(-number - 1)
                self.heard_end[-number - 1] += 1
            case SendAlert(number):
                self.unheard.remove(number)
                self.alone[number] = self.now
                self.heard[number] += 1
                self.messages.append((self.now, self.opened[number][1], chosen))
            case FormGroup(topic, before):
                fresh = Group(len(self.members), topic, 0, 0, before, self.now, 0.0, self.now)
                self.groups[fresh.id], self.members[fresh.id] = fresh, {}
                self.join(fresh.id, topic, BATCH)
            case JoinGroup(group_id, topic, most):
                self.join(group_id, topic, most)
            case NoteEnds():
                self.note_ends()
            case SendGroup(group_id, change):
                self.tell(group_id, change, chosen)

    def join(self, group_id: int, topic: Topic, most: int) -> None:
        taken = [number for number in self.unheard if self.opened[number][1] == topic][:most]
        assert taken, "an action that does nothing"
        self.unheard = [number for number in self.unheard if number not in taken]
        self.members[group_id].update(dict.fromkeys(taken, True))
        times = [self.opened[number][0] for number in taken]
        group = self.groups[group_id]
        self.groups[group_id] = replace(group, oldest=min(group.oldest, *times), newest=max(group.newest, *times))

    def note_ends(self) -> None:
        for members in self.members.values():
            for number in [ended for ended in self.ends if ended in members]:
                members[number] = False
                self.ends.remove(number)

    def tell(self, group_id: int, change: Change, chosen: DeliveryAction) -> None:
        group = self._counted(self.groups.pop(group_id))
        if group.message is None:
            self.heard.update(list(self.members[group_id]))
        self.messages.append((self.now, group.topic, chosen))
        if change is Change.RESOLVED:
            self.heard_end.update(list(self.members[group_id]))
            return
        message = GroupMessage(self.now, group.members, group.open)
        opened_with = group.opened_with or group.members
        self.groups[group_id] = replace(group, message=message, opened_with=opened_with, editable=True)


moments = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.01, 0.3, 1.0, 2.5, 61.0]),  # seconds until then
        st.sampled_from([TOPIC, OTHER]),
        st.sampled_from([0, 1, 1, 2, 3, 8, 40, 700]),  # open
        st.sampled_from([0.0, 0.0, 0.3, 1.0]),  # share of the open ones that end
    ),
    max_size=25,
)


def played(mode: DigestMode, stream: list[tuple[float, Topic, int, float]]) -> Channel:
    """The channel after the stream, and after all that is left has ended."""
    channel, standing = Channel(mode), list[int]()
    for apart, topic, opening, ending in [*stream, (0.0, TOPIC, 0, 1.0)]:
        channel.now += apart
        for _ in range(opening):
            standing.append(len(channel.opened))
            channel.open(standing[-1], topic)
        ended = standing[: round(len(standing) * ending)]
        standing = standing[len(ended) :]
        for number in ended:
            channel.end(number)
        channel.run()
    for _ in range(300):
        channel.now += 1.0
        channel.run()
    return channel


TELLINGS = st.sampled_from([DigestMode.DIGEST, DigestMode.CHANGING_DIGEST])


@given(TELLINGS, moments)
@examples(60)
def test_every_end_is_heard_once_and_nothing_is_left(
    mode: DigestMode, stream: list[tuple[float, Topic, int, float]]
) -> None:
    channel = played(mode, stream)
    assert channel.heard_end == Counter(list(channel.opened))
    assert set(channel.heard.values()) <= {1}
    assert (channel.unheard, channel.ends, channel.groups) == ([], [], {})


# The message of a burst came a minute late, and its like follow at once.
@example(
    DigestMode.DIGEST,
    [
        (0.0, OTHER, 8, 0.0),
        (61.0, OTHER, 3, 0.0),
        (2.5, TOPIC, 0, 0.0),
        (0.0, OTHER, 1, 0.0),
        (1.0, TOPIC, 0, 0.0),
        (1.0, TOPIC, 0, 0.0),
    ],
)
@given(TELLINGS, moments)
@examples(60)
def test_a_topic_rings_only_a_few_times_within_an_interval(
    mode: DigestMode, stream: list[tuple[float, Topic, int, float]]
) -> None:
    # Nothing ends here: what has ended and comes again is news.
    channel = Channel(mode)
    for apart, topic, opening, _ in stream:
        channel.now += apart
        for _ in range(opening):
            channel.open(len(channel.opened), topic)
        channel.run()
    for topic in (TOPIC, OTHER):
        rings = [at for at, about, action in channel.messages if about == topic and _rings(action)]
        for start in rings:
            assert sum(start <= at < start + RULES.interval for at in rings) <= BURST + 1


@given(moments)
@examples(60)
def test_a_group_s_message_is_changed_an_interval_apart(stream: list[tuple[float, Topic, int, float]]) -> None:
    channel = played(DigestMode.CHANGING_DIGEST, stream)
    written: dict[int, float] = {}
    for at, _, action in channel.messages:
        if isinstance(action, SendGroup):
            if action.change is Change.CHANGED:
                assert at - written[action.group_id] >= RULES.interval
            written[action.group_id] = at


def _rings(action: DeliveryAction) -> bool:
    return isinstance(action, SendAlert) or (isinstance(action, SendGroup) and action.change is Change.OPENED)
