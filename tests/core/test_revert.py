"""Why calls revert, in words: whatever the data, they are short and print."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import example, given
from hypothesis import strategies as st

from connext_monitor.core.revert import MOST_WORDS, returned_data, revert_words
from tests.world.hostile import hostile

UNKNOWN = keccak(text="Receiver__notToday()")[:4]
INDEX_OVERRUN = keccak(text="TypedMemView__index_overrun(uint256,uint256,uint256,uint256)")[:4]
ERROR, PANIC = keccak(text="Error(string)")[:4], keccak(text="Panic(uint256)")[:4]
selectors = st.sampled_from([ERROR, PANIC, keccak(text="BridgeFacet__execute_notReconciled()")[:4], b""])


def error(text: str) -> bytes:
    return ERROR + encode(["string"], [text])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (keccak(text="BridgeFacet__execute_unapprovedSender()")[:4], "BridgeFacet__execute_unapprovedSender"),
        (INDEX_OVERRUN, "TypedMemView__index_overrun"),
        (error("not today"), '"not today"'),
        (error("\u202ea\nb"), '"\\u202ea\\nb"'),
        (PANIC + encode(["uint256"], [0x11]), "panic 0x11 (arithmetic overflow)"),
        (PANIC + encode(["uint256"], [0x99]), "panic 0x99"),
        (UNKNOWN + bytes(64), f"an unknown error, 0x{UNKNOWN.hex()}"),
        (ERROR, "an unknown error, 0x08c379a0"),
        (b"\x01", "an unknown error, 0x01"),
        (b"", "no reason given"),
    ],
)
def test_a_revert_says_its_reason(data: bytes, words: str) -> None:
    assert revert_words(data) == words


@given(selectors, st.binary(max_size=300))
@example(ERROR, encode(["string"], ["x" * 5000]))
@example(PANIC, encode(["uint256"], [2**256 - 1]))
def test_any_data_gives_short_words_that_print(selector: bytes, data: bytes) -> None:
    words = revert_words(selector + data)
    assert 0 < len(words) <= MOST_WORDS
    assert words.isprintable()


@given(hostile)
def test_any_text_gives_short_words_that_print(text: str) -> None:
    for words in (revert_words(b"", text), revert_words(ERROR + encode(["bytes"], [text.encode(errors="replace")]))):
        assert 0 < len(words) <= MOST_WORDS
        assert words.isprintable()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("execution reverted", "no reason given"),
        ("VM Exception: reverted", "no reason given"),
        ("execution reverted: too late", "execution reverted: too late"),
        ("out of gas", "out of gas"),
        ("reverted, see https://node.example/key", "reverted, see https://node.example"),
    ],
)
def test_without_data_the_endpoints_words_count(said: str, words: str) -> None:
    assert revert_words(b"", said) == words


@pytest.mark.parametrize(
    ("data", "returned"),
    [
        ("0x0102", b"\1\2"),
        ("Reverted 0x0102", b"\1\2"),
        ({"data": "0x0102", "message": "no"}, b"\1\2"),
        ({"data": {"0xdead": 1}, "result": "0x03"}, b"\3"),
        ("0x", b""),
        ("0x012", b"\1"),
        ("no hex", b""),
        (["0x01"], b""),
        (None, b""),
    ],
)
def test_the_data_is_found_where_vendors_put_it(data: object, returned: bytes) -> None:
    assert returned_data(data) == returned


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | hostile,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "result"]), inner),
    max_leaves=5,
)


@given(json_values)
def test_any_data_of_an_error_is_read(data: object) -> None:
    assert isinstance(returned_data(data), bytes)
