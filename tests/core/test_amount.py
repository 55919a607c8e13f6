"""Amounts, and what is said of them."""

import re
from dataclasses import replace
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.amount import Amount, amount_on, normalized_number, token_amount, transfer_amount
from connext_monitor.core.labels import ChainLabels, KnownTokens
from connext_monitor.core.token import Token
from connext_monitor.core.transfer import Transfer, fold
from tests.world.two_chains import ASSET, LABELS, ORIGIN, Sample

USDC = Token("USDC", 6)
NAMED = ChainLabels(LABELS.by_domain, KnownTokens({(ORIGIN, ASSET): USDC}))


def transfer_of(amount: int) -> Transfer:
    transfer = fold([Sample(1, amount=amount).xcalled()])
    assert transfer is not None
    return transfer


@pytest.mark.parametrize(
    ("amount", "full", "short"),
    [
        (
            token_amount(1_500_000, ASSET, USDC),
            "1.5 USDC (token 0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC)",
            "1.5 USDC",
        ),
        (
            token_amount(1_500_000, ASSET, None),
            "1500000 base units of token 0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
            "1500000 base units of 0xCcCCcc…",
        ),
        (Amount("1.5", None, ASSET), "1.5 of token 0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC", "1.5 of 0xCcCCcc…"),
        (Amount("1.5"), "1.5", "1.5"),
    ],
)
def test_an_amount_says_of_what(amount: Amount, full: str, short: str) -> None:
    assert (amount.full, amount.short) == (full, short)


@given(st.text(min_size=1))
def test_no_symbol_changes_what_is_said(symbol: str) -> None:
    assert token_amount(1_500_000, ASSET, Token(symbol, 6)).short == f"1.5 {symbol}"


def test_a_transfer_has_its_tokens_amount() -> None:
    assert transfer_amount(transfer_of(1_500_000), NAMED) == Amount("1.5", "USDC", ASSET, 1_500_000)


def test_without_a_known_token_the_normalized_amount_counts() -> None:
    assert transfer_amount(transfer_of(5 * 10**18), LABELS) == Amount("5", None, ASSET, 5 * 10**18)


def test_what_moves_nothing_has_no_amount() -> None:
    assert transfer_amount(transfer_of(0), NAMED) is None
    assert transfer_amount(replace(transfer_of(1), info=None), NAMED) is None


def test_what_is_owed_is_an_amount_of_its_token() -> None:
    assert amount_on(ORIGIN, ASSET, 1_500_000, NAMED) == token_amount(1_500_000, ASSET, USDC)


@given(st.integers(0, 2**256 - 1))
def test_a_normalized_amount_is_exact_and_plain(normalized: int) -> None:
    words = normalized_number(normalized)
    assert re.fullmatch(r"(0|[1-9]\d*)(\.\d*[1-9])?", words)
    with localcontext(prec=100):
        assert Decimal(words) * 10**18 == normalized
