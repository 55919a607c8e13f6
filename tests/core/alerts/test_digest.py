"""What the message about a group says."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connext_monitor.core.alerts.alert import AlertKind
from connext_monitor.core.alerts.cause import Cause, CauseKind
from connext_monitor.core.alerts.digest import Digest, NamedMember, compose_digest
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.message import Field, Instant, Link
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.deadline import Leg
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.queue import Topic
from connext_monitor.core.transfer import fold
from connext_monitor.core.transfer_view import TransferView
from tests.world.kinds import chain_unobserved, overdue
from tests.world.transfers import ALPHA, BETA, info, sighting, xcalled

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DUE_AT = int(NOW.timestamp()) - 3 * 3600
LABELS = ChainLabels({ALPHA: ChainLabel("alpha", "https://alpha.example"), BETA: ChainLabel("beta")})
PATHWAY = (ALPHA, BETA)


def named(nonce: int, leg: Leg = Leg.EXECUTE) -> NamedMember:
    called = xcalled(info(nonce), sighting(10))
    transfer = fold([called])
    assert transfer is not None
    alert = overdue(called.event.transfer_id, leg, DUE_AT + nonce, NOW)
    return NamedMember(alert, TransferView(transfer, None))


def digest(
    members: int, still: int, leg: Leg = Leg.EXECUTE, endings: Mapping[Resolution | None, int] | None = None
) -> Digest:
    kind = named(0, leg).alert.kind
    return Digest(
        group_id=1,
        topic=Topic(kind, PATHWAY),
        severity=kind.severity,
        members=members,
        open=still,
        opened_at=NOW,
        oldest=named(0, leg),
        largest=(named(1, leg), named(2, leg)),
        endings=endings or {},
    )


def title(of: Digest) -> str:
    return compose_digest(of, LABELS, NOW.timestamp()).title


def test_it_counts_and_says_from_where_to_where() -> None:
    assert title(digest(1280, 1280)) == "1,280 transfers overdue for execution: alpha → beta"


@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_every_kind_of_alert_has_words_for_a_burst(kind: AlertKind) -> None:
    for members, still in ((12, 12), (12, 1), (12, 0)):
        said = compose_digest(replace(digest(members, still), topic=Topic(kind, None)), LABELS, NOW.timestamp())
        assert said.title
        assert said.text or not still
        assert "{" not in said.title + said.text


def test_as_it_shrinks_it_counts_what_is_left() -> None:
    assert title(digest(128, 12)) == "12 of 128 transfers still overdue for execution: alpha → beta"


def test_it_says_what_is_known_of_the_cause_of_all() -> None:
    causes = (Cause(CauseKind.PAUSED, {"domain": BETA}), Cause(CauseKind.SLIPPAGE_UPDATED, {"slippage": "5"}))
    held = digest(9, 9)
    paused = replace(held, oldest=replace(held.oldest, alert=replace(held.oldest.alert, causes=causes)))
    text = compose_digest(paused, LABELS, NOW.timestamp()).text
    assert "Known of the cause: the bridge on beta is paused and executes nothing." in text
    assert "slippage" not in text
    assert "Known of" not in compose_digest(replace(paused, open=0), LABELS, NOW.timestamp()).text


def test_at_the_end_it_says_so() -> None:
    message = compose_digest(digest(128, 0), LABELS, NOW.timestamp())
    assert message.resolved
    assert message.title == "128 transfers no longer overdue for execution: alpha → beta"


def test_one_is_not_spoken_of_as_many() -> None:
    assert title(digest(1, 1, Leg.RECONCILE)) == "1 transfer overdue for reconciliation: alpha → beta"


def test_it_is_as_bad_as_its_alerts() -> None:
    assert compose_digest(digest(9, 9), LABELS, 0).severity is Severity.CRITICAL


def test_it_says_how_long_the_first_is_overdue_and_how_others_ended() -> None:
    message = compose_digest(
        digest(10, 4, endings={Resolution.REORGED: 1, Resolution.EXECUTED: 5}), LABELS, NOW.timestamp()
    )
    assert message.text == (
        "The recipients have not received the funds. The first was due 3 h before this was written. "
        "Ended: 5 executed late, 1 withdrawn because a reorg removed their XCalled. "
        '"connext-monitor alerts --state open" lists them all.'
    )


def test_it_says_how_many_others_were_told_of_before() -> None:
    message = compose_digest(replace(digest(10, 10), before=3), LABELS, NOW.timestamp())
    assert "3 more were reported before, in other messages." in message.text


def test_it_names_the_worst_with_their_whole_ids_amounts_and_links() -> None:
    message = compose_digest(digest(10, 10), LABELS, NOW.timestamp())
    ids = [member.alert.subject for member in (named(0), named(1), named(2))]
    token = "1 of token 0x" + "07" * 20
    assert message.fields == (
        Field("Longest overdue", f"{ids[0]} · {token}"),
        Field("Among the largest", f"{ids[1]} · {token}"),
        Field("Among the largest", f"{ids[2]} · {token}"),
        Field("Due first", Instant(DUE_AT)),
        Field("First alert", Instant(int(NOW.timestamp()))),
    )
    assert message.links[0] == Link(f"Longest overdue {ids[0][:10]}…", "https://alpha.example/tx/0x" + "05" * 32)
    assert len(message.links) == 3


def test_a_transfer_that_is_gone_is_named_by_its_id() -> None:
    gone = replace(digest(5, 5), oldest=replace(named(0), transfer=None), largest=())
    message = compose_digest(gone, LABELS, NOW.timestamp())
    assert message.fields[0] == Field("Longest overdue", named(0).alert.subject)
    assert message.links == ()


def test_chains_are_spoken_of_as_chains() -> None:
    alerts = [chain_unobserved(name, NOW, silent_for=120, waiting=0, why="") for name in "abc"]
    chains = Digest(
        group_id=1,
        topic=Topic(CHAIN_UNOBSERVED),
        severity=Severity.WARNING,
        members=5,
        open=5,
        opened_at=NOW,
        oldest=NamedMember(alerts[0]),
        largest=(NamedMember(alerts[1]), NamedMember(alerts[2])),
    )
    message = compose_digest(chains, LABELS, NOW.timestamp() + 60)
    assert message.title == "5 chains not observed"
    assert "The first was reported 1 min before this was written." in message.text
    assert [field.value for field in message.fields[:3]] == ["a", "b", "c"]
