"""Arrays as a server takes them without reading any text: the values of one column, packed at once.

Of a thousand rows, the driver itself would look up how to send each value, and write bytes as hexadecimal digits, which
took most of the time of recording a batch. Source: array_recv in src/backend/utils/adt/arrayfuncs.c.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

_HEAD = struct.Struct(">iiiii")
_EMPTY_HEAD = struct.Struct(">iii")
_LENGTH = struct.Struct(">i").pack
_NULL = _LENGTH(-1)


class ElementType(NamedTuple):
    """A type by its id and its arrays', and how values of it are packed, each behind its length."""

    oid: int
    array_oid: int
    pack: Callable[[Sequence[Any]], bytes]


class ServerArray(NamedTuple):
    """The values of one column; None is NULL."""

    values: Sequence[Any]
    of: ElementType

    def packed(self) -> bytes:
        """What is sent."""
        if not self.values:
            return _EMPTY_HEAD.pack(0, 0, self.of.oid)
        has_null = None in self.values
        head = _HEAD.pack(1, has_null, self.of.oid, len(self.values), 1)
        if not has_null:
            return head + self.of.pack(self.values)
        return head + b"".join(_NULL if value is None else self.of.pack((value,)) for value in self.values)


def _numbers(size: int, code: str) -> Callable[[Sequence[Any]], bytes]:
    def pack(values: Sequence[Any]) -> bytes:
        with_sizes = [size] * (2 * len(values))
        with_sizes[1::2] = values
        return struct.pack(f">{f'i{code}' * len(values)}", *with_sizes)

    return pack


def _bytes(values: Sequence[Any]) -> bytes:
    parts: list[bytes] = [b""] * (2 * len(values))
    parts[::2] = [_LENGTH(len(value)) for value in values]
    parts[1::2] = values
    return b"".join(parts)


def _texts(values: Sequence[Any]) -> bytes:
    # The server keeps no text with a NUL in it; strangers may send one.
    return _bytes([value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode() for value in values])


ELEMENT_TYPES = {
    "BIGINT": ElementType(20, 1016, _numbers(8, "q")),
    "INTEGER": ElementType(23, 1007, _numbers(4, "i")),
    "SMALLINT": ElementType(21, 1005, _numbers(2, "h")),
    "BOOLEAN": ElementType(16, 1000, _numbers(1, "?")),
    "BYTEA": ElementType(17, 1001, _bytes),
    "TEXT": ElementType(25, 1009, _texts),
}
"""By the names of the types in SQL. Source of the ids: src/include/catalog/pg_type.dat."""
