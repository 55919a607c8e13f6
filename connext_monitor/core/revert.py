"""Why a call reverted, from what an endpoint gives of it: in words that are short and print, whoever wrote them."""

import re
from typing import Final

from connext_monitor.core.abi import MalformedData, TupleLayout
from connext_monitor.core.contract_errors import error_names
from connext_monitor.core.printable import escape, redact

MOST_WORDS: Final = 160
"""Characters of the words for one revert."""
_MOST_BYTES: Final = 4096
"""Of the data that is looked at: an honest reason has some hundred."""

_SELECTOR: Final = 4
_ERROR: Final = bytes.fromhex("08c379a0")
"""``Error(string)``: what `require` and `revert` with a text end with."""
_PANIC: Final = bytes.fromhex("4e487b71")
"""``Panic(uint256)``: what the compiler's own checks end with."""
_TEXT: Final = TupleLayout("bytes text")  # a string is encoded as its bytes are
_CODE: Final = TupleLayout("uint256 code")
_PANICS: Final = {
    0x01: "an assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "no such enum value",
    0x22: "badly encoded storage",
    0x31: "pop from an empty array",
    0x32: "index out of bounds",
    0x41: "out of memory",
    0x51: "call of a function that is not set",
}
"""Source: Solidity's documentation, "Panic via assert and Error via require"."""
_HEX: Final = re.compile(r"0x((?:[0-9a-fA-F]{2})*)")
_WITH_DATA: Final = ("data", "result", "return")
"""Members of an error's data in which vendors wrap what a call reverted with."""
_SAYS_NO_MORE: Final = re.compile(r"\W*(?:the )?(?:vm exception\W*)?(?:execution )?revert(?:ed)?\W*", re.IGNORECASE)


def revert_words(data: bytes, said: str = "") -> str:
    """The reason in at most `MOST_WORDS` characters; ``said`` is what the endpoint says where it gives no data."""
    if data:
        return _shortened(_words_of(data[:_MOST_BYTES]))
    # What stands in front is the client's: "execution reverted: the contract's own words".
    says_more = said and not _SAYS_NO_MORE.fullmatch(said)
    return _shortened(escape(redact(said[:_MOST_BYTES]))) if says_more else "no reason given"


def returned_data(error_data: object) -> bytes:
    """What a call reverted with, from the decoded data of a JSON-RPC error; empty where it holds none."""
    if isinstance(error_data, dict):
        inner = (error_data.get(name) for name in _WITH_DATA)
        error_data = next((value for value in inner if isinstance(value, str)), "")
    if not isinstance(error_data, str):
        return b""
    # Some put a word in front of it: "Reverted 0x…".
    digits = _HEX.search(error_data[: 2 * _MOST_BYTES])
    return bytes.fromhex(digits[1]) if digits else b""


def _words_of(data: bytes) -> str:
    selector, arguments = data[:_SELECTOR], data[_SELECTOR:]
    try:
        if selector == _ERROR:
            return f'"{escape(_TEXT.read(arguments)[0].decode(errors="replace"))}"'
        if selector == _PANIC:
            return _panic(_CODE.read(arguments)[0])
    except MalformedData:
        pass
    return error_names().get(selector) or f"an unknown error, 0x{selector.hex()}"


def _panic(code: int) -> str:
    meaning = _PANICS.get(code)
    return f"panic {code:#04x} ({meaning})" if meaning else f"panic {code:#04x}"


def _shortened(words: str) -> str:
    return words if len(words) <= MOST_WORDS else f"{words[: MOST_WORDS - 1]}…"
