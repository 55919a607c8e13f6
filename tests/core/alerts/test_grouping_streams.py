"""What is told together, and when: what holds on any stream of alerts."""

from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.grouping import BURST, GroupRules
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import DomainId
from connext_monitor.core.queue import Topic
from tests.world.channel_fold import ChannelFold
from tests.world.examples import examples

RULES = GroupRules(wait=2.0, interval=60.0)
NOW = 1000.0
TOPIC = Topic(EXECUTE_OVERDUE, (DomainId(1), DomainId(2)))
OTHER = Topic(CHAIN_UNOBSERVED)


moments = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.01, 0.3, 1.0, 2.5, 61.0]),  # seconds until then
        st.sampled_from([TOPIC, OTHER]),
        st.sampled_from([0, 1, 1, 2, 3, 8, 40, 700]),  # open
        st.sampled_from([0.0, 0.0, 0.3, 1.0]),  # share of the open ones that end
    ),
    max_size=25,
)


def played(mode: DigestMode, stream: list[tuple[float, Topic, int, float]]) -> ChannelFold:
    """The channel after the stream, and after all that is left has ended."""
    channel, standing = ChannelFold(mode, RULES, NOW), list[int]()
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
    assert (channel.unheard, channel.ends, channel.groups) == ([], {}, {})


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
    channel = ChannelFold(mode, RULES, NOW)
    for apart, topic, opening, _ in stream:
        channel.now += apart
        for _ in range(opening):
            channel.open(len(channel.opened), topic)
        channel.run()
    for topic in (TOPIC, OTHER):
        opened = (message for message in channel.messages if message.change is Change.OPENED)
        rings = [message.at for message in opened if message.topic == topic]
        for start in rings:
            assert sum(start <= at < start + RULES.interval for at in rings) <= BURST + 1


@given(moments)
@examples(60)
def test_a_group_s_message_is_changed_an_interval_apart(stream: list[tuple[float, Topic, int, float]]) -> None:
    channel = played(DigestMode.CHANGING_DIGEST, stream)
    written: dict[int, float] = {}
    for message in channel.messages:
        if message.group is not None:
            if message.change is Change.CHANGED:
                assert message.at - written[message.group] >= RULES.interval
            written[message.group] = message.at
