"""How a token calls itself: read from what it answers, whatever that is."""

import pytest
from eth_abi.abi import encode
from hypothesis import find, given
from hypothesis import strategies as st

from connext_monitor.core.token import Token, read_token

SIX = encode(["uint8"], [6])


def said(symbol: str) -> bytes:
    return encode(["string"], [symbol])


def test_a_token_says_symbol_and_decimals() -> None:
    assert read_token(said("USDC"), SIX) == Token("USDC", 6)


def test_an_old_token_says_its_symbol_in_one_word() -> None:
    assert read_token(b"MKR".ljust(32, b"\0"), SIX) == Token("MKR", 6)


@pytest.mark.parametrize(
    ("symbol", "decimals"),
    [
        (b"", SIX),
        (said(""), SIX),
        (said("  "), SIX),
        (said("x" * 21), SIX),
        (said("US\nDC"), SIX),
        (said("US\u202eDC"), SIX),
        (b"\xff" * 32, SIX),
        (said("USDC"), b""),
        (said("USDC"), encode(["uint256"], [37])),
        (said("USDC"), encode(["uint256"], [2**255])),
        (said("USDC")[:40], SIX),
    ],
)
def test_what_cannot_be_shown_is_no_token(symbol: bytes, decimals: bytes) -> None:
    assert read_token(symbol, decimals) is None


SYMBOLS = st.binary(max_size=200) | st.text(max_size=30).map(said) | st.text("ABCxyz123", min_size=1).map(said)
DECIMALS = st.binary(max_size=64) | st.integers(0, 40).map(lambda places: encode(["uint256"], [places]))


@given(SYMBOLS, DECIMALS)
def test_whatever_is_answered_a_symbol_is_short_and_prints(symbol: bytes, decimals: bytes) -> None:
    token = read_token(symbol, decimals) or Token("NONE", 0)
    assert 0 < len(token.symbol) <= 20
    assert token.symbol.isprintable()
    assert 0 <= token.decimals <= 36


def test_the_properties_above_are_those_of_tokens_too() -> None:
    """Without it they might be those of refusals only."""
    assert find(st.tuples(SYMBOLS, DECIMALS), lambda answers: read_token(*answers) is not None)


@given(st.integers(0, 2**256 - 1), st.integers(0, 36))
def test_an_amount_is_exact_and_plain(amount: int, decimals: int) -> None:
    whole, _, fraction = Token("X", decimals).number(amount).partition(".")
    assert len(fraction) <= decimals
    assert not fraction.endswith("0")
    assert int(whole + fraction.ljust(decimals, "0")) == amount
