"""Where a list continues, as opaque text that a caller passes back.

A cursor names the last item returned, not a count of items, so additions in between move nothing.
"""

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from connext_monitor.core.events import Address
from connext_monitor.core.selection import Cursor

_INSTANT_AND_ROW = struct.Struct(">cqq")
_ALERT = struct.Struct(">cq")
_ROUTER = struct.Struct(">c20s")
_LONGEST = 100


def write_transfer_cursor(cursor: Cursor) -> str:
    """The text of a position in the list of transfers."""
    return _text(_INSTANT_AND_ROW.pack(b"t", *cursor))


def read_transfer_cursor(text: str) -> Cursor | None:
    """The position that the text names; None where it is not a cursor of this list."""
    fields = _fields(text, _INSTANT_AND_ROW, b"t")
    return (int(fields[0]), int(fields[1])) if fields else None


def write_bridge_event_cursor(cursor: Cursor) -> str:
    """The text of a position in the list of the bridge's events."""
    return _text(_INSTANT_AND_ROW.pack(b"b", *cursor))


def read_bridge_event_cursor(text: str) -> Cursor | None:
    """The position that the text names; None where it is not a cursor of this list."""
    fields = _fields(text, _INSTANT_AND_ROW, b"b")
    return (int(fields[0]), int(fields[1])) if fields else None


def write_alert_cursor(row: int) -> str:
    """The text of a position in the list of alerts."""
    return _text(_ALERT.pack(b"a", row))


def read_alert_cursor(text: str) -> int | None:
    """The position that the text names; None where it is not a cursor of this list."""
    fields = _fields(text, _ALERT, b"a")
    return int(fields[0]) if fields else None


def write_router_cursor(router: Address) -> str:
    """The text of a position in the list of routers."""
    return _text(_ROUTER.pack(b"r", router))


def read_router_cursor(text: str) -> Address | None:
    """The position that the text names; None where it is not a cursor of this list."""
    fields = _fields(text, _ROUTER, b"r")
    return Address(fields[0]) if fields else None


def _text(packed: bytes) -> str:
    return urlsafe_b64encode(packed).decode().rstrip("=")


def _fields(text: str, layout: struct.Struct, kind: bytes) -> tuple[Any, ...] | None:
    if len(text) > _LONGEST:
        return None
    try:
        packed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError):
        return None
    # base64 has several texts for the same bytes; only the one that we write is a cursor.
    if len(packed) != layout.size or packed[:1] != kind or _text(packed) != text:
        return None
    return layout.unpack(packed)[1:]
