"""The details of a transfer, as the page and the command line show them."""

from connext_monitor.core.alerts.transfer_facts import detail_rows
from connext_monitor.core.transfer import Transfer, fold
from tests.world.alerts import ARRIVED, LABELS
from tests.world.two_chains import Sample


def names(transfer: Transfer) -> list[str]:
    return [name for name, _ in detail_rows(transfer, LABELS)]


def test_a_transfer_is_described_by_whatever_is_known_of_it() -> None:
    known = ["From", "To", "Amount", "Sender", "Recipient", "Nonce"]
    assert names(ARRIVED) == [*known, *["Router"] * len(ARRIVED.routers)]


def test_before_its_params_are_known_a_transfer_has_its_chains_only() -> None:
    transfer = fold([Sample(1).reconciled()])
    assert transfer is not None
    assert set(names(transfer)) <= {"From", "To", "Router"}
