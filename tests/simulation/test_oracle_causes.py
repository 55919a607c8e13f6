"""Hand-made runs: alerts that a channel counts with their cause, and what is left of them after it."""

from dataclasses import replace

from tests.simulation.findings import Verdict, Wrong
from tests.simulation.handmade import ended, opened, run, stands, transfer, world
from tests.simulation.reading import read
from tests.simulation.rules.telling import telling
from tests.simulation.rules.weather import Case
from tests.simulation.trace import AlertChange, Interval, Message, State
from tests.simulation.truth import ChannelTruth

TRUTH = replace(
    world(),
    channels=(ChannelTruth(name="chat", digests=True, edits=True),),
    transfers=tuple(transfer(number, sent=stands(1000)) for number in range(3)),
)
PAUSED = opened(1100.0, "bridge_paused", "beta")
OVER = ended(PAUSED, 2000.0, "unpaused")
LATE = tuple(opened(1312.0, "execute_overdue", each.transfer_id) for each in TRUTH.transfers)
ARRIVED = tuple(ended(alert, 1500.0, "executed") for alert in LATE)


def said(at: float, alert: AlertChange, state: State = State.OPEN, *, late: int = 0, edit: bool = False) -> Message:
    return Message(
        at=at,
        channel="chat",
        message_id=alert.alert_id,
        edit=edit,
        kind=alert.kind,
        state=state,
        key=f"{alert.alert_id} {state} {late}",
        subject=alert.subject,
        late=(("execute_overdue", late),) if late else (),
    )


FIRST = said(1101.0, PAUSED)
COUNTED = said(1316.0, PAUSED, late=3, edit=True)
ENDED = said(2001.0, PAUSED, State.RESOLVED, edit=True)


def wrong(alerts: tuple[AlertChange, ...], *messages: Message) -> dict[Wrong, int]:
    trace = replace(run(PAUSED, *alerts, OVER), messages=messages)
    return {which: count for which, count in Verdict.of(telling(Case(TRUTH, trace))).counts.items() if count}


def test_what_the_cause_s_message_counts_is_told() -> None:
    assert wrong((*LATE, *ARRIVED), FIRST, COUNTED, ENDED) == {}


def test_what_the_cause_s_message_leaves_out_is_missed() -> None:
    assert wrong((*LATE, *ARRIVED), FIRST, replace(COUNTED, late=(("execute_overdue", 2),)), ENDED) == {Wrong.MISSED: 1}


def test_what_a_failing_channel_never_counted_is_not_missed_in_later_counts() -> None:
    failing = ChannelTruth(name="chat", digests=True, edits=True, troubled=(Interval(1300.0, 1320.0),))
    over = ended(PAUSED, 4000.0, "unpaused")
    unheard, later = LATE[0], [replace(alert, at=3000.0) for alert in LATE[1:]]
    arrived = [ended(unheard, 1400.0, "executed"), *(ended(alert, 3300.0, "executed") for alert in later)]
    trace = run(PAUSED, unheard, *later, *arrived, over)

    def missed(late: int) -> int:
        messages = (FIRST, replace(COUNTED, at=3004.0, late=(("execute_overdue", late),)), replace(ENDED, at=4001.0))
        case = Case(replace(TRUTH, channels=(failing,)), replace(trace, messages=messages))
        return Verdict.of(telling(case)).counts[Wrong.MISSED]

    assert (missed(2), missed(1)) == (0, 1)


def test_what_was_told_alone_in_bad_weather_need_not_be_counted() -> None:
    trouble = Interval(1300.0, 1320.0)
    for troubled, missed in (((trouble,), 0), ((), 1)):
        chat = ChannelTruth(name="chat", digests=True, edits=True, troubled=troubled)
        over = ended(PAUSED, 4000.0, "unpaused")
        told_at, arrived = 1319.0, [ended(alert, 3300.0, "executed") for alert in LATE]
        alone, counted = said(told_at, LATE[0]), replace(COUNTED, at=1321.0, late=(("execute_overdue", 2),))
        messages = (FIRST, alone, counted, said(3301.0, LATE[0], State.RESOLVED, edit=True), replace(ENDED, at=4001.0))
        trace = replace(run(PAUSED, *LATE, *arrived, over), messages=messages)
        verdict = Verdict.of(telling(Case(replace(TRUTH, channels=(chat,)), trace)))
        assert verdict.counts[Wrong.MISSED] == missed, verdict.findings


def test_a_later_cause_need_not_count_what_an_earlier_one_left() -> None:
    chat = ChannelTruth(name="chat", digests=True, edits=True, troubled=(Interval(990.0, 1400.0),))
    over, again = ended(PAUSED, 1312.5, "unpaused"), opened(3100.0, "bridge_paused", "beta")
    arrived = [ended(alert, 3700.0, "executed") for alert in LATE]
    trace = run(PAUSED, *LATE, over, again, *arrived, ended(again, 3990.0, "unpaused"))
    paused = (said(3010.0, PAUSED), said(3011.0, PAUSED, State.RESOLVED, edit=True), said(3101.0, again))
    alone = (said(at, alert, state) for alert in LATE for at, state in ((3010.0, State.OPEN), (3701.0, State.RESOLVED)))
    case = Case(replace(TRUTH, channels=(chat,)), replace(trace, messages=(*paused, *alone)))
    assert Verdict.of(telling(case)).counts[Wrong.MISSED] == 0


def test_what_is_late_after_its_cause_must_be_told() -> None:
    assert wrong((*LATE, *ARRIVED[1:]), FIRST, COUNTED, ENDED, said(2005.0, LATE[0])) == {}
    assert wrong((*LATE, *ARRIVED[1:]), FIRST, COUNTED, ENDED) == {Wrong.MISSED: 1}


def test_a_count_is_read_in_either_message() -> None:
    facts = [("Late because of it", "2 of 9 transfers still overdue for execution; 1 pathway stalled")]
    counts = (("execute_overdue", 9), ("pathway_stalled", 1))
    assert read("CRITICAL · Bridge paused: beta", facts).late == counts
    own = 'WARNING · Late because of "Pathway stalled: alpha → beta": 1 transfer overdue for execution'
    meaning = read(own, [])
    assert (meaning.kind, meaning.subject, meaning.late) == ("pathway_stalled", None, (("execute_overdue", 1),))
