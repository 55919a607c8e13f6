"""Solidity's ABI encoding, read and written by tables that are compiled once from a layout.

A layout reads like the parameter list in Solidity: ``"uint32 domain, address to, bytes callData"``. The head of
a tuple is taken apart in one step, and its padding is proven in another: one number holds every bit that must be zero.
Only what lies in the tail (bytes, arrays, tuples of these) is followed one by one.

What is accepted is what strict `eth_abi.decode` accepts, the oracle of the tests:
- a pointer counts from the start of its tuple, or from the first item of its array; it must land behind the head
  that it stands in and before the end of the data. It need not be aligned, and two may land on the same place;
- padding is zero: before numbers, addresses and bools, and after bytes, which are padded in full;
- what follows the last tail is ignored.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import attrgetter
from struct import Struct, iter_unpack
from typing import Any, Final, Protocol

WORD: Final = 32
"""Bytes in a word of the ABI."""

_WORD_CODES: Final = {
    "address": "12x20s",
    "bool": "31x?",
    "bytes32": "32s",
    "uint8": "31xB",
    "uint32": "28xI",
    "uint256": "32s",
}
# Data is never 2**64 bytes long: a pointer with a higher bit is out of bounds, and is found as bad padding.
_POINTER_CODE: Final = "24xQ"
_VALUE_BITS: Final = {"address": 160, "bool": 1, "bytes32": 256, "uint8": 8, "uint32": 32, "uint256": 256}
_POINTER_BITS: Final = 64
_ZEROS: Final = bytes(WORD)


class MalformedData(ValueError):
    """Data is not what its layout says; the message names the field and quotes nothing of the data."""

    def __init__(self, reason: str, *path: str) -> None:
        super().__init__(reason, *path)
        self.reason = reason
        self.path = path

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} {self.reason}"

    def within(self, field: str) -> "MalformedData":
        """Return the same fault as it looks from the tuple that holds ``field``."""
        return MalformedData(self.reason, field, *self.path)


class Tail(Protocol):
    """A type whose value stands in the tail: ``name`` is its name in a signature."""

    name: str

    def read(self, data: bytes, start: int, /) -> Any:  # noqa: ANN401 - bytes, a tuple or a record: the layout says
        """Return the value that begins at ``start``; raises `MalformedData`."""

    def write(self, value: Any, /) -> bytes:  # noqa: ANN401 - what `read` returns
        """Return the encoding of ``value``."""


class TupleLayout:
    """An ABI tuple: a struct, or a list of parameters.

    ``layout`` gives its fields in order, each as ``type name``; ``structs`` are those it names as types. With a
    ``record``, a dataclass of as many fields in the same order, `read` returns one and `write` takes one.
    """

    def __init__(self, layout: str, record: type | None = None, **structs: Tail) -> None:
        pairs = [field.split() for field in layout.split(",")]
        tails: dict[str, Tail] = {**_TAILS, **structs}
        self._types = [kind for kind, _ in pairs]
        self._names = [name for _, name in pairs]
        self._code = Struct(">" + "".join(_WORD_CODES.get(kind, _POINTER_CODE) for kind in self._types))
        padding = [2**256 - 2 ** _VALUE_BITS.get(kind, _POINTER_BITS) for kind in self._types]
        self._padding = int.from_bytes(b"".join(bits.to_bytes(WORD, "big") for bits in padding), "big")
        self._wide = [index for index, kind in enumerate(self._types) if kind == "uint256"]
        self._tails = [(index, tails[kind]) for index, kind in enumerate(self._types) if kind not in _WORD_CODES]
        self._record = record
        self._values: Callable[[Any], Sequence[Any]] = (
            attrgetter(*(field.name for field in fields(record))) if record else tuple
        )
        self.name = f"({','.join(tails[kind].name if kind in tails else kind for kind in self._types)})"

    def read(self, data: bytes, start: int = 0, /) -> Any:  # noqa: ANN401 - a record, or a tuple of values
        """Return the tuple that begins at ``start``: the record, or the values in their order.

        Addresses, ``bytes`` and ``bytes32`` are bytes, arrays tuples, ``bytes[]`` is None. Raises `MalformedData`.
        """
        code = self._code
        end = start + code.size
        head = data[start:end]
        if len(head) != code.size:
            raise MalformedData("is missing: the data ends before it does", self._names[len(head) // WORD])
        if bad := int.from_bytes(head, "big") & self._padding:
            raise self._bad_word(bad)
        words = code.unpack(head)
        values: list[Any] = list(words)
        for index in self._wide:
            values[index] = int.from_bytes(words[index], "big")
        for index, tail in self._tails:
            at = start + words[index]
            if not end <= at < len(data):
                raise MalformedData("points outside of the data's tail", self._names[index])
            try:
                values[index] = tail.read(data, at)
            except MalformedData as fault:
                raise fault.within(self._names[index]) from None
        return self._record(*values) if self._record else tuple(values)

    def write(self, value: Any, /) -> bytes:  # noqa: ANN401 - what `read` returns, and `bytes[]` a sequence of bytes
        """Return the encoding, laid out as Solidity does; addresses must be 20 bytes and ``bytes32`` 32.

        Raises `struct.error` or `OverflowError` for a number that its type cannot hold.
        """
        words = list(self._values(value))
        for index in self._wide:
            words[index] = words[index].to_bytes(WORD, "big")
        encoded = [b""]
        offset = self._code.size
        for index, tail in self._tails:
            encoded.append(tail.write(words[index]))
            words[index] = offset
            offset += len(encoded[-1])
        encoded[0] = self._code.pack(*words)
        return b"".join(encoded)

    def _bad_word(self, bad: int) -> MalformedData:
        """Name the first word that has one of the ``bad`` bits of the head."""
        index = len(self._types) - 1 - (bad.bit_length() - 1) // (8 * WORD)
        if self._types[index] in _WORD_CODES:
            return MalformedData(f"is not a valid {self._types[index]}", self._names[index])
        return MalformedData("points outside of the data's tail", self._names[index])


class _Bytes:
    name = "bytes"

    def read(self, data: bytes, start: int, /) -> bytes:
        first = start + WORD
        return data[first : first + _length_of_bytes(data, start)]

    def write(self, value: bytes, /) -> bytes:
        return len(value).to_bytes(WORD, "big") + value + _ZEROS[: -len(value) % WORD]


class _Addresses:
    name = "address[]"

    def read(self, data: bytes, start: int, /) -> tuple[bytes, ...]:
        addresses: list[bytes] = []
        for padding, address in iter_unpack("12s20s", _words_of_array(data, start)):
            if padding != _ZEROS[:12]:
                raise MalformedData(f"has an invalid address at index {len(addresses)}")
            addresses.append(address)
        return tuple(addresses)

    def write(self, value: Sequence[bytes], /) -> bytes:
        return len(value).to_bytes(WORD, "big") + b"".join(_ZEROS[:12] + address for address in value)


class _UnreadBytesArray:
    """``bytes[]``, checked like the rest, but its items are not kept.

    Many pointers may land on one long item: with a copy for each, a small log could fill the memory.
    """

    name = "bytes[]"

    def read(self, data: bytes, start: int, /) -> None:
        words = _words_of_array(data, start)
        first = start + WORD
        for padding, pointer in iter_unpack(">24sQ", words):
            if padding != _ZEROS[:24] or not len(words) <= pointer < len(data) - first:
                raise MalformedData("has an item that points outside of the data's tail")
            _length_of_bytes(data, first + pointer)

    def write(self, value: Sequence[bytes], /) -> bytes:
        return _array_of([_TAILS["bytes"].write(item) for item in value])


class _Selectors:
    name = "bytes4[]"

    def read(self, data: bytes, start: int, /) -> tuple[bytes, ...]:
        selectors: list[bytes] = []
        for selector, padding in iter_unpack("4s28s", _words_of_array(data, start)):
            if padding != _ZEROS[:28]:
                raise MalformedData(f"has an invalid bytes4 at index {len(selectors)}")
            selectors.append(selector)
        return tuple(selectors)

    def write(self, value: Sequence[bytes], /) -> bytes:
        return len(value).to_bytes(WORD, "big") + b"".join(selector + _ZEROS[:28] for selector in value)


class ArrayOf:
    """An array of tuples that have tails; read, it is the tuple of their values.

    Several items may point to the same long array: what they hold together is refused where that is more than the data
    has words, so that a small log cannot fill the memory.
    """

    def __init__(self, item: TupleLayout) -> None:
        self.name = f"{item.name}[]"
        self._item = item

    def read(self, data: bytes, start: int, /) -> tuple[Any, ...]:
        """Return the items; raises `MalformedData`."""
        words, first = _words_of_array(data, start), start + WORD
        items: list[Any] = []
        held = 0
        for padding, pointer in iter_unpack(">24sQ", words):
            if padding != _ZEROS[:24] or not len(words) <= pointer < len(data) - first:
                raise MalformedData("has an item that points outside of the data's tail")
            items.append(self._item.read(data, first + pointer))
            held += sum(len(value) for value in items[-1] if isinstance(value, tuple))
            if held > len(data) // WORD:
                raise MalformedData("holds more than the data has words")
        return tuple(items)

    def write(self, value: Sequence[Any], /) -> bytes:
        """Return the encoding, laid out as Solidity does."""
        return _array_of([self._item.write(item) for item in value])


_TAILS: Final[dict[str, Tail]] = {
    tail.name: tail for tail in (_Bytes(), _Addresses(), _UnreadBytesArray(), _Selectors())
}


def _array_of(items: Sequence[bytes]) -> bytes:
    """Return the encoding of an array whose items, encoded already, are pointed to."""
    offsets = [WORD * len(items) + sum(map(len, items[:index])) for index in range(len(items))]
    return b"".join([*(word.to_bytes(WORD, "big") for word in (len(items), *offsets)), *items])


def _length_of_bytes(data: bytes, start: int) -> int:
    """Return the length that stands at ``start``; the bytes after it, and their padding, are proven to be there."""
    length = int.from_bytes(data[start : start + WORD], "big")
    end = start + WORD + length
    padding = -length % WORD
    if end + padding > len(data):
        raise MalformedData("reaches past the end of the data")
    if padding and data[end : end + padding] != _ZEROS[:padding]:
        raise MalformedData("is padded with something other than zeros")
    return length


def _words_of_array(data: bytes, start: int) -> bytes:
    """Return the array's one word for each item; their number stands at ``start``."""
    first = start + WORD
    end = first + WORD * int.from_bytes(data[start:first], "big")
    if end > len(data):
        raise MalformedData("has more items than the data holds")
    return data[first:end]
