"""What the web reads, from the store that is open."""

from functools import partial

from connext_monitor.reporting.web.read_store import Reads
from connext_monitor.store.address_search import AddressSearch
from connext_monitor.store.alert_log import AlertLog
from connext_monitor.store.condition import Condition
from connext_monitor.store.in_flight import InFlight
from connext_monitor.store.statistics import Statistics
from connext_monitor.store.store import Store


def reads_of(store: Store) -> Reads:
    """All that the web reads."""
    database = store.database
    trouble = partial(trouble_words, database.condition)
    return Reads(store, AlertLog(database), AddressSearch(database), InFlight(database), Statistics(database), trouble)


def trouble_words(condition: Condition) -> str | None:
    """Why the database cannot be used, if it cannot."""
    trouble = condition.trouble
    return trouble.words if trouble is not None else None
