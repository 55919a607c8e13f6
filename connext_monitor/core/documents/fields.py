"""What the fields of documents are made of; each type carries its own part of the schema."""

import json
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta

# Readers that keep numbers as doubles, JavaScript among them, lose digits beyond it.
_LARGEST_EXACT = 2**53

T = TypeVar("T")

HashText = Annotated[str, Meta(pattern="^0x[0-9a-f]{64}$")]
"""32 bytes, in lower case."""
AddressText = Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$")]
"""20 bytes, checksummed."""
Digits = Annotated[str, Meta(pattern="^[0-9]+$")]
"""A whole number that may pass 2^53."""
InstantText = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339 in UTC."""
Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Document(msgspec.Struct, frozen=True):
    """A JSON object with exactly these properties, in this order.

    A reader of ours takes unknown properties for those of a newer version, and leaves them out.
    """


class ListDocument(Document, Generic[T], frozen=True):
    """A part of a list."""

    items: list[T]
    next_cursor: Annotated[
        str | None, Meta(description="Pass it as `cursor` to get the next part; null at the end of the list.")
    ]


def says(words: str) -> Meta:
    """What a field means, for readers of the schema."""
    return Meta(description=words)


def encode(document: object, *, indent: int | None = None) -> str:
    """JSON in ASCII without a control character; whole numbers from 2^53 on become strings."""
    text = json.dumps(_exact(msgspec.to_builtins(document)), ensure_ascii=True, allow_nan=False)
    # Indented by itself, json writes in Python, and takes ten times as long.
    return text if indent is None else msgspec.json.format(text, indent=indent)


def _exact(value: object) -> object:
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    if isinstance(value, int) and not -_LARGEST_EXACT < value < _LARGEST_EXACT:
        return str(value)
    return value
