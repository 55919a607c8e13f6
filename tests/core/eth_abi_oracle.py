"""eth_abi as the judge of our reader: what it reads, said as ours says it, and the bytes to try both on."""

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_abi.grammar import TupleType, parse
from hypothesis import strategies as st

INFO = "(uint32,uint32,uint32,address,address,bool,bytes,uint256,address,uint256,uint256,uint256,bytes32)"
ARGS = f"({INFO},address[],bytes[],address,bytes)"


def eth_abi_reads(types: Sequence[str], data: bytes) -> tuple[Any, ...] | None:
    """Return the values as ours would, or None where eth_abi refuses."""
    try:
        values = decode(types, data)
    except (DecodingError, OverflowError):  # The latter is how it refuses a length of more than 2**63 bytes.
        return None
    return tuple(_as_ours(kind, value) for kind, value in zip(types, values, strict=True))


def _as_ours(kind: str, value: Any) -> Any:
    if kind == "bytes[]":
        return None
    if kind == "address":
        return bytes.fromhex(value[2:])
    if kind == "address[]":
        return tuple(bytes.fromhex(item[2:]) for item in value)
    parsed = parse(kind)
    if isinstance(parsed, TupleType):
        return tuple(_as_ours(part.to_type_str(), item) for part, item in zip(parsed.components, value, strict=True))
    return value


_small = st.integers(0, 40).map(lambda number: number * 32)
_numbers = st.one_of(
    st.integers(0, 70),
    _small,
    st.integers(0, 1500),
    st.sampled_from([2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 32, 2**64, 2**160, 2**255, 2**256 - 1]),
)
numbered_words = _numbers.map(lambda number: number.to_bytes(32, "big"))
"""Words that often pass for a pointer, a length or a bool."""


likely_pointers = st.sampled_from([0, 0, 1, 2, 32, 64, 64, 96, 128, 160]).map(lambda number: number.to_bytes(32, "big"))
"""Words that make small data of a few words hang together every now and then."""


@st.composite
def mutated(draw: st.DrawFn, encodings: st.SearchStrategy[bytes]) -> bytes:
    """Return an encoding with a few of its bytes or words changed, moved, added or gone."""
    data = draw(encodings)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        word = at - at % 32
        match draw(st.sampled_from(["flip", "truncate", "extend", "number", "move", "remove", "nudge"])):
            case "flip":
                data = data[:at] + bytes([(data[at] if data else 0) ^ draw(st.integers(1, 255))]) + data[at + 1 :]
            case "truncate":
                data = data[:at]
            case "extend":
                data += draw(st.binary(min_size=1, max_size=64))
            case "number":
                data = data[:word] + draw(numbered_words) + data[word + 32 :]
            case "move":
                other = draw(_small)
                data = data[:word] + data[other : other + 32] + data[word + 32 :]
            case "remove":
                data = data[:word] + data[word + 32 :]
            case _:
                number = int.from_bytes(data[word : word + 32], "big") + draw(st.integers(-64, 64))
                data = data[:word] + (number % 2**256).to_bytes(32, "big") + data[word + 32 :]
    return data
