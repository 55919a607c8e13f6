"""Hand-made runs: what people silence or acknowledge, and what channels are told of it."""

from dataclasses import replace

from tests.simulation.findings import Verdict, Wrong
from tests.simulation.handmade import ended, opened, run, stands, transfer, world
from tests.simulation.rules.acts import acts
from tests.simulation.rules.telling import telling
from tests.simulation.rules.weather import Case
from tests.simulation.trace import Acted, Message, State

LEG = transfer(1, sent=stands(1000))
TRUTH = replace(world(), transfers=(LEG,))
LATE = opened(1312.0, "execute_overdue", LEG.transfer_id)
SILENCED = Acted(1200.0, 2000.0, "execute_overdue", None, 1)
ACKNOWLEDGED = Acted(1400.0, 2000.0, "execute_overdue", LATE.alert_id, 1)


def message(at: float, state: State = State.OPEN) -> Message:
    return Message(
        at=at,
        channel="hook",
        message_id=f"at {at}",
        edit=False,
        kind=LATE.kind,
        state=state,
        key=f"at {at}",
        subject=LATE.subject,
        alert_id=LATE.alert_id,
    )


def wrong(acted: Acted, *messages: Message, arrives: float | None = None) -> dict[Wrong, int]:
    changes = (LATE,) if arrives is None else (LATE, ended(LATE, arrives, "executed"))
    case = Case(TRUTH, replace(run(*changes), messages=messages, acts=(acted,)))
    findings = [*acts(case), *telling(case)]
    return {which: count for which, count in Verdict.of(findings).counts.items() if count}


def test_what_is_silenced_must_not_be_told_meanwhile() -> None:
    assert wrong(SILENCED, message(1315.0), message(2005.0)) == {Wrong.FALSE: 1}
    assert wrong(SILENCED, message(2005.0)) == {}


def test_what_is_open_when_a_silence_ends_must_be_told() -> None:
    assert wrong(SILENCED) == {Wrong.MISSED: 1}
    assert wrong(SILENCED, arrives=1700.0) == {}


def test_what_was_acknowledged_must_be_told_again() -> None:
    assert wrong(ACKNOWLEDGED, message(1315.0)) == {Wrong.MISSED: 1}
    assert wrong(ACKNOWLEDGED, message(1315.0), message(2005.0)) == {}
    assert wrong(ACKNOWLEDGED, message(1315.0), arrives=1700.0) == {}


def test_what_was_acknowledged_is_not_told_again_by_an_edit() -> None:
    truth = replace(TRUTH, channels=(replace(TRUTH.channels[0], digests=True, edits=True),))
    counts = replace(message(1315.0), subject=None, alert_id=None, pathway=("alpha", "beta"), members=4)
    edit = replace(counts, at=2005.0, edit=True, members=5)
    for again, missed in ((edit, 1), (replace(edit, message_id="another", edit=False), 0)):
        case = Case(truth, replace(run(LATE), messages=(counts, again), acts=(ACKNOWLEDGED,)))
        assert Verdict.of(acts(case)).counts[Wrong.MISSED] == missed


def test_what_another_silence_covers_at_the_end_of_one_waits_for_that() -> None:
    longer = replace(SILENCED, at=1900.0, until=2600.0, number=2)
    case = Case(TRUTH, replace(run(LATE), messages=(message(2605.0),), acts=(SILENCED, longer)))
    assert list(acts(case)) == []
    assert [finding.at for finding in acts(Case(TRUTH, replace(run(LATE), acts=(SILENCED, longer))))] == [2710.0]


def test_what_ended_long_before_a_silence_is_judged_as_any_other() -> None:
    early = replace(LATE, at=400.0)
    case = Case(TRUTH, replace(run(early, ended(early, 500.0, "executed")), acts=(SILENCED,)))
    assert case.touched == frozenset()
    assert Case(TRUTH, replace(run(early), acts=(SILENCED,))).touched == {early.alert_id}


def test_a_silence_of_pathways_covers_what_both_its_ends_name() -> None:
    case, stalled = Case(TRUTH, run(LATE)), opened(1300.0, "pathway_stalled", "alpha/beta")
    for origin, destination, covers in (
        (None, None, True),
        ("alpha", None, True),
        (None, "beta", True),
        ("alpha", "beta", True),
        ("beta", None, False),
        (None, "alpha", False),
        ("alpha", "alpha", False),
    ):
        anything = replace(SILENCED, kind=None, origin=origin, destination=destination)
        assert case.covers(anything, LATE) is case.covers(anything, stalled) is covers
        assert case.covers(anything, opened(1300.0, "chain_unobserved", "alpha")) is (origin == destination is None)
        assert not case.covers(replace(anything, kind="reconcile_overdue"), LATE)


def test_what_is_silenced_on_one_pathway_must_be_told_on_another() -> None:
    there, back = (replace(SILENCED, kind=None, origin=origin) for origin in ("alpha", "beta"))
    assert wrong(there, message(2005.0)) == {}
    assert wrong(back, message(2005.0)) == {Wrong.LATE: 1}
    assert wrong(back) == {Wrong.MISSED: 1}


def test_what_opens_before_anybody_silences_it_must_be_told_then() -> None:
    assert wrong(replace(SILENCED, at=1600.0), message(1315.0)) == {}
    assert wrong(replace(SILENCED, at=1600.0), message(2005.0)) == {Wrong.MISSED: 1}


def test_a_group_of_another_pathway_tells_of_nothing_on_this_one() -> None:
    group = replace(message(2005.0), subject=None, alert_id=None, pathway=("beta", "alpha"))
    assert wrong(SILENCED, group) == {Wrong.MISSED: 1}
    assert wrong(SILENCED, replace(group, pathway=("alpha", "beta"))) == {}


def test_who_silences_one_alert_leaves_another_about_its_subject() -> None:
    stall = opened(1300.0, "pathway_stalled", "alpha/beta")
    again = replace(stall, at=3000.0, alert_id="again")
    changes = (stall, ended(stall, 1700.0, "executed"), again)
    silenced = replace(SILENCED, kind=stall.kind)
    tells = replace(message(3004.0), kind=stall.kind, subject=stall.subject, alert_id="again")
    for channel, alert_id in ((TRUTH.channels[0], "again"), (replace(TRUTH.channels[0], digests=True), None)):
        truth = replace(TRUTH, channels=(channel,))
        for messages, findings in (((replace(tells, alert_id=alert_id),), {}), ((), {Wrong.MISSED: 1})):
            case = Case(truth, replace(run(*changes), messages=messages, acts=(silenced,)))
            counts = Verdict.of([*acts(case), *telling(case)]).counts
            assert {which: count for which, count in counts.items() if count} == findings
