"""A token as it calls itself. Whoever made it chose the words: they prove nothing, and stand beside the address."""

from decimal import Context, Decimal
from typing import Final

from connext_monitor.core.abi import WORD, MalformedData, TupleLayout
from connext_monitor.core.calls import MalformedAnswer, read_uint
from connext_monitor.core.structs import struct

SYMBOL_CALL: Final = bytes.fromhex("95d89b41")
"""Calldata of ``symbol()``."""
DECIMALS_CALL: Final = bytes.fromhex("313ce567")
"""Calldata of ``decimals()``."""

_LONGEST_SYMBOL: Final = 20
_MOST_DECIMALS: Final = 36
_EXACT: Final = Context(prec=200)
# A string is laid out as bytes are.
_STRING: Final = TupleLayout("bytes text")


@struct(frozen=True, slots=True)
class Token:
    """What a token answers to ``symbol()`` and ``decimals()``; the symbol is short and printable."""

    symbol: str
    decimals: int

    def number(self, base_units: int) -> str:
        """So many base units as a plain decimal number of whole tokens."""
        return plain_number(Decimal(base_units).scaleb(-self.decimals, _EXACT))


def plain_number(number: Decimal) -> str:
    """``1.5``, never ``1.50`` or ``15E-1``."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_token(symbol: bytes, decimals: bytes) -> Token | None:
    """The token that gave these two answers; None where they are none, or none that could be shown."""
    words = _text(symbol)
    try:
        places = read_uint(decimals)
    except MalformedAnswer:
        return None
    if not 0 < len(words) <= _LONGEST_SYMBOL or not words.isprintable() or places > _MOST_DECIMALS:
        return None
    return Token(words, places)


def _text(answer: bytes) -> str:
    """The string, or the ``bytes32`` that some old tokens answer; empty where it is neither."""
    try:
        raw: bytes = answer.rstrip(b"\0") if len(answer) == WORD else _STRING.read(answer)[0]
        return raw.decode().strip()
    except (MalformedData, UnicodeDecodeError):
        return ""
