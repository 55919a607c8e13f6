"""Hand-made runs: what channels are told, once and in time, and not."""

from dataclasses import replace

from tests.simulation.findings import Verdict, Wrong
from tests.simulation.handmade import delivered, ended, lives, opened, run, stands, transfer, world
from tests.simulation.rules.telling import telling
from tests.simulation.rules.weather import Case
from tests.simulation.trace import AlertChange, Ending, Interval, Message, State, Trace
from tests.simulation.truth import ChannelTruth, Truth

ALERT = opened(1312.0, "execute_overdue", "0x01")
TURNS = (ALERT, ended(ALERT, 1912.0, "executed"))
SOUND = delivered(run(*TURNS))
DISCORD = replace(world(), channels=(ChannelTruth(name="chat", digests=True, edits=True),))


def judged(trace: Trace, truth: Truth | None = None) -> Verdict:
    return Verdict.of(telling(Case(truth or world(), trace)))


def count(wrong: Wrong, trace: Trace, truth: Truth | None = None) -> int:
    return judged(trace, truth).counts[wrong]


def test_each_turn_told_once_is_all_right() -> None:
    assert judged(SOUND).sound


def test_an_opening_or_an_end_that_nobody_is_told_is_missed() -> None:
    opening, end = SOUND.messages
    assert count(Wrong.MISSED, replace(SOUND, messages=())) == 2
    assert count(Wrong.MISSED, replace(SOUND, messages=(opening,))) == 1
    assert count(Wrong.MISSED, replace(SOUND, messages=(end,))) == 1


def test_what_is_told_long_after_it_happened_is_late() -> None:
    assert count(Wrong.LATE, delivered(run(*TURNS), after=100.0)) == 2


def test_a_message_that_was_taken_and_comes_again_is_told_twice() -> None:
    opening, end = SOUND.messages
    again = replace(opening, at=opening.at + 60.0, message_id="9")
    assert count(Wrong.TWICE, replace(SOUND, messages=(opening, again, end))) == 1


def test_a_message_whose_answer_was_lost_may_come_again() -> None:
    opening, end = SOUND.messages
    lost = replace(opening, acknowledged=False)
    assert judged(replace(SOUND, messages=(lost, replace(opening, at=1320.0), end))).sound


def test_a_message_taken_just_before_a_crash_may_come_again() -> None:
    opening, end = SOUND.messages
    crashed = replace(SOUND, lives=lives((0.0, 1315.0), (1317.0, 4000.0)))
    assert judged(replace(crashed, messages=(opening, replace(opening, at=1330.0), end))).sound


def test_an_end_told_before_its_opening_is_false() -> None:
    opening, end = SOUND.messages
    assert count(Wrong.FALSE, replace(SOUND, messages=(replace(end, at=1313.0), replace(opening, at=1914.0)))) >= 1


def test_what_never_opened_is_told_falsely() -> None:
    stray = replace(SOUND.messages[0], subject="0x02", alert_id="execute_overdue:0x02", key="9")
    assert count(Wrong.FALSE, replace(SOUND, messages=(*SOUND.messages, stray))) == 1


def test_a_channel_that_fails_excuses_what_waits_for_it() -> None:
    failing = replace(world(), channels=(ChannelTruth(name="hook", troubled=(Interval(1000.0, 2000.0),)),))
    assert judged(replace(SOUND, messages=()), failing).sound


# Groups


def burst(count: int) -> tuple[AlertChange, ...]:
    return tuple(opened(1312.0, "execute_overdue", f"0x{number:02}") for number in range(count))


def group(members: int, at: float = 1316.0, *, message: str = "1", edit: bool = False, still: int = 4) -> Message:
    return Message(
        at=at,
        channel="chat",
        message_id=message,
        edit=edit,
        kind="execute_overdue",
        state=State.OPEN,
        key=f"{message} {members}",
        pathway=("alpha", "beta"),
        members=members,
        open=still,
    )


def test_a_group_that_counts_all_of_a_burst_is_all_right() -> None:
    assert judged(replace(run(*burst(5)), messages=(group(4), group(5, 1376.0, edit=True))), DISCORD).sound


def test_a_group_that_leaves_one_out_misses_it() -> None:
    assert count(Wrong.MISSED, replace(run(*burst(5)), messages=(group(4),)), DISCORD) == 1


def test_a_second_group_of_the_same_alerts_is_told_twice() -> None:
    twice = replace(run(*burst(5)), messages=(group(5), group(5, 1400.0, message="2")))
    assert count(Wrong.TWICE, twice, DISCORD) == 1


def test_what_was_told_alone_must_be_ended_alone() -> None:
    chat = tuple(replace(message, channel="chat", alert_id=None) for message in SOUND.messages)
    assert judged(replace(SOUND, messages=chat), DISCORD).sound
    assert count(Wrong.MISSED, replace(SOUND, messages=chat[:1]), DISCORD) == 1


def test_what_was_ended_alone_may_come_again_in_a_group() -> None:
    chat = tuple(replace(message, channel="chat", alert_id=None) for message in SOUND.messages)
    again = opened(2112.0, "execute_overdue", "0x01")
    twice = run(*TURNS, again, ended(again, 2712.0, "executed"))
    counted = group(1, 2116.0, still=1)
    assert judged(replace(twice, messages=(*chat, counted)), DISCORD).sound
    assert count(Wrong.MISSED, replace(twice, messages=(chat[0], counted)), DISCORD) >= 1
    alone_again = replace(chat[0], at=2116.0, key="9")
    assert count(Wrong.MISSED, replace(twice, messages=(*chat, alone_again)), DISCORD) == 1


def alone(count: int, apart: float) -> tuple[Message, ...]:
    return tuple(
        replace(
            SOUND.messages[0],
            channel="chat",
            alert_id=None,
            subject=f"0x{number:064x}",
            at=1316.0 + apart * number,
            message_id=str(number + 1),
        )
        for number in range(count)
    )


def test_a_burst_that_is_told_one_by_one_is_a_storm() -> None:
    truth = replace(DISCORD, transfers=tuple(transfer(number, sent=stands(1000)) for number in range(5)))
    alerts = tuple(opened(1312.0, "execute_overdue", each.transfer_id) for each in truth.transfers)
    assert count(Wrong.FALSE, replace(run(*alerts), messages=alone(5, 1.0)), truth) == 2
    assert count(Wrong.FALSE, replace(run(*alerts), messages=alone(3, 1.0)), truth) == 0
    assert count(Wrong.FALSE, replace(run(*alerts), messages=alone(5, 30.0)), truth) == 0


def test_what_was_tried_apart_while_a_channel_failed_is_no_storm() -> None:
    truth = replace(DISCORD, transfers=tuple(transfer(number, sent=stands(1000)) for number in range(5)))
    chat = replace(DISCORD.channels[0], troubled=(Interval(500.0, 1310.0),))
    failing, at_once = replace(truth, channels=(chat,)), [1200.0] * 5
    newest_first = [1200.0] * 2 + [900.0] * 3
    for opened_at, storms in (([900.0, 1000.0, 1100.0, 1200.0, 1300.0], 0), (newest_first, 0), (at_once, 2)):
        alerts = [
            opened(at, "execute_overdue", each.transfer_id) for at, each in zip(opened_at, truth.transfers, strict=True)
        ]
        assert count(Wrong.FALSE, replace(run(*alerts), messages=alone(5, 1.0)), failing) == storms


def test_who_is_asked_to_stop_notes_first_what_was_taken() -> None:
    opening, end = SOUND.messages
    both = lives((0.0, 1315.0), (1317.0, 4000.0), ending=Ending.STOPPED)
    stopped = replace(SOUND, lives=both, messages=(opening, replace(opening, at=1330.0), end))
    assert count(Wrong.TWICE, stopped) == 1


def test_of_many_at_once_each_waits_for_those_before_it() -> None:
    many = [opened(1312.0, "execute_overdue", f"0x{number:02}") for number in range(40)]
    at_once = delivered(run(*many))
    one_by_one = tuple(
        replace(message, at=1312.4 + 0.4 * number, key=str(number)) for number, message in enumerate(at_once.messages)
    )
    assert judged(replace(at_once, messages=one_by_one)).sound
    assert count(Wrong.LATE, replace(at_once, messages=(*one_by_one[:-1], replace(one_by_one[-1], at=1345.0)))) == 1
