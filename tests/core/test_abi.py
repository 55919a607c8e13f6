"""The ABI reader and writer against eth_abi, and each of the rules by example."""

import struct
import tracemalloc
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import example, given
from hypothesis import strategies as st

from connext_monitor.core.abi import MalformedData, TupleLayout
from tests.core.eth_abi_oracle import eth_abi_reads, likely_pointers, mutated, numbered_words
from tests.world.examples import examples
from tests.world.strategies import addresses, amounts, calldata, domains, words

PAIR_TYPE = "(bytes,address[])"
TYPES = ("uint8", "bool", "address", "bytes", "uint32", "address[]", "bytes[]", "bytes32", PAIR_TYPE, "uint256")

PAIR = TupleLayout("bytes text, address[] members")
EVERYTHING = TupleLayout(
    "uint8 level, bool flag, address owner, bytes text, uint32 domain, address[] members, bytes[] blobs, "
    "bytes32 digest, Pair pair, uint256 amount",
    Pair=PAIR,
)
ONE_TEXT = TupleLayout("bytes text")
TWO_TEXTS = TupleLayout("bytes first, bytes second")

members = st.lists(addresses, max_size=3).map(tuple)
everythings = st.tuples(
    st.integers(0, 255),
    st.booleans(),
    addresses,
    calldata,
    domains,
    members,
    st.lists(calldata, max_size=3).map(tuple),
    words,
    st.tuples(calldata, members),
    amounts,
)

pieces_of_data = st.one_of(likely_pointers, likely_pointers, numbered_words, st.binary(max_size=33))


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def read(layout: TupleLayout, data: bytes, start: int = 0) -> Any:
    """Return what ``layout`` reads, or None where it refuses."""
    try:
        return layout.read(data, start)
    except MalformedData:
        return None


def refusal(layout: TupleLayout, data: bytes) -> str:
    with pytest.raises(MalformedData) as caught:
        layout.read(data)
    return str(caught.value)


@given(everythings)
def test_what_is_written_is_what_eth_abi_writes(values: tuple[Any, ...]) -> None:
    assert EVERYTHING.write(values) == encode(TYPES, values)


@given(everythings)
def test_every_type_reads_as_eth_abi_reads_it(values: tuple[Any, ...]) -> None:
    data = encode(TYPES, values)

    assert EVERYTHING.read(data) == eth_abi_reads(TYPES, data)


@given(everythings, st.binary(max_size=70))
def test_a_tuple_reads_the_same_wherever_it_starts(values: tuple[Any, ...], before: bytes) -> None:
    data = EVERYTHING.write(values)

    assert EVERYTHING.read(before + data, len(before)) == EVERYTHING.read(data)


@examples(150)
@given(mutated(everythings.map(EVERYTHING.write)))
def test_mangled_data_is_read_or_refused_as_by_eth_abi(data: bytes) -> None:
    assert read(EVERYTHING, data) == eth_abi_reads(TYPES, data)


@pytest.mark.parametrize(
    ("layout", "types"),
    [
        (TupleLayout("bytes first, address[] second"), ("bytes", "address[]")),
        (TupleLayout("bytes[] blobs"), ("bytes[]",)),
        (TupleLayout("Inner inner", Inner=ONE_TEXT), ("(bytes)",)),
    ],
    ids=lambda value: value.name if isinstance(value, TupleLayout) else "",
)
@examples(150)
@given(pieces=st.lists(pieces_of_data, max_size=12), zeros=st.sampled_from([0, 256]))
def test_words_at_random_are_read_or_refused_as_by_eth_abi(
    layout: TupleLayout, types: tuple[str, ...], pieces: list[bytes], zeros: int
) -> None:
    data = b"".join(pieces) + bytes(zeros)

    assert read(layout, data) == eth_abi_reads(types, data)


@pytest.mark.parametrize(
    ("kind", "improper"),
    [
        ("uint8", 2**8),
        ("uint32", 2**32),
        ("bool", 2),
        ("bool", 2**8),
        ("bool", 2**8 + 1),
        ("address", 2**160),
        ("address", 2**255),
    ],
)
def test_a_bit_outside_of_its_type_is_refused_by_name(kind: str, improper: int) -> None:
    layout = TupleLayout(f"uint256 before, {kind} culprit, uint256 after")

    assert refusal(layout, word(1) + word(improper) + word(1)) == f"culprit is not a valid {kind}"


@pytest.mark.parametrize("pointer", [0, 1, 63, 128, 129, 2**64 - 1, 2**64 + 64, 2**256 - 1])
def test_a_pointer_backward_or_past_the_end_is_refused_by_name(pointer: int) -> None:
    data = word(64) + word(pointer) + word(0) + word(0)

    assert refusal(TWO_TEXTS, data) == "second points outside of the data's tail"


@pytest.mark.parametrize("pointer", [0, 31, 64, 2**64 + 32, 2**256 - 1])
def test_an_item_that_points_outside_is_refused_by_its_arrays_name(pointer: int) -> None:
    data = word(32) + word(1) + word(pointer) + word(0)

    assert refusal(TupleLayout("bytes[] blobs"), data) == "blobs has an item that points outside of the data's tail"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (word(2) + b"hi" + bytes(29), "blobs reaches past the end of the data"),
        (word(2) + b"hi" + bytes(29) + b"!", "blobs is padded with something other than zeros"),
        (word(2**255), "blobs reaches past the end of the data"),
        (bytes(31), "blobs reaches past the end of the data"),
    ],
    ids=["short", "dirty", "huge", "no length"],
)
def test_an_item_that_is_not_read_is_checked_all_the_same(item: bytes, message: str) -> None:
    assert refusal(TupleLayout("bytes[] blobs"), word(32) + word(1) + word(32) + item) == message


@examples(150)
@given(mutated(st.lists(calldata, max_size=3).map(lambda blobs: encode(["bytes[]"], [blobs]))))
def test_mangled_items_that_are_not_read_are_refused_as_by_eth_abi(data: bytes) -> None:
    assert read(TupleLayout("bytes[] blobs"), data) == eth_abi_reads(["bytes[]"], data)


def test_a_pointer_needs_no_alignment() -> None:
    assert ONE_TEXT.read(word(33) + b"\xff" + word(2) + b"hi" + bytes(30)) == (b"hi",)


def test_two_pointers_may_land_on_one_place() -> None:
    assert TWO_TEXTS.read(word(64) + word(64) + word(2) + b"hi" + bytes(30)) == (b"hi", b"hi")


def test_what_follows_the_last_tail_is_ignored() -> None:
    assert ONE_TEXT.read(word(32) + word(2) + b"hi" + bytes(30) + b"more") == (b"hi",)


def test_bytes_without_their_whole_padding_are_refused() -> None:
    assert refusal(ONE_TEXT, word(32) + word(2) + b"hi" + bytes(29)) == "text reaches past the end of the data"


def test_bytes_with_something_in_their_padding_are_refused() -> None:
    data = word(32) + word(2) + b"hi" + bytes(29) + b"!"

    assert refusal(ONE_TEXT, data) == "text is padded with something other than zeros"


def test_a_length_of_2_to_the_255_is_refused() -> None:
    assert refusal(ONE_TEXT, word(32) + word(2**255)) == "text reaches past the end of the data"


def test_a_count_of_items_that_the_data_cannot_hold_is_refused() -> None:
    layout = TupleLayout("address[] members")

    assert refusal(layout, word(32) + word(2**255) + word(1)) == "members has more items than the data holds"


def test_an_improper_address_among_many_is_refused_by_its_index() -> None:
    data = word(32) + word(3) + word(1) + word(2**160) + word(1)

    assert refusal(TupleLayout("address[] members"), data) == "members has an invalid address at index 1"


@pytest.mark.parametrize(("length", "missing"), [(0, "first"), (31, "first"), (32, "second"), (63, "second")])
def test_a_short_head_is_refused_by_the_first_field_that_is_missing(length: int, missing: str) -> None:
    assert refusal(TWO_TEXTS, bytes(length)) == f"{missing} is missing: the data ends before it does"


def test_a_fault_deep_inside_names_the_whole_way_to_it() -> None:
    inner = TupleLayout("Pair pair", Pair=PAIR)
    outer = TupleLayout("Inner inner", Inner=inner)
    data = word(32) + word(32) + word(64) + word(10_000) + word(0)

    assert refusal(outer, data) == "inner.pair.members points outside of the data's tail"


@given(mutated(everythings.map(EVERYTHING.write)))
@example(b"")
def test_a_refusal_stays_short_whatever_the_data(data: bytes) -> None:
    message = ""
    try:
        EVERYTHING.read(data)
    except MalformedData as fault:
        message = str(fault)

    assert len(message) < 80


def test_many_pointers_to_one_long_item_fill_no_memory() -> None:
    pointers, item = 1_000, ONE_TEXT.write((bytes(100_000),))[32:]
    data = word(32) + word(pointers) + word(pointers * 32) * pointers + item
    layout = TupleLayout("bytes[] blobs")

    tracemalloc.start()
    try:
        layout.read(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


def test_a_layout_names_its_type_with_structs_spelled_out() -> None:
    assert EVERYTHING.name == f"({','.join(TYPES)})"


@pytest.mark.parametrize("kind", ["uint256", "uint32", "uint8"])
def test_a_number_too_large_for_its_type_is_not_written(kind: str) -> None:
    with pytest.raises((OverflowError, struct.error)):
        TupleLayout(f"{kind} number").write((2**256,))
