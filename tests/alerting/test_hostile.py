"""Promise 9 in every channel: what strangers and endpoints wrote is shown as text, whatever is told with it.

Each string of the corpus stands wherever one of theirs can: as a token's name, a chain's, an explorer, an endpoint's or
a vendor's words, in alerts of every kind, as they open, end and are told as a group. What each channel would put on the
wire, in all its forms, is read as its clients would.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import pytest
from hypothesis import given

from connext_monitor.alerting.notice import AlertNotice, Notice
from connext_monitor.core.alerts.alert import Alert, compose
from connext_monitor.core.alerts.cause import Cause, CauseKind
from connext_monitor.core.alerts.digest import Digest, NamedMember, compose_digest
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.database_trouble import DatabaseTrouble, TroubleKind
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change
from connext_monitor.core.labels import ChainLabel, ChainLabels, KnownTokens
from connext_monitor.core.queue import Topic
from connext_monitor.core.token import Token
from connext_monitor.core.transfer_view import TransferView
from tests.alerting.providers.contract import contracts
from tests.world.alerts import (
    ARRIVED,
    DESTINATION,
    DUE,
    DUE_AT,
    LATE,
    NOW,
    ORIGIN,
    TOKEN,
    TRANSFER_ID,
    digest_notice,
)
from tests.world.every_alert import EVERY_KIND, opened
from tests.world.examples import examples
from tests.world.hostile import NASTY, hostile
from tests.world.kinds import (
    backup_failed,
    chain_unobserved,
    database_failing,
    overdue,
)

PATHWAY = (ORIGIN, DESTINATION)
FACTS: Mapping[str, str | int] = {
    "domain": DESTINATION, "transfers": 2, "lately": 21600, "times": 1, "wei": "7", "slippage": "500", "before": "3",
    "block": 7,
}  # fmt: skip
GROUPED = {EXECUTE_OVERDUE, CHAIN_UNOBSERVED}
"""A group's message differs by this alone: whether its alerts are about transfers."""


def causes(nasty: str) -> tuple[Cause, ...]:
    """Every cause that can be known, with this as what a contract said."""
    return tuple(Cause(kind, {**FACTS, "reverts": nasty}) for kind in CauseKind)


def alerts(nasty: str) -> Iterator[Alert]:
    """An open alert of every kind, with this wherever it can be somebody else's words."""
    for kind in EVERY_KIND:
        yield opened(kind, nasty)
    yield overdue(TRANSFER_ID, Leg.EXECUTE, DUE_AT, NOW, PATHWAY, causes(nasty))
    yield overdue(TRANSFER_ID, Leg.RECONCILE, DUE_AT, NOW, PATHWAY, causes(nasty)).escalated(NOW)
    yield chain_unobserved(nasty, NOW, silent_for=9, waiting=2, why=nasty)
    yield backup_failed("upload", NOW, reason=nasty)
    yield database_failing(NOW, DatabaseTrouble(TroubleKind.DISK, nasty), since=DUE_AT)


@cache
def notices(nasty: str) -> Sequence[Notice]:
    """All that is sent about them."""
    return list(notices_saying(nasty))


def notices_saying(nasty: str) -> Iterator[Notice]:
    labels = ChainLabels(
        {ORIGIN: ChainLabel(nasty, f"https://x.example/{nasty}"), DESTINATION: ChainLabel(nasty, nasty)},
        KnownTokens({(ORIGIN, TOKEN): Token(nasty, 6)}),
    )
    for alert in alerts(nasty):
        endings = [(Change.RESOLVED, alert.resolved(ending, NOW)) for ending in alert.kind.resolutions]
        # What tells one ending from another is in our own words: each string is tried with one of them.
        ending = endings[len(nasty) % len(endings)]
        for change, now in ((Change.OPENED, alert), ending):
            about = (LATE if change is Change.OPENED else ARRIVED) if alert.transfer_id else None
            view = TransferView(about, DUE) if about else None
            message = compose(now, about, labels)
            yield AlertNotice(
                key=f"{now.id}:{change}:{now.resolution}",
                thread=now.id,
                change=change,
                alert=now,
                message=message,
                transfer=view,
                created_at=NOW,
            )
        if alert.kind not in GROUPED:
            continue
        for still in (2, 1, 0):
            named = NamedMember(alert, TransferView(LATE, DUE) if alert.transfer_id else None)
            pathway = PATHWAY if alert.transfer_id else None
            group = Digest(
                1,
                Topic(alert.kind, pathway),
                alert.kind.severity,
                2,
                still,
                NOW,
                named,
                (named,),
                {Resolution.REMOVED: 1},
            )
            message = compose_digest(group, labels, NOW.timestamp())
            yield digest_notice((Change.RESOLVED, Change.CHANGED, Change.OPENED)[still], message)


CONTRACTS = contracts()


@pytest.mark.parametrize("channel", CONTRACTS)
@pytest.mark.parametrize("nasty", NASTY)
def test_the_corpus_is_shown_as_text(channel: str, nasty: str) -> None:
    for notice in notices(nasty):
        CONTRACTS[channel].assert_literal(notice)


@examples(8)
@given(hostile.map(lambda text: text[:1000]))
def test_anything_else_they_write_is_shown_as_text(nasty: str) -> None:
    for notice in notices_saying(nasty):
        for contract in CONTRACTS.values():
            contract.assert_literal(notice)
