"""Which transfers a caller wants to see, as the API's and the page's queries say it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connext_monitor.core.events import Address
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.selection import Cursor, TransferFilter
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.reporting.web import parameters
from connext_monitor.reporting.web.cursors import read_transfer_cursor
from connext_monitor.reporting.web.lists import transfers_page, transfers_with
from connext_monitor.reporting.web.read_store import ReadStore

FILTERS = ("status", "origin", "destination", "address")


@dataclass(frozen=True, slots=True)
class TransferQuery:
    """A filter, and the part of its list that is which."""

    which: TransferFilter
    address: Address | None
    limit: int
    after: Cursor | None


def read_transfer_query(query: Mapping[str, str], labels: ChainLabels) -> TransferQuery:
    """The query's parameters, checked. Raises BadValueError, which names the parameter."""
    return TransferQuery(
        TransferFilter(
            statuses=parameters.value(query, "status", parameters.read_statuses),
            origin=parameters.value(query, "origin", lambda text: parameters.read_chain(text, labels)),
            destination=parameters.value(query, "destination", lambda text: parameters.read_chain(text, labels)),
        ),
        parameters.value(query, "address", parameters.read_address),
        parameters.value(query, "limit", parameters.read_limit) or parameters.DEFAULT_LIMIT,
        parameters.value(query, "cursor", lambda text: parameters.valid_cursor(read_transfer_cursor(text))),
    )


async def find(store: ReadStore, query: TransferQuery) -> tuple[Sequence[TransferView], Cursor | None]:
    """The transfers, newest first, and where their list goes on, None at its end."""
    if query.address is None:
        return await transfers_page(store, query.which, limit=query.limit, after=query.after)
    return await transfers_with(store, query.address, query.which, limit=query.limit, after=query.after)
