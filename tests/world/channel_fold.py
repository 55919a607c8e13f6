"""What a channel is told of a stream of alerts, as the rules of grouping decide on values alone.

It is held to the real queue and store by tests/alerting/test_channel_fold.py.
"""

from collections import Counter
from dataclasses import dataclass, field, replace

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
from connext_monitor.core.alerts.grouping import GroupRules, next_action
from connext_monitor.core.delivery import Change
from connext_monitor.core.queue import BATCH, Group, GroupMessage, Queue, RecentOpenings, Topic, Waiting, WaitingEnd


@dataclass(frozen=True, slots=True)
class ChannelMessage:
    """A message ``at`` (Unix seconds): about one alert, by its number, or about a group with so many of it open."""

    at: float
    topic: Topic
    change: Change
    alert: int | None = None
    group: int | None = None
    members: int = 1
    open: int = 0


@dataclass(slots=True)
class ChannelFold:
    """A queue as the store keeps it, of alerts by number, on which actions act; and what was told, with its time.

    It begins at ``now`` (Unix seconds), which whoever plays it moves on.
    """

    mode: DigestMode
    rules: GroupRules
    now: float
    opened: dict[int, tuple[float, Topic]] = field(default_factory=dict)
    unheard: list[int] = field(default_factory=list)
    alone: dict[int, float] = field(default_factory=dict)
    ends: dict[int, float] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    members: dict[int, dict[int, bool]] = field(default_factory=dict)
    heard: Counter[int] = field(default_factory=Counter)
    heard_end: Counter[int] = field(default_factory=Counter)
    messages: list[ChannelMessage] = field(default_factory=list)

    def open(self, number: int, topic: Topic) -> None:
        self.opened[number] = (self.now, topic)
        self.unheard.append(number)

    def end(self, number: int) -> None:
        self.ends[number] = self.now

    def queue(self) -> Queue:
        lately: dict[Topic, list[float]] = {}
        for number, at in self.alone.items():
            if at >= self.now - self.rules.interval:
                lately.setdefault(self.opened[number][1], []).append(at)
        ready = [number for number in self.ends if number not in self.unheard]
        of_members = [self.ends[number] for number in ready if number not in self.alone]
        single = next((number for number in ready if number in self.alone), None)
        return Queue(
            [self._waiting(topic) for topic in sorted({self.opened[number][1] for number in self.unheard}, key=str)],
            WaitingEnd(-single - 1, self.ends[single]) if single is not None else None,
            [self._counted(group) for _, group in sorted(self.groups.items())],
            len(of_members),
            min(of_members, default=0.0),
            {topic: RecentOpenings(len(times), max(times)) for topic, times in lately.items()},
        )

    def _waiting(self, topic: Topic) -> Waiting:
        mine = [number for number in self.unheard if self.opened[number][1] == topic]
        times = [self.opened[number][0] for number in mine]
        return Waiting(topic, len(mine), mine[0], min(times), max(times))

    def _counted(self, group: Group) -> Group:
        members = self.members[group.id]
        return replace(group, members=len(members), open=sum(members.values()))

    def run(self) -> float | None:
        """Do what is due now, and nothing for ever; until when nothing more is due (Unix seconds, None for ever)."""
        for _ in range(10_000):
            chosen = next_action(self.queue(), self.mode, self.rules, self.now)
            if isinstance(chosen, Wait):
                assert chosen.until is None or chosen.until > self.now
                return chosen.until
            self.act(chosen)
        raise AssertionError("it never comes to rest")

    def act(self, chosen: DeliveryAction) -> None:
        match chosen:
            case SendAlert(number) if number < 0:
                del self.ends[-number - 1]
                self.heard_end[-number - 1] += 1
                self.alone_told(-number - 1, Change.RESOLVED)
            case SendAlert(number):
                self.unheard.remove(number)
                self.alone[number] = self.now
                self.heard[number] += 1
                self.alone_told(number, Change.OPENED)
            case FormGroup(topic, before):
                fresh = Group(len(self.members), topic, 0, 0, before, self.now, 0.0, self.now)
                self.groups[fresh.id], self.members[fresh.id] = fresh, {}
                self.join(fresh.id, topic, BATCH)
            case JoinGroup(group_id, topic, most):
                self.join(group_id, topic, most)
            case NoteEnds():
                self.note_ends()
            case SendGroup(group_id, change):
                self.tell(group_id, change)

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
                del self.ends[number]

    def alone_told(self, number: int, change: Change) -> None:
        still_open = int(change is Change.OPENED)
        self.messages.append(ChannelMessage(self.now, self.opened[number][1], change, alert=number, open=still_open))

    def tell(self, group_id: int, change: Change) -> None:
        group = self._counted(self.groups.pop(group_id))
        if group.message is None:
            self.heard.update(list(self.members[group_id]))
        counts = {"group": group_id, "members": group.members, "open": group.open}
        self.messages.append(ChannelMessage(self.now, group.topic, change, **counts))
        if change is Change.RESOLVED:
            self.heard_end.update(list(self.members[group_id]))
            return
        message = GroupMessage(self.now, group.members, group.open)
        opened_with = group.opened_with or group.members
        self.groups[group_id] = replace(group, message=message, opened_with=opened_with, editable=True)
