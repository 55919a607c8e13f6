"""Addresses of contracts and accounts, as somebody copies them into a config."""

import re
from functools import partial
from typing import Annotated

from pydantic import PlainValidator

from connext_monitor.config.problems import bad_value, text_of
from connext_monitor.core.checksum import claims_checksum, to_checksum_address
from connext_monitor.core.events import Address

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")


def _read_address(value: object, *, zero: str, meant: str) -> Address:
    """Read 0x and 40 hex digits; ``zero`` says what the zero address is not, ``meant`` what is to be written."""
    if isinstance(value, bytes) and len(value) == 20:
        return Address(value)
    text = text_of(value)
    if not _ADDRESS.fullmatch(text):
        raise bad_value("is not an address", "write 0x and 40 hex digits")
    if claims_checksum(text) and to_checksum_address(text) != text:
        raise bad_value(
            "fails its checksum (EIP-55): a digit or the case of a letter is wrong",
            "copy it again from its published source",
        )
    address = Address(bytes.fromhex(text[2:]))
    if not any(address):
        raise bad_value(f"is the zero address, {zero}", f"write the address of {meant}")
    return address


ContractAddress = Annotated[
    Address,
    PlainValidator(partial(_read_address, zero="which holds no contract", meant="the Connext diamond")),
]
RouterAddress = Annotated[
    Address,
    PlainValidator(partial(_read_address, zero="which is not a router", meant="the router, as its fills name it")),
]


def _read_asset(value: object) -> Address:
    if isinstance(value, str) and not _ADDRESS.fullmatch(value):
        raise bad_value(
            "is not the address of a token",
            "write 0x and 40 hex digits; no symbol, since anybody may give a token the same one",
        )
    return _read_address(value, zero="which is not a token", meant="the chain's local asset")


AssetAddress = Annotated[Address, PlainValidator(_read_asset)]
