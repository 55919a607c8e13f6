"""``[routers.NAME]``: what it holds, and what is refused."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from connext_monitor.config import MinLiquidity
from tests.config.configs import CHAIN, SECRET, keys, load, refused

ASSET = "0x" + "a5" * 20
ROUTER = f'[routers.ours]\naddress = "0x{"52" * 20}"\n'
LEAST = f"min_liquidity.ethereum.{ASSET}"

BAD_VALUES = [
    ("[routers.ours]", "routers.ours.address", "is missing; add it"),
    ('[routers."a S3CR3T"]', 'routers."…"', "not a valid router name"),
    ("[routers]\nours = 1", "routers.ours", "[routers.NAME]"),
    ('[routers.ours]\naddress = "S3CR3T"', "routers.ours.address", "0x and 40 hex digits"),
    (f'[routers.ours]\naddress = "0x{"00" * 20}"', "routers.ours.address", "is not a router"),
    (ROUTER + "silent_after = 60", "routers.ours.silent_after", "must be a string"),
    (ROUTER + "silent_transfers = 0", "routers.ours.silent_transfers", "at least 1"),
    (ROUTER + 'pathways = [{ origin = "S3CR3T" }]', "routers.ours.pathways[0].origin", "not a chain in this file"),
    (ROUTER + "min_liquidity = 5", "routers.ours.min_liquidity", "must be a table"),
    (ROUTER + "min_liquidity.ethereum = 5", "routers.ours.min_liquidity.ethereum", "must be a table"),
    (ROUTER + "min_liquidity.etherum = {}", "routers.ours.min_liquidity.etherum", 'did you mean "ethereum"?'),
    (ROUTER + "min_liquidity.ethereum.USDC = 5", "routers.ours.min_liquidity.ethereum.USDC", "no symbol"),
    *(
        (f"{ROUTER}{LEAST} = {amount}", f"routers.ours.{LEAST}", words)
        for amount, words in {
            '"S3CR3T"': "whole tokens",
            '"25,000"': "whole tokens",
            "-1": "whole tokens",
            "inf": "whole tokens",
            "true": "whole tokens",
            "[]": "whole tokens",
            "0": "more than 0",
            '"0.0"': "more than 0",
        }.items()
    ),
    (f'{ROUTER}[routers.same]\naddress = "0x{"52" * 20}"', "routers.same.address", "same as that of routers.ours"),
    (f'{ROUTER}silent_after = "P2D"\n[monitor]\nkeep = "P1D"', "routers.ours.silent_after", "longer than monitor.keep"),
]


@pytest.mark.parametrize(("toml", "key", "words"), BAD_VALUES)
def test_a_router_that_cannot_be_is_refused_at_its_key(file: Path, toml: str, key: str, words: str) -> None:
    error = refused(file, f"{CHAIN}{toml}")
    assert keys(error) == [key]
    assert words in str(error)
    assert SECRET not in str(error)


def test_an_address_is_enough_for_a_router(file: Path) -> None:
    router = load(file, CHAIN + ROUTER).routers["ours"]
    assert (router.name, router.address) == ("ours", b"\x52" * 20)
    assert (router.silent_after, router.silent_transfers, router.minimums) == (timedelta(hours=1), 3, ())
    assert router.fills("ethereum", "anywhere")


def test_a_router_fills_only_the_pathways_it_names(file: Path) -> None:
    toml = ROUTER + 'silent_after = ""\npathways = [{ origin = "ethereum" }]'
    router = load(file, CHAIN + toml).routers["ours"]
    assert (router.fills("ethereum", "base"), router.fills("base", "ethereum")) == (True, False)
    assert router.silent_after is None


@pytest.mark.parametrize(
    ("written", "amount"),
    [("25_000", "25000"), ("0.1", "0.1"), ("1e3", "1000"), ('"0.000001"', "0.000001"), ('"${LEAST}"', "7")],
)
def test_an_amount_is_read_as_it_is_written(file: Path, written: str, amount: str) -> None:
    router = load(file, f"{CHAIN}{ROUTER}{LEAST} = {written}", LEAST=" 7\n").routers["ours"]
    assert router.minimums == (MinLiquidity("ethereum", bytes.fromhex(ASSET[2:]), Decimal(amount)),)  # type: ignore[arg-type]
