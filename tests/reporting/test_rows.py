"""What a list says in few words."""

import pytest

from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.stats import Owed
from connext_monitor.core.token import Token
from connext_monitor.core.transfer import fold
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.reporting.web.numbers import owed_words
from connext_monitor.reporting.web.rows import transfer_row
from tests.world.two_chains import ASSET, LABELS, ORIGIN, START, Sample

NAMED = ChainLabels(LABELS.by_domain, {(ORIGIN, ASSET): Token("USDC", 6)})


@pytest.mark.parametrize(
    ("amount", "labels", "words"),
    [
        (5 * 10**18, LABELS, "5 of 0xCcCCcc…"),
        (1_500_000, NAMED, "1.5 USDC"),
        (0, NAMED, "0"),
    ],
)
def test_an_amount_says_of_what(amount: int, labels: ChainLabels, words: str) -> None:
    transfer = fold([Sample(1, amount=amount).xcalled()])
    assert transfer is not None
    assert transfer_row(TransferView(transfer, None), labels, START).amount == words


@pytest.mark.parametrize(
    ("labels", "words"), [(LABELS, "1500000 base units of 0xCcCCcc… on here"), (NAMED, "1.5 USDC on here")]
)
def test_what_is_owed_says_of_what(labels: ChainLabels, words: str) -> None:
    assert owed_words(Owed(ORIGIN, ASSET, 1_500_000, 1), labels) == words
