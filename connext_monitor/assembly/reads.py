"""What the web reads, from the store that is open."""

from functools import partial

from connext_monitor.reporting.web.read_store import Reads
from connext_monitor.store.condition import Condition
from connext_monitor.store.store import Store


def reads_of(store: Store) -> Reads:
    """All that the web reads."""
    return Reads(store, partial(trouble_words, store.database.condition))


def trouble_words(condition: Condition) -> str | None:
    """Why the database cannot be used, if it cannot."""
    trouble = condition.trouble
    return trouble.words if trouble is not None else None
