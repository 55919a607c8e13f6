"""Part of a chain's past could not be read."""

from connext_monitor.core.alerts.alert import About, AlertView, Body, BurstWords, Ending, Headline, KindOf
from connext_monitor.core.alerts.chain_reading import ChainReading
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.message import Field
from connext_monitor.core.alerts.removed import REMOVED_CHAIN
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.history import unread


class StartedBlindDetails(Details, frozen=True, kw_only=True, omit_defaults=True):
    """The blocks that no endpoint has any more, both included."""

    first: int
    last: int


def _opened(view: AlertView[StartedBlindDetails]) -> Body:
    first, last = view.details.first, view.details.last
    text = (
        f"None of its endpoints still has blocks {first} to {last}, and monitoring continues after them. "
        "Transfers that began in them are not known here; legs that arrived in them are found when they are due. "
        f'With an endpoint that has the whole history, "connext-monitor backfill --chain {view.subject} '
        f'--from {first} --to {last}" reads them.'
    )
    return Body(f"Started without part of the past: {view.subject}", text, _fields(view))


def _caught_up(view: AlertView[StartedBlindDetails]) -> Body:
    text = "A backfill has read every block of it."
    return Body(f"The past that was missing has been read: {view.subject}", text, _fields(view))


def _fields(view: AlertView[StartedBlindDetails]) -> tuple[Field, ...]:
    first, last = view.details.first, view.details.last
    return Field("Chain", view.subject), Field("Blocks", f"{first} to {last} ({last - first + 1:,})")


def _reading_ends(details: StartedBlindDetails, reading: ChainReading) -> Resolution | None:
    """Backfills have read every block of it."""
    blocks = BlockRange(BlockNumber(details.first), BlockNumber(details.last))
    return None if unread(blocks, reading.history) else Resolution.CAUGHT_UP


MONITOR_STARTED_BLIND = KindOf(
    name="monitor_started_blind",
    severity=Severity.INFO,
    about=About.CHAIN,
    details=StartedBlindDetails,
    opened=_opened,
    endings={
        Resolution.CAUGHT_UP: Ending("read after all", _caught_up),
        Resolution.REMOVED: REMOVED_CHAIN,
    },
    burst=BurstWords(
        singular="chain",
        plural="chains",
        wrong="watched without part of the past",
        right="read after all",
        meaning="What happened in the blocks that no endpoint has any more is not known.",
    ),
    headline=Headline("part of the past could not be read", "part of the past could not be read"),
    reading_ends=_reading_ends,
)
