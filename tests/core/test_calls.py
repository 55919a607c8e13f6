"""The two views: what is asked, and how answers of any kind read."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import example, given
from hypothesis import strategies as st

from connext_monitor.core.calls import (
    NONCE_CALL,
    MalformedAnswer,
    TransferStatus,
    read_transfer_status,
    read_uint,
    transfer_status_call,
)
from connext_monitor.core.events import TransferId
from tests.core.eth_abi_oracle import eth_abi_reads, numbered_words
from tests.world.strategies import amounts, transfer_ids

answers = st.one_of(numbered_words, st.binary(max_size=70))


@given(transfer_ids)
def test_transfer_status_is_asked_by_selector_and_id(transfer_id: TransferId) -> None:
    assert transfer_status_call(transfer_id) == keccak(text="transferStatus(bytes32)")[:4] + transfer_id


def test_nonce_is_asked_by_its_selector() -> None:
    assert keccak(text="nonce()")[:4] == NONCE_CALL


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (0, TransferStatus.NONE),
        (1, TransferStatus.RECONCILED),
        (2, TransferStatus.EXECUTED),
        (3, TransferStatus.COMPLETED),
    ],
)
def test_a_status_reads_as_the_contracts_number_it(number: int, status: TransferStatus) -> None:
    assert read_transfer_status(number.to_bytes(32, "big")) is status


@given(st.integers(4, 2**256 - 1))
@example(4)
@example(2**8)
@example(2**255 + 3)
def test_any_other_status_is_refused(number: int) -> None:
    with pytest.raises(MalformedAnswer):
        read_transfer_status(number.to_bytes(32, "big"))


@given(amounts)
def test_a_number_reads_as_it_was_answered(number: int) -> None:
    assert read_uint(encode(["uint256"], [number])) == number


@given(answers)
def test_any_answer_is_a_number_where_eth_abi_reads_one(answer: bytes) -> None:
    expected = eth_abi_reads(["uint256"], answer)
    try:
        read: tuple[int] | None = (read_uint(answer),)
    except MalformedAnswer:
        read = None

    assert read == expected


def test_an_empty_answer_is_refused_with_its_cause() -> None:
    with pytest.raises(MalformedAnswer, match="no contract that knows this call stands at the address"):
        read_uint(b"")


def test_a_short_answer_is_refused_by_what_is_missing() -> None:
    with pytest.raises(MalformedAnswer, match="the answer's status is missing: the data ends before it does"):
        read_transfer_status(bytes(31))
