"""The block ranges and limits that an endpoint names in the text of a refusal."""

import re
from collections.abc import Iterator
from typing import Final

from connext_monitor.core.rpc_wordings import RANGE, words

_LARGEST_BLOCK: Final = 2**63 - 1
"""What the database can hold as a block number."""
_RANGE_IN_TEXT: Final = re.compile(
    r"(?P<first>0x[0-9a-f]{1,16}|[0-9]{1,18})\s*(?:,|-|\.\.|\bto\b)\s*(?P<last>0x[0-9a-f]{1,16}|[0-9]{1,18})",
    re.ASCII | re.IGNORECASE,
)
_SUGGESTS: Final = words(r"should work", r"\b(?:re)?try\b", r"suggest", r"\binstead\b", r"\buse\b")
_SUGGESTS_RANGE: Final = words(r"\b(?:block )?range\b")
_THOUSANDS: Final = re.compile(r"(?<=[0-9])[,_'](?=[0-9]{3}(?![0-9]))", re.ASCII)
_NUMBER: Final = r"(?<![0-9a-zx.])(?P<n>0x[0-9a-f]{1,16}|[0-9]{1,18})\s?(?P<unit>[km]?)(?![0-9a-z])"
_LIMIT_IN_TEXT: Final = (
    re.compile(_NUMBER + r"[\s-]{0,2}(?:blocks?\b|range)", re.ASCII | re.IGNORECASE),
    re.compile(
        r"\b(?:range|blocks)\b[^0-9.]{0,40}" + _NUMBER + r"(?!\s*(?:results|logs|bytes|[kmg]i?b\b))",
        re.ASCII | re.IGNORECASE,
    ),
)
_UNITS: Final = {"": 1, "k": 1_000, "m": 1_000_000}


def suggested_range(text: str) -> tuple[int, int] | None:
    """The first and last block of a range that the text says would work; None if it only repeats what was asked."""
    if not _SUGGESTS.search(text):
        return None
    for match in _RANGE_IN_TEXT.finditer(_THOUSANDS.sub("", text)):
        first, last = _number(match["first"]), _number(match["last"])
        if first <= last <= _LARGEST_BLOCK:
            return first, last
    return None


def suggested_limit(text: str) -> int | None:
    """The smallest number of blocks in the text: if two are named, the larger one is what was asked."""
    return min(_limits(_RANGE_IN_TEXT.sub(_without_blocks, _THOUSANDS.sub("", text))), default=None)


def _without_blocks(match: re.Match[str]) -> str:
    """Drop a range of blocks, whose ends are no limits; "limited to 0 - 10,000 blocks" is one."""
    return match["last"] if match["first"] == "0" else " "


def _limits(text: str) -> Iterator[int]:
    for pattern in _LIMIT_IN_TEXT:
        for match in pattern.finditer(text):
            limit = _number(match["n"]) * _UNITS[match["unit"].lower()]
            if 0 < limit <= _LARGEST_BLOCK:
                yield limit


def _number(digits: str) -> int:
    return int(digits, 16) if digits[:2].lower() == "0x" else int(digits)


def names_a_range(text: str) -> bool:
    """Whether the text says which blocks, or how many, would work: no rate does, however it is worded."""
    if RANGE.search(text) is not None and suggested_limit(text) is not None:
        return True
    return _SUGGESTS_RANGE.search(text) is not None and suggested_range(text) is not None
