"""What the page's tables are made of."""

from connext_monitor.core.amount import Amount
from connext_monitor.core.labels import ChainLabels, KnownTokens
from connext_monitor.core.token import Token
from connext_monitor.core.transfer import EventRecord, fold
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.reporting.web.rows import TransferRow, transfer_row
from tests.world.two_chains import ASSET, LABELS, ORIGIN, START, Sample


def row_of(record: EventRecord, labels: ChainLabels = LABELS) -> TransferRow:
    transfer = fold([record])
    assert transfer is not None
    return transfer_row(TransferView(transfer, None), labels, START)


def test_an_amount_is_a_value_and_not_its_words() -> None:
    # A symbol that reads like our own words.
    labels = ChainLabels(LABELS.by_domain, KnownTokens({(ORIGIN, ASSET): Token("US (D of token E", 6)}))
    row = row_of(Sample(1, amount=1_500_000).xcalled(), labels)
    assert row.amount == Amount("1.5", "US (D of token E", ASSET, 1_500_000)


def test_no_funds_and_funds_unseen_are_told_apart() -> None:
    nothing, unseen = row_of(Sample(1, amount=0).xcalled()), row_of(Sample(1).reconciled())
    assert (nothing.amount, nothing.seen) == (None, True)
    assert (unseen.amount, unseen.seen) == (None, False)
