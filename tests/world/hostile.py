"""Messages made of what strangers may write, for hypothesis to draw."""

from dataclasses import replace

from hypothesis import strategies as st

from connext_monitor.alerting.notice import Notice
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.digest import Digest, NamedMember, compose_digest
from connext_monitor.core.alerts.kinds.overdue import OverdueDetails
from connext_monitor.core.alerts.message import Field, Instant, Link, Message
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import TransferId
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.queue import Topic
from connext_monitor.core.transfer_view import TransferView
from tests.world.alerts import DESTINATION, DUE, ENDS_OF_LIFE, INFO, LATE, NOW, OPENED, ORIGIN, digest_notice, notice

NASTY = (
    "@everyone @here <@1> <@&2> <#3> </cmd:4> <a:e:5> <t:0:R>",
    "<!channel> <!here> <!subteam^S1> <@U1> <#C1> <!date^0^{date}|x>",
    "[click](https://evil.example) <https://evil.example|click> https://evil.example discord.gg/evil",
    "**b** __u__ *i* _i_ ~~s~~ `c` ```block``` ||spoiler|| > quote",
    "# heading\n- item\n1. item\n>>> all",
    "1. item",
    "-# small",
    "\\*escaped\\",
    ":smile: :warning:",
    "&lt;!channel&gt; &amp; &",
    "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \x9b2J",
    "[bold red]rich[/] [link=https://evil.example]x[/link] [/",
    "\u202eright to left\u202c \u200bzero\u200d width \ufeff",
    "line\r\nbreak\u2028and\u2029more\x85\x0b",
    "\ud83d lone \udc00 surrogates \U0001f4a9 whole",
    "\x00\x07\x08\x7f",
    "<script>alert(1)</script> \"';--",
    '<img src=x onerror=alert(1)><a href="javascript:alert(1)">x</a> <b>bold</b> <tg-spoiler>x</tg-spoiler>',
    "@oncall #hashtag /command $CASHTAG t.me/evil www.evil.example evil.example +15550100 mail@evil.example",
    "{chain} {0} %s %(x)s ${HOME} $(id) `id` {{7*7}} {% x %}",
    '\n2026-11-25T00:00:00Z [error] all.is.well {"event": "monitor.stopped"}',
    "\u2066isolate\u2069 \u061cmark \U000e0041\U000e0042tags \u200d\u2060\u180e\u3164 \ufe0f",
    "e\u0301\u0301\u0301\u0301 \u0e01\u0e49\u0e49\u0e49 \u0338\u0338 stacked",
    "\x1b[2J\x1b[1;1H\x1b]0;owned\x07\x1bPq\x1b\\ \x9d\x9c\x90 \x1b(0",
    "",
    "   ",
)
characters = st.characters(codec="utf-8") | st.characters(categories=["Cs", "Cc", "Cf", "Po", "Sm"])
hostile = st.builds(
    lambda parts, times: "".join(parts) * times,
    st.lists(st.sampled_from(NASTY) | st.text(characters, max_size=30), max_size=4),
    st.sampled_from([1, 1, 1, 2, 50, 400]),
)
instants = st.integers(0, 2**33).map(Instant) | st.integers(0, 2**64 - 1).map(Instant)
fields = st.builds(Field, name=hostile, value=hostile | instants)
urls = st.sampled_from(["https://explorer.example/tx/0x", "http://[::1]:4000/", "javascript:", "", "https://a b/"])
links = st.builds(Link, name=hostile, url=st.builds(str.__add__, urls, hostile))
messages = st.builds(
    Message,
    title=hostile,
    text=hostile,
    severity=st.sampled_from(Severity),
    resolved=st.booleans(),
    fields=st.lists(fields, max_size=40).map(tuple),
    links=st.lists(links, max_size=30).map(tuple),
    drill=st.booleans(),
)

# Groups of any size, on chains of any name, their members with any amount and any text: what no configuration allows
# and no chain alert says today.
members = st.builds(
    lambda subject, details, amount, transfer_id: NamedMember(
        replace(OPENED, subject=subject, details=details),
        None
        if amount is None
        else TransferView(replace(LATE, transfer_id=transfer_id, info=replace(INFO, normalized_in=amount)), DUE),
    ),
    hostile | st.just(OPENED.subject),
    st.just(Details()) | st.builds(OverdueDetails, due_at=st.integers(0, 2**64 - 1)),
    st.none() | st.integers(0, 2**256 - 1),
    st.binary(min_size=32, max_size=32).map(TransferId),
)


@st.composite
def digest_notices(draw: st.DrawFn) -> Notice:
    """The message about a group, opening, changing or ending."""
    size = draw(st.integers(1, 10**9))
    kind = draw(st.sampled_from(list(KINDS.values())))
    digest = Digest(
        group_id=1,
        topic=Topic(kind, draw(st.none() | st.just((ORIGIN, DESTINATION)))),
        severity=draw(st.sampled_from(Severity)),
        members=size,
        open=draw(st.integers(0, size)),
        opened_at=NOW,
        oldest=draw(members),
        largest=tuple(draw(st.lists(members, max_size=3))),
        endings=draw(st.dictionaries(st.sampled_from(list(kind.resolutions)), st.integers(1, size))),
        before=draw(st.integers(0, 10**9)),
    )
    names = ChainLabels({domain: ChainLabel(draw(hostile), draw(urls)) for domain in (ORIGIN, DESTINATION)})
    return digest_notice(draw(st.sampled_from(Change)), compose_digest(digest, names, NOW.timestamp()))


def swollen(char: str) -> Message:
    """A message with far too much of this character in every part."""
    text = char * 5000
    return Message(
        title=text,
        text=text,
        severity=Severity.CRITICAL,
        resolved=False,
        fields=tuple(Field(text, text if n % 3 else Instant(253402300799)) for n in range(60)),
        links=tuple(Link(text, f"https://explorer.example/{'%' * 400}{n}") for n in range(60)),
        drill=True,
    )


# One that is escaped, one of two UTF-16 units and four bytes, one that becomes a longer escape, one of neither.
SWELLING = ("&", "*", "\U0001f4a9", "\x01", "a")
notices = st.builds(notice, change=st.sampled_from(ENDS_OF_LIFE), message=messages, drill=st.booleans())
