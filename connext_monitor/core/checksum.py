"""Addresses as people read them: in hex, the case of its letters a checksum (EIP-55)."""

import re
from functools import lru_cache

from connext_monitor.core.keccak import keccak

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")


@lru_cache(1024)
def to_checksum_address(address: bytes | str) -> str:
    """The 20 bytes, or their hex behind ``0x``, with the checksum. Raises ValueError for anything else."""
    written = f"0x{address.hex()}" if isinstance(address, bytes) else address
    if not _ADDRESS.fullmatch(written):
        raise ValueError("an address is 20 bytes")
    digits = written[2:].lower()
    # A letter is upper case where the digit in its place of the hash, of the lower-case text, is 8 or more.
    hashed = keccak(digits.encode("ascii")).hex()
    return "0x" + "".join([d.upper() if h >= "8" else d for d, h in zip(digits, hashed, strict=False)])


def claims_checksum(text: str) -> bool:
    """Whether this is an address whose letters are of both cases, and so claim to be a checksum."""
    digits = text[2:]
    return _ADDRESS.fullmatch(text) is not None and digits not in {digits.lower(), digits.upper()}
