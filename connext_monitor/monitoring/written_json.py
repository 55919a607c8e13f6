"""Blocks and logs as endpoints write them, brought into the one form that the specification knows.

Execution-apis has hex with a leading 0x everywhere. Endpoints also write numbers as decimal strings or JSON numbers,
5.0 or 1.7e9 among them where a proxy's language has no integers, flags as null, and hex in capitals or without its 0x.
What has one meaning only is read; nothing is guessed.
"""

import re
from binascii import unhexlify
from functools import lru_cache
from typing import Annotated, Final, TypeAlias

import msgspec

LARGEST: Final = 2**63 - 1
"""What the database can hold; no honest number of a block or a log comes near it."""
_LONGEST: Final = 66
"""Characters of a number: some endpoints fill it up to a word."""

_HEX: Final = re.compile("0[xX][0-9a-fA-F]+")
_DECIMAL: Final = re.compile("0|[1-9][0-9]*")

_Quantity: TypeAlias = Annotated[str, msgspec.Meta(min_length=3, max_length=18)]
_Hex32: TypeAlias = Annotated[str, msgspec.Meta(min_length=66, max_length=66)]
_Hex20: TypeAlias = Annotated[str, msgspec.Meta(min_length=42, max_length=42)]
# Lengths are checked by the decoder, which is quick at it; that the rest is hex, by who reads it.

_Flag: TypeAlias = bool | int | str | None
_Number: TypeAlias = int | float | str
_EXACT: Final = 2**53
"""From here on not every whole number is a float: what is written as one may have been another."""


class WrittenBlock(msgspec.Struct, rename="camel"):
    """A block as the specification has it."""

    number: _Quantity
    hash: _Hex32
    parent_hash: _Hex32
    timestamp: _Quantity
    logs_bloom: str | None = None


class WrittenLog(msgspec.Struct, rename="camel", gc=False):
    """A log as the specification has it."""

    address: _Hex20
    topics: Annotated[list[_Hex32], msgspec.Meta(max_length=4)]
    data: str
    block_number: _Quantity
    block_hash: _Hex32
    transaction_hash: _Hex32
    log_index: _Quantity
    removed: bool = False


class WrittenEvent(msgspec.Struct, rename="camel", gc=False):
    """A log as the specification has it, with four topics; its data as they are in the text, in quotes."""

    address: _Hex20
    topics: tuple[_Hex32, _Hex32, _Hex32, _Hex32]
    data: msgspec.Raw
    block_number: _Quantity
    block_hash: _Hex32
    transaction_hash: _Hex32
    log_index: _Quantity
    removed: bool = False


class _LooseBlock(msgspec.Struct, rename="camel"):
    number: _Number
    hash: str
    parent_hash: str
    timestamp: _Number
    logs_bloom: str | None = None


class _LooseLog(msgspec.Struct, rename="camel"):
    address: str
    topics: Annotated[list[str], msgspec.Meta(max_length=4)]
    data: str
    block_number: _Number
    block_hash: str
    transaction_hash: str
    log_index: _Number
    removed: _Flag = None


_LOOSE_BLOCK: Final = msgspec.json.Decoder(_LooseBlock | None)
_LOOSE_LOG: Final = msgspec.json.Decoder(_LooseLog)
_NUMBER: Final = msgspec.json.Decoder(_Number)
_TEXT: Final = msgspec.json.Decoder(str)

parse_block: Final = msgspec.json.Decoder(WrittenBlock | None).decode
parse_log: Final = msgspec.json.Decoder(WrittenLog).decode
parse_logs: Final = msgspec.json.Decoder(list[WrittenLog]).decode
parse_events: Final = msgspec.json.Decoder(list[WrittenEvent]).decode
"""What is written as the specification has it; quick. Like all below they raise one of DECODE_ERRORS."""


@lru_cache(512)
def number_of(text: str) -> int:
    """What a number in the one form says. Raises ValueError."""
    # Remembered, since many logs stand in one block, and at the same few positions in their blocks.
    # int() alone would take signs, underscores, spaces and the digits of other scripts.
    if text[:2] != "0x" or not text.isalnum() or not text.isascii():
        raise ValueError("a number does not begin with 0x")
    value = int(text, 16)
    if value > LARGEST:
        raise ValueError("a number is too large")
    return value


def bytes_of(text: str) -> bytes:
    """What hex in the one form says. Raises ValueError."""
    if text[:2] != "0x":
        raise ValueError("hex does not begin with 0x")
    return unhexlify(text[2:])  # stricter than bytes.fromhex, which skips spaces


def plain_block(result: msgspec.Raw) -> WrittenBlock | None:
    """A block, however it is written; None for null."""
    block = _LOOSE_BLOCK.decode(result)
    return None if block is None else _plain_block(block)


def plain_log(entry: msgspec.Raw) -> WrittenLog:
    """A log, however it is written."""
    return _plain_log(_LOOSE_LOG.decode(entry))


def parse_quantity(result: msgspec.Raw) -> str:
    """A number as `plain_quantity` has it."""
    return plain_quantity(_NUMBER.decode(result))


def parse_bytes(result: msgspec.Raw) -> str:
    """Bytes of any length, as `plain_hex` has them."""
    return plain_hex(_TEXT.decode(result))


def plain_quantity(value: float | str) -> str:
    """A number as hex with a leading 0x and no zero too many. Raises ValueError.

    Decimal digits without 0x are a decimal number. With zeros before them they may be hex that has lost its 0x.
    """
    number = _number(value) if isinstance(value, str) else _whole(value)
    if not 0 <= number <= LARGEST:
        raise ValueError("a number is negative or too large")
    return hex(number)


def plain_hex(text: str, length: int | None = None) -> str:
    """Hex with a leading 0x, of ``length`` bytes if that is known. Raises ValueError."""
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    if length is not None and len(digits) != 2 * length:
        raise ValueError(f"hex of {length} bytes does not have {2 * length} digits")
    return f"0x{digits}"


def _whole(value: float) -> int:
    if isinstance(value, int):
        return value
    if not value.is_integer() or abs(value) >= _EXACT:
        raise ValueError("a number is a fraction, or too large to be exact")
    return int(value)


def _number(text: str) -> int:
    # int() alone would take signs, underscores, spaces and the digits of other scripts, and quote what it refuses.
    if len(text) <= _LONGEST and _HEX.fullmatch(text):
        return int(text, 16)
    if len(text) <= _LONGEST and _DECIMAL.fullmatch(text):
        return int(text)
    raise ValueError("a number is neither hex with 0x nor decimal digits")


def _plain_block(block: _LooseBlock) -> WrittenBlock:
    return WrittenBlock(
        plain_quantity(block.number),
        plain_hex(block.hash, 32),
        plain_hex(block.parent_hash, 32),
        plain_quantity(block.timestamp),
        block.logs_bloom,
    )


def _plain_log(log: _LooseLog) -> WrittenLog:
    return WrittenLog(
        plain_hex(log.address, 20),
        [plain_hex(topic, 32) for topic in log.topics],
        plain_hex(log.data),
        plain_quantity(log.block_number),
        plain_hex(log.block_hash, 32),
        plain_hex(log.transaction_hash, 32),
        plain_quantity(log.log_index),
        _plain_flag(log.removed),
    )


_FLAGS: Final[dict[str, bool]] = {
    "false": False,
    "0": False,
    "0x0": False,
    "true": True,
    "1": True,
    "0x1": True,
}


def _plain_flag(flag: _Flag) -> bool:
    plain = False if flag is None else _FLAGS.get(str(flag).lower())
    if plain is None:
        raise ValueError("a flag is neither true nor false")
    return plain
