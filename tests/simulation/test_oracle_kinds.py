"""Hand-made runs: false deliveries, deep reorgs, lost history, databases and channels that fail."""

from dataclasses import replace
from itertools import pairwise
from math import inf

from tests.simulation.findings import Verdict, Wrong
from tests.simulation.handmade import (
    BETA,
    EPOCH,
    SECONDS,
    block_hash,
    delivered,
    ended,
    lives,
    opened,
    run,
    stands,
    transfer,
    world,
)
from tests.simulation.rules.kinds import backups, deep_reorgs, lost_history, mismatches, phantoms
from tests.simulation.rules.outages import channels, database
from tests.simulation.rules.weather import Case
from tests.simulation.trace import Interval, State, Trace
from tests.simulation.truth import Block, ChannelTruth, Truth

RULES = (mismatches, phantoms, deep_reorgs, lost_history, backups, channels, database)
FORGED = transfer(sent=stands(1000), forged=stands(1100))
MISMATCH = opened(1115.0, "delivery_mismatch", FORGED.transfer_id)
PHANTOM = transfer(7, executed=stands(1000))
ACCUSED = opened(1080.0, "phantom_delivery", PHANTOM.transfer_id)
DEEP = opened(2005.0, "deep_reorg", "beta")
FULL = Interval(2000.0, 2400.0)
HOOK, CHAT = ChannelTruth(name="hook"), ChannelTruth(name="chat", troubled=(Interval(2000.0, 2400.0),))


def judged(truth: Truth, trace: Trace) -> Verdict:
    return Verdict.of(finding for rule in RULES for finding in rule(Case(truth, trace)))


def counted(wrong: Wrong, truth: Truth, trace: Trace) -> int:
    return judged(truth, trace).counts[wrong]


def test_a_forged_delivery_must_be_accused() -> None:
    assert judged(world(FORGED), run(MISMATCH)).sound
    assert counted(Wrong.MISSED, world(FORGED), run()) == 1


def test_an_honest_delivery_must_not_be_accused() -> None:
    honest = transfer(sent=stands(1000), executed=stands(1100))
    assert counted(Wrong.FALSE, world(honest), run(MISMATCH)) >= 1
    assert counted(Wrong.FALSE, world(honest), run(replace(MISMATCH, kind="phantom_delivery"))) >= 1


def test_a_forged_delivery_that_is_taken_back_is_accused_no_more() -> None:
    gone = transfer(sent=stands(1000), forged=stands(1100, until=1500))
    assert judged(world(gone), run(MISMATCH, ended(MISMATCH, 1520.0, "reorged"))).sound
    assert counted(Wrong.FALSE, world(gone), run(MISMATCH)) == 1


def test_a_forged_delivery_nobody_pushed_is_read_with_the_next_cover() -> None:
    mute, late = (Interval(1090.0, 1200.0),), replace(MISMATCH, at=1700.0)
    truth = replace(world(FORGED), unobserved_after=1200.0)
    alpha, beta = truth.chains
    for unheard, wrong in (((), 1), (mute, 0)):
        silent = replace(truth, chains=(alpha, replace(beta, troubled=mute, unheard=unheard)))
        assert counted(Wrong.LATE, silent, run(late)) == wrong


def test_a_forged_delivery_from_before_the_watch_is_nobodys() -> None:
    watched = run()
    late_start = replace(watched, chains=(watched.chains[0], replace(watched.chains[1], start=111)))
    assert judged(world(FORGED), late_start).sound
    assert counted(Wrong.MISSED, world(FORGED), replace(late_start, chains=watched.chains)) == 1


def test_a_forged_delivery_stands_accused_where_the_watch_began_anew_after_it() -> None:
    watched = run(MISMATCH)
    anew = replace(watched, chains=(watched.chains[0], replace(watched.chains[1], start=111)))
    assert judged(world(FORGED), anew).sound


def test_a_phantom_must_be_accused() -> None:
    assert judged(world(PHANTOM), run(ACCUSED)).sound
    assert counted(Wrong.MISSED, world(PHANTOM), run()) == 1


def test_who_took_the_work_over_waits_for_finality_anew() -> None:
    # By the former owner it had to be accused by 1750.
    taken_over = replace(run(), lives=lives((0.0, 1500.0), (1500.0, SECONDS)))
    (missed,) = judged(world(PHANTOM), taken_over).findings
    assert missed.at > 2200.0


def test_however_often_restarted_what_is_long_final_must_be_accused() -> None:
    restarts = [float(at) for at in range(0, 8000, 900)]
    often = replace(run(seconds=8000.0), lives=lives(*pairwise([*restarts, 8000.0])))
    slow = world(PHANTOM, seconds=8000.0)
    origin = slow.chains[0]
    late = replace(origin, final=tuple((at + 2000.0, number) for at, number in origin.final))
    truth = replace(slow, chains=(late, slow.chains[1]))
    assert [finding.wrong for finding in judged(truth, often).findings] == [Wrong.MISSED]


def test_a_delivery_from_before_the_watch_is_nobodys_phantom() -> None:
    watched = run()
    late_start = replace(watched, chains=(replace(watched.chains[0], first_nonce=8), watched.chains[1]))
    assert judged(world(PHANTOM), late_start).sound


def reorganised(depth: int) -> Truth:
    """At 2000 the newest blocks of beta are replaced; five behind the head are final."""
    truth = world()
    alpha, beta = truth.chains
    blocks = []
    for block in beta.blocks:
        gone = block.since <= 2000 and block.number > 200 - depth
        blocks.append(replace(block, until=2000.5) if gone else block)
        if gone:
            n = block.number
            blocks.append(Block(n, block_hash(n, "b"), int(EPOCH + 10 * n), 2000.5, inf))
    return replace(truth, chains=(alpha, replace(beta, blocks=tuple(blocks))))


def test_a_deep_reorg_must_be_told_of() -> None:
    assert BETA in reorganised(70).by_domain
    assert judged(reorganised(70), run(DEEP, ended(DEEP, 2030.0, "covered_again"))).sound
    assert counted(Wrong.MISSED, reorganised(70), run()) == 1
    assert counted(Wrong.FALSE, reorganised(70), run(DEEP)) == 1


def test_what_had_only_just_become_final_may_be_told_of() -> None:
    assert judged(reorganised(8), run(DEEP, ended(DEEP, 2030.0, "covered_again"))).sound
    assert judged(reorganised(8), run()).sound


def test_a_shallow_reorg_is_no_deep_one() -> None:
    assert judged(reorganised(5), run()).sound
    assert counted(Wrong.FALSE, reorganised(5), run(DEEP, ended(DEEP, 2030.0, "covered_again"))) == 1


def test_a_reorg_of_what_an_endpoint_called_final_is_a_deep_one() -> None:
    alpha, beta = reorganised(5).chains
    trace = run(DEEP, ended(DEEP, 2030.0, "covered_again"))
    named = replace(reorganised(5), chains=(alpha, replace(beta, all_final=(Interval(1900.0, 1990.0),))))
    assert judged(named, trace).sound
    earlier = replace(reorganised(5), chains=(alpha, replace(beta, all_final=(Interval(1000.0, 1900.0),))))
    assert counted(Wrong.FALSE, earlier, trace) == 1


def test_history_that_an_endpoint_has_is_not_lost() -> None:
    blind = opened(2005.0, "monitor_started_blind", "beta")
    assert counted(Wrong.FALSE, world(), run(blind)) == 1
    alpha, beta = world().chains
    pruned = replace(world(), chains=(alpha, replace(beta, pruned=(Interval(1900.0, 2100.0),))))
    assert judged(pruned, run(blind)).sound


def test_a_full_disk_must_be_told_of() -> None:
    failing = opened(2012.0, "database_failing", "database")
    full = replace(run(), disk_failing=(FULL,))
    heard = replace(full, messages=delivered(run(failing, ended(failing, 2410.0, "recovered"))).messages)
    assert judged(world(), heard).sound
    assert counted(Wrong.FALSE, world(), replace(heard, messages=heard.messages[:1])) == 1
    assert counted(Wrong.MISSED, world(), full) == 1
    once_unwell = replace(world(), channels=(replace(HOOK, troubled=(Interval(1385.0, 1390.0),)),))
    assert judged(once_unwell, heard).sound
    assert counted(Wrong.FALSE, world(), replace(heard, disk_failing=())) >= 1


def test_a_standstill_may_hide_that_the_disk_has_room_again() -> None:
    failing = opened(2612.0, "database_failing", "database")
    heard = replace(run(), messages=delivered(run(failing, ended(failing, 2615.0, "recovered"))).messages)
    full = replace(heard, disk_failing=(Interval(2000.0, 2200.0),))
    assert counted(Wrong.FALSE, world(), full) == 1
    assert judged(world(), replace(full, suspended=(Interval(2100.0, 2600.0),))).sound


def test_a_channel_that_fails_must_be_told_of() -> None:
    truth = replace(world(), channels=(HOOK, CHAT))
    alert, failing = opened(2010.0, "execute_overdue", "0x01"), opened(2075.0, "provider_failing", "chat")
    assert judged(truth, run(alert, failing)).sound
    assert counted(Wrong.MISSED, truth, run(alert)) == 1
    assert counted(Wrong.FALSE, world(), run(alert, failing)) == 1


def test_an_edit_that_comes_too_soon_is_no_failure() -> None:
    limited = replace(CHAT, limited=CHAT.troubled, edits=True)
    alert = opened(1900.0, "execute_overdue", "0x01")
    edited = run(alert, ended(alert, 2010.0, "executed"))
    assert judged(replace(world(), channels=(HOOK, limited)), edited).sound
    assert counted(Wrong.MISSED, replace(world(), channels=(HOOK, replace(limited, edits=False))), edited) == 1
    assert counted(Wrong.MISSED, replace(world(), channels=(HOOK, replace(limited, limited=()))), edited) == 1


def test_what_joins_an_open_group_is_an_edit_of_its_message() -> None:
    limited = replace(CHAT, limited=CHAT.troubled, edits=True, digests=True)
    truth = replace(world(PHANTOM), channels=(HOOK, limited))
    joins = run(opened(2010.0, "execute_overdue", PHANTOM.transfer_id))
    (opening,) = delivered(joins).messages
    group = replace(opening, at=1000.0, channel="chat", alert_id=None, subject=None, pathway=("alpha", "beta"))
    over, elsewhere = replace(group, state=State.RESOLVED), replace(group, pathway=("beta", "alpha"))
    for message, wrong in ((group, []), (over, [Wrong.MISSED]), (elsewhere, [Wrong.MISSED])):
        case = Case(truth, replace(joins, messages=(message,)))
        assert [finding.wrong for finding in channels(case)] == wrong


def test_an_end_among_many_is_no_news_where_messages_stay() -> None:
    truth = replace(world(), channels=(HOOK, replace(CHAT, digests=True)))
    alert = opened(1900.0, "execute_overdue", "0x01")
    ended_then = run(alert, ended(alert, 2010.0, "executed"))
    (opening,) = delivered(run(alert)).messages
    alone = replace(opening, channel="chat", alert_id=None)
    assert judged(truth, replace(ended_then, messages=(replace(alone, subject=None, members=4),))).sound
    assert counted(Wrong.MISSED, truth, replace(ended_then, messages=(alone,))) == 1


def test_what_a_cause_counts_is_no_news_where_messages_stay() -> None:
    truth = replace(world(PHANTOM), channels=(HOOK, replace(CHAT, digests=True)))
    paused, late = opened(1000.0, "bridge_paused", "beta"), opened(2010.0, "execute_overdue", PHANTOM.transfer_id)
    assert list(channels(Case(truth, run(paused, late)))) == []
    assert [finding.wrong for finding in channels(Case(truth, run(late)))] == [Wrong.MISSED]


def test_what_a_cause_counts_is_an_edit_of_its_message() -> None:
    limited = replace(CHAT, limited=CHAT.troubled, edits=True, digests=True)
    truth = replace(world(PHANTOM), channels=(HOOK, limited))
    paused, late = opened(1000.0, "bridge_paused", "beta"), opened(2010.0, "execute_overdue", PHANTOM.transfer_id)
    assert list(channels(Case(truth, run(paused, late)))) == []
    assert [finding.wrong for finding in channels(Case(truth, run(late)))] == [Wrong.MISSED]


def test_a_channel_that_has_failed_for_a_moment_is_not_told_of() -> None:
    truth = replace(world(), channels=(HOOK, replace(CHAT, troubled=(Interval(2000.0, 2030.0),))))
    alert, soon = opened(2010.0, "execute_overdue", "0x01"), opened(2012.0, "provider_failing", "chat")
    later = replace(soon, at=2075.0)
    assert counted(Wrong.FALSE, truth, run(alert, soon)) == 1
    assert counted(Wrong.FALSE, truth, run(alert, later)) == 0


def test_a_channel_that_takes_messages_again_has_recovered() -> None:
    truth = replace(world(), channels=(HOOK, replace(CHAT, troubled=(Interval(2000.0, 2100.0),))))
    alert, failing = opened(2010.0, "execute_overdue", "0x01"), opened(2075.0, "provider_failing", "chat")
    again = delivered(run(alert), after=120.0).messages[0]
    taken = (replace(again, channel="chat", alert_id=None),)
    assert judged(truth, replace(run(alert, failing, ended(failing, 2135.0, "recovered")), messages=taken)).sound
    assert counted(Wrong.FALSE, truth, replace(run(alert, failing), messages=taken)) == 1


def test_lost_history_must_be_told_of() -> None:
    alpha, beta = world().chains
    during = Interval(900.0, 3000.0)
    pruned = replace(beta, troubled=(during,), pruned=(during,), remembered=((during, 20.0),))
    truth = replace(world(), chains=(alpha, pruned))
    away = replace(run(), lives=lives((0.0, 1000.0), (1500.0, 4000.0)))
    assert counted(Wrong.MISSED, truth, away) == 1
    assert judged(truth, replace(away, alerts=(opened(1560.0, "monitor_started_blind", "beta"),))).sound
    short = replace(away, lives=lives((0.0, 1400.0), (1500.0, 4000.0)))
    assert judged(truth, short).sound


def test_nothing_is_said_of_backups_where_there_are_none() -> None:
    assert counted(Wrong.FALSE, world(), run(opened(5.0, "backup_failed", "copy"))) == 1
