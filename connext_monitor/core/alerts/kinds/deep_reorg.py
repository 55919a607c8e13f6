"""A block that counted as final was replaced."""

from connext_monitor.core.alerts.alert import About, AlertView, Body, BurstWords, Ending, Headline, KindOf
from connext_monitor.core.alerts.chain_reading import ChainReading
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.message import Field
from connext_monitor.core.alerts.removed import REMOVED_CHAIN
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity


class DeepReorgDetails(Details, frozen=True, kw_only=True, omit_defaults=True):
    """The ``block`` that was replaced, and the ``checkpoint`` after which the chain is read again."""

    block: int
    checkpoint: int


def _opened(view: AlertView[DeepReorgDetails]) -> Body:
    block, checkpoint = view.details.block, view.details.checkpoint
    text = (
        f"Block {block} counted as final, and a different block has taken its place. Everything after block "
        f"{checkpoint} is being read again. Transfers that were reported as settled may not be."
    )
    return Body(f"Reorg below finality: {view.subject}", text, _fields(view))


def _covered_again(view: AlertView[DeepReorgDetails]) -> Body:
    text = "Every block after the reorg has been read again; what the reorg removed no longer counts."
    return Body(f"Covered again after a deep reorg: {view.subject}", text, _fields(view))


def _fields(view: AlertView[DeepReorgDetails]) -> tuple[Field, ...]:
    return (
        Field("Chain", view.subject),
        Field("Replaced block", str(view.details.block)),
        Field("Read again after", str(view.details.checkpoint)),
    )


def _reading_ends(_details: DeepReorgDetails, reading: ChainReading) -> Resolution | None:
    """Every block after it has been read again."""
    return Resolution.COVERED_AGAIN if reading.whole else None


DEEP_REORG = KindOf(
    name="deep_reorg",
    severity=Severity.CRITICAL,
    about=About.CHAIN,
    details=DeepReorgDetails,
    opened=_opened,
    endings={
        Resolution.COVERED_AGAIN: Ending("covered again", _covered_again),
        Resolution.REMOVED: REMOVED_CHAIN,
    },
    burst=BurstWords(
        singular="chain",
        plural="chains",
        wrong="reorganised below finality",
        right="covered again after a deep reorg",
        meaning="Transfers that were reported as settled may not be.",
    ),
    headline=Headline("a reorg went below finality", "{} reorgs went below finality"),
    reading_ends=_reading_ends,
)
