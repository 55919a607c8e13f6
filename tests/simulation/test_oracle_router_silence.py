"""Hand-made runs: routers that fill nothing, and what is said of that."""

from collections.abc import Iterable
from dataclasses import replace

from tests.simulation.findings import Verdict, Wrong
from tests.simulation.handmade import ended, opened, run, stands, transfer, world
from tests.simulation.rules.router_silence import router_silence
from tests.simulation.rules.weather import Case
from tests.simulation.trace import AlertChange, Interval
from tests.simulation.truth import RouterTruth, TransferTruth, Truth

OURS, OTHER = 0, 9
HAS = 1000
SILENT = opened(1500.0, "router_silent", "ours")
TIMES = range(10, 3900, 200)


def fills(times: Iterable[float], router: int | None, amount: int = HAS) -> list[TransferTruth]:
    """Transfers that are executed twenty seconds after they are sent."""
    return [
        replace(
            transfer(int(at) * 10 + (router or 0), sent=stands(at), executed=stands(at + 20)),
            router=router,
            delivered=amount,
        )
        for at in times
    ]


def truth(*transfers: TransferTruth, has: int = HAS) -> Truth:
    """A world with a router that is told of when it was silent for 900 s while others filled three."""
    plain = world(*transfers)
    after = {block.hash: has for chain in plain.chains for block in chain.blocks}
    return replace(
        plain, routers=(RouterTruth(name="ours", number=OURS, silent_after=900.0, silent_transfers=3, has=after),)
    )


def wrong(truth: Truth, *changes: AlertChange) -> dict[Wrong, int]:
    verdict = Verdict.of(router_silence(Case(truth, run(*changes))))
    return {which: count for which, count in verdict.counts.items() if count}


def test_a_router_that_fills_nothing_must_be_told_of() -> None:
    silent = truth(*fills(TIMES, OTHER))
    assert wrong(silent, SILENT) == {}
    assert wrong(silent) == {Wrong.MISSED: 1}
    assert wrong(silent, replace(SILENT, at=2500.0)) == {Wrong.LATE: 1}
    assert wrong(truth(*fills(TIMES, None)), SILENT) == {}
    assert wrong(truth(*fills(TIMES, OURS))) == {}


def test_who_has_filled_something_lately_is_not_silent() -> None:
    for last, verdict in ((500.0, {}), (800.0, {Wrong.FALSE: 1})):
        filling = truth(*fills(TIMES, OTHER), *fills((last,), OURS))
        assert wrong(filling, SILENT) == verdict
    assert wrong(truth(*fills(TIMES, OTHER), *fills((800.0,), OURS)), replace(SILENT, at=1900.0)) == {}


def test_nothing_is_said_before_it_was_watched_for_so_long() -> None:
    silent = truth(*fills(TIMES, OTHER))
    assert wrong(silent, replace(SILENT, at=880.0)) == {Wrong.FALSE: 1}
    assert wrong(silent, replace(SILENT, at=930.0)) == {}


def test_what_it_has_too_little_for_is_not_held_against_it() -> None:
    assert wrong(truth(*fills(TIMES, OTHER), has=HAS - 1)) == {}
    assert wrong(truth(*fills(TIMES, OTHER), has=HAS - 1), SILENT) == {Wrong.FALSE: 1}
    assert wrong(truth(*fills(TIMES, OTHER, amount=0)), SILENT) == {Wrong.FALSE: 1}


def test_too_few_filled_by_others_are_no_silence() -> None:
    few = truth(*fills((700.0, 1000.0), OTHER))
    assert wrong(few) == {}
    assert wrong(few, SILENT) == {Wrong.FALSE: 1}
    assert wrong(truth(*fills((300.0, 700.0, 1000.0), OTHER)), SILENT) == {Wrong.FALSE: 1}


def test_an_alert_ends_when_it_fills_again_and_only_then() -> None:
    again = truth(*fills(TIMES, OTHER), *fills((2000.0, 2800.0, 3600.0), OURS))
    assert wrong(again, SILENT, ended(SILENT, 2100.0, "filling")) == {}
    assert wrong(again, SILENT) == {Wrong.FALSE: 1}
    assert wrong(again, SILENT, ended(SILENT, 1900.0, "filling")) == {Wrong.FALSE: 1}


def test_a_reorg_that_takes_a_fill_back_takes_its_word_back() -> None:
    (gone,) = fills((1000.0,), OURS)
    gone = replace(gone, executed=(replace(gone.executed[0], during=Interval(gone.executed[0].during.begin, 1060.0)),))
    assert wrong(truth(*fills(TIMES, OTHER), gone), replace(SILENT, at=1600.0)) == {}
    assert wrong(truth(*fills(TIMES, OTHER), gone)) == {Wrong.MISSED: 1}


def test_nobody_is_called_silent_whom_nobody_asked_about() -> None:
    assert wrong(replace(truth(*fills(TIMES, OTHER)), routers=()), SILENT) == {Wrong.FALSE: 1}
