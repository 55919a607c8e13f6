"""Ethereum's hash: Keccak-256, as it was before SHA-3 was standardised with another padding.

pysha3's is used: pycryptodome's takes three times as long, and every log is hashed.
"""

from sha3 import keccak_256


def keccak(data: bytes) -> bytes:
    """The 32 bytes of the hash of ``data``."""
    digest: bytes = keccak_256(data).digest()
    return digest
