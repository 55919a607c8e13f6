"""One monitor at a time works on the database and sends its alerts (promise 12), whichever instance it is."""

from collections.abc import Iterator
from itertools import pairwise

from tests.simulation.findings import Finding, Wrong
from tests.simulation.rules.weather import Case
from tests.simulation.trace import AlertChange, Ending, Life, Message

_RULE = "one owner at a time"


def owners(case: Case) -> Iterator[Finding]:
    """Who comes while another one works is refused, and neither tells nor records anything; who comes alone works."""
    if case.trace.sharing is not None:
        return
    working = tuple(case.trace.working)
    for before, life in pairwise(working):
        if life.during.begin < before.during.end:
            words = f"it began to work while instance {before.instance} did"
            yield Finding(life.during.begin, Wrong.TWICE, _RULE, _name(life.instance), words)
    for life in case.trace.lives:
        if life.ending is Ending.REFUSED and not _another_worked(working, life):
            words = "it was refused a database that nobody worked on"
            yield Finding(life.during.begin, Wrong.MISSED, _RULE, _name(life.instance), words)
    deeds: tuple[Message | AlertChange, ...] = (*case.trace.messages, *case.trace.alerts)
    for deed in deeds:
        if not any(_did(life, deed) for life in working):
            words = f"it {'told' if isinstance(deed, Message) else 'recorded'} {deed.kind} without owning the database"
            yield Finding(deed.at, Wrong.FALSE, _RULE, _name(deed.instance), words)


def _another_worked(working: tuple[Life, ...], refused: Life) -> bool:
    return any(life.instance != refused.instance and refused.during.begin in life.during for life in working)


def _did(life: Life, deed: Message | AlertChange) -> bool:
    return life.instance == deed.instance and life.during.begin <= deed.at <= life.during.end


def _name(instance: int) -> str:
    return f"instance {instance}"
