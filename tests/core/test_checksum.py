"""Our EIP-55 against that of eth-utils."""

import pytest
from eth_utils.address import is_checksum_formatted_address
from eth_utils.address import to_checksum_address as theirs
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.checksum import claims_checksum, to_checksum_address

ADDRESSES = st.binary(min_size=20, max_size=20)


@given(ADDRESSES)
def test_the_checksum_is_that_of_eth_utils(address: bytes) -> None:
    expected = theirs(address)
    assert to_checksum_address(address) == expected
    assert to_checksum_address(f"0x{address.hex()}") == expected
    assert to_checksum_address(expected) == expected


@given(ADDRESSES, st.sampled_from([str.lower, str.upper, str.swapcase, str.title]))
def test_a_text_claims_a_checksum_where_eth_utils_says_so(address: bytes, change: object) -> None:
    assert callable(change)
    written = "0x" + change(theirs(address)[2:])
    assert claims_checksum(written) == is_checksum_formatted_address(written)


@pytest.mark.parametrize("address", [b"", bytes(19), bytes(21), "0x", "00" * 20, "0x" + "0g" * 20, "0x" + "00" * 21])
def test_what_is_no_address_gets_no_checksum(address: bytes | str) -> None:
    assert not claims_checksum(str(address))
    with pytest.raises(ValueError, match="20 bytes"):
        to_checksum_address(address)
