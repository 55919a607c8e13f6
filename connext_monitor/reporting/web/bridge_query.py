"""Which of the bridge's events a caller wants to see, as the API's and the page's queries say it."""

from collections.abc import Mapping
from dataclasses import dataclass

from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.selection import BridgeEventFilter, Cursor
from connext_monitor.reporting.web import parameters
from connext_monitor.reporting.web.cursors import read_bridge_event_cursor

BRIDGE_FILTERS = ("chain", "kind", "since")


@dataclass(frozen=True, slots=True)
class BridgeQuery:
    """A filter, and the part of its list that is wanted."""

    which: BridgeEventFilter
    limit: int
    after: Cursor | None


def read_bridge_query(query: Mapping[str, str], labels: ChainLabels, now: float) -> BridgeQuery:
    """The query's parameters at ``now`` (Unix seconds), checked. Raises BadValueError, which names the parameter."""
    age = parameters.value(query, "since", parameters.read_duration)
    return BridgeQuery(
        BridgeEventFilter(
            domain=parameters.value(query, "chain", lambda text: parameters.read_chain(text, labels)),
            kind=parameters.value(query, "kind", parameters.read_bridge_event_kind),
            since=int(now - age.total_seconds()) if age is not None else None,
        ),
        parameters.value(query, "limit", parameters.read_limit) or parameters.DEFAULT_LIMIT,
        parameters.value(query, "cursor", lambda text: parameters.valid_cursor(read_bridge_event_cursor(text))),
    )
