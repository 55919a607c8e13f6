"""The simulated channels: what people read in every message, and what every trouble means to the sender."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar, cast

import pytest

from connext_monitor.alerting.notice import DigestProvider
from connext_monitor.alerting.providers.configured import build_providers
from connext_monitor.config import ProviderTable
from connext_monitor.core.alerts.alert import About, Alert, AlertKind, compose
from connext_monitor.core.alerts.digest import Digest, NamedMember, compose_digest
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.delivery import Change, ChannelDead, FailureCause, Outcome, Sent, TryLater
from connext_monitor.core.events import TransferId
from connext_monitor.core.queue import Topic
from tests.simulation.channels import SimulatedChannels, provider_tables
from tests.simulation.story import Channel, ChannelFault
from tests.simulation.trace import Message, State
from tests.simulation.troubles import ChannelTrouble
from tests.world.alerts import ARRIVED, DESTINATION, LABELS, LATE, NOW, ORIGIN, TRANSFER_ID, digest_notice, notice
from tests.world.configs import FILE
from tests.world.every_alert import details_saying
from tests.world.virtual_time import LoopClock, run_virtually

T = TypeVar("T")
TYPES = ("discord", "slack", "webhook")
NAMES = ("discord", "slack")
ENDINGS = [
    (kind, ending)
    for kind in KINDS.values()
    for ending in (None, *kind.resolutions)
    if ending is not Resolution.REMOVED
]
"""Every way in which an alert can be, as long as the config stays the same."""


def with_channel(
    name: str, do: Callable[[DigestProvider], Awaitable[T]], *faults: ChannelFault
) -> tuple[T, tuple[Message, ...]]:
    """What came of something that was done with the real provider of a channel, and what the channel took."""

    async def main() -> tuple[T, tuple[Message, ...]]:
        clock = LoopClock()
        channel = Channel(name, name)
        channels = SimulatedChannels([channel], faults, clock.monotonic, Random(1))  # noqa: S311 - no secret
        tables = {key: ProviderTable(table) for key, table in provider_tables([channel]).items()}
        (built,) = build_providers(tables, file=FILE, labels=LABELS, clock=clock, open_sender=channels.open_sender)
        return await do(cast("DigestProvider", built.provider)), channels.messages

    return run_virtually(main())


def alert_of(kind: AlertKind, ending: Resolution | None) -> Alert:
    subjects: dict[About, TransferId | str] = {About.TRANSFER: TRANSFER_ID, About.PATHWAY: "ethereum/gnosis"}
    subject = "database" if kind.name == "database_failing" else subjects.get(kind.about, "gnosis")
    alert = kind.open(subject, NOW, details_saying(kind, "words"))
    return alert if ending is None else alert.resolved(ending, NOW)


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize(("kind", "ending"), ENDINGS, ids=str)
def test_readers_know_what_every_alert_is_about(name: str, kind: AlertKind, ending: Resolution | None) -> None:
    alert = alert_of(kind, ending)
    change = Change.OPENED if ending is None else Change.RESOLVED
    message = compose(alert, ARRIVED if alert.transfer_id else None, LABELS)
    sent = notice(change, message)
    sent = type(sent)(
        key="1", thread="1", change=change, message=message, created_at=NOW, alert=alert, transfer=sent.transfer
    )
    outcome, (taken,) = with_channel(name, lambda provider: provider.send(sent, None))
    assert isinstance(outcome, Sent)
    assert (taken.kind, taken.state) == (kind.name, State.OPEN if ending is None else State.RESOLVED)
    # What is about the monitor itself need not say so.
    assert taken.subject == alert.subject or (kind.about is About.MONITOR and taken.subject is None)
    assert taken.acknowledged


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
@pytest.mark.parametrize("still", [0, 1, 1200, 2500])
def test_readers_know_what_every_digest_counts(name: str, kind: AlertKind, still: int) -> None:
    if kind.about is About.MONITOR:
        return
    pathway = (ORIGIN, DESTINATION) if kind.about is About.TRANSFER else None
    digest = Digest(
        group_id=1,
        topic=Topic(kind, pathway),
        severity=kind.severity,
        members=2500,
        open=still,
        opened_at=NOW,
        oldest=NamedMember(alert_of(kind, None)),
        endings={} if still == 2500 else {next(iter(kind.resolutions)): 2500 - still},
    )
    change = Change.OPENED if still else Change.RESOLVED
    sent = digest_notice(change, compose_digest(digest, LABELS, NOW.timestamp()))
    _, (taken,) = with_channel(name, lambda provider: provider.send(sent, None))
    assert (taken.kind, taken.members, taken.open) == (kind.name, 2500, still)
    assert taken.pathway == (("ethereum", "gnosis") if pathway else None)
    assert taken.named == (digest.oldest.alert.subject,)
    assert taken.state is (State.OPEN if still else State.RESOLVED)


def during(trouble: ChannelTrouble, name: str, amount: float = 1.0) -> ChannelFault:
    return ChannelFault(channel=name, at=0.0, seconds=1000.0, trouble=trouble, amount=amount)


def outcome_with(trouble: ChannelTrouble, name: str, amount: float = 1.0) -> tuple[Outcome, tuple[Message, ...]]:
    return with_channel(name, lambda provider: provider.send(notice(), None), during(trouble, name, amount))


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        (ChannelTrouble.FAIL, FailureCause.SERVER_ERROR),
        (ChannelTrouble.LIMIT, FailureCause.RATE_LIMITED),
        (ChannelTrouble.HANG, FailureCause.TIMED_OUT),
        (ChannelTrouble.LOSE_ANSWER, FailureCause.NOT_TAKEN),
    ],
)
def test_passing_trouble_is_tried_later(name: str, trouble: ChannelTrouble, cause: FailureCause) -> None:
    outcome, taken = outcome_with(trouble, name, 7)
    assert isinstance(outcome, TryLater)
    assert outcome.cause is cause
    assert outcome.after == (7 if trouble is ChannelTrouble.LIMIT else None)
    assert [message.acknowledged for message in taken] == ([False] if trouble is ChannelTrouble.LOSE_ANSWER else [])


@pytest.mark.parametrize("name", TYPES)
def test_a_slow_channel_that_limits_takes_nothing(name: str) -> None:
    both = during(ChannelTrouble.SLOW, name), during(ChannelTrouble.LIMIT, name, 7)
    outcome, taken = with_channel(name, lambda provider: provider.send(notice(), None), *both)
    assert (isinstance(outcome, TryLater), taken) == (True, ())


@pytest.mark.parametrize("name", TYPES)
def test_a_channel_that_is_gone_says_so(name: str) -> None:
    outcome, taken = outcome_with(ChannelTrouble.REFUSE, name)
    assert isinstance(outcome, ChannelDead)
    assert taken == ()


def test_a_discord_message_changes_in_place() -> None:
    async def opens_and_ends(provider: DigestProvider) -> Outcome:
        opened = await provider.send(notice(), None)
        assert isinstance(opened, Sent)
        return await provider.send(notice(Change.RESOLVED), opened.reference)

    _, (first, second) = with_channel("discord", opens_and_ends)
    assert (first.message_id, second.message_id) == ("1", "1")
    assert (first.edit, second.edit) == (False, True)
    assert (first.state, second.state) == (State.OPEN, State.RESOLVED)
    assert first.subject == f"0x{TRANSFER_ID.hex()}" == f"0x{LATE.transfer_id.hex()}"


def test_a_message_that_never_was_cannot_be_edited() -> None:
    _, (taken,) = with_channel("discord", lambda provider: provider.send(notice(Change.RESOLVED), "99"))
    assert not taken.edit


def test_a_webhook_is_told_the_same_key_on_every_retry() -> None:
    async def twice(provider: DigestProvider) -> None:
        await provider.send(notice(), None)
        await provider.send(notice(), None)

    _, (first, second) = with_channel("webhook", twice)
    assert first.key == second.key
    assert first.alert_id == f"execute_overdue:0x{TRANSFER_ID.hex()}"
