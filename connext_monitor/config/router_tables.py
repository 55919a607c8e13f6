"""``[routers.NAME]``: the routers that somebody answers for, and what is expected of each."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Annotated

from pydantic import Field, PlainValidator

from connext_monitor.config.addresses import AssetAddress, RouterAddress
from connext_monitor.config.findings import ConfigFindings, RawTable, table_of
from connext_monitor.config.pathways import PathwayPattern
from connext_monitor.config.problems import Problem, bad_value, dotted, suggestion
from connext_monitor.config.table import Table, parse_table
from connext_monitor.config.values import FromDigits, Interval
from connext_monitor.core.events import Address

_ROUTER_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_BAD_NAME = "is not a valid router name: it may only contain letters, digits, _ and - (at most 40 characters)"
_NUMBER = re.compile(r"[0-9]{1,60}(\.[0-9]{1,36})?")


def _read_token_amount(value: object) -> Decimal:
    """Read whole tokens: 25000, 0.5 or "0.5"; more than none."""
    if isinstance(value, Decimal):
        return value
    # A number of TOML as it was written, which its binary form is not.
    text = repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _NUMBER.fullmatch(text.strip()):
        cure = 'write whole tokens, such as 25000 or "0.5": digits, and a point where there is a fraction'
        raise bad_value("is not an amount", cure)
    amount = Decimal(text.strip())
    if not amount:
        raise bad_value("is not an amount that a balance can fall below", "write more than 0, or remove the key")
    return amount


TokenAmount = Annotated[Decimal, PlainValidator(_read_token_amount)]


class RouterTable(Table):
    """``[routers.NAME]``. ``pathways`` are those that it is to fill, all where there are none.

    ``silent_after`` is None where nobody wants to hear that it is silent. ``min_liquidity``: by chain and local asset,
    in whole tokens.
    """

    address: RouterAddress
    pathways: Annotated[tuple[PathwayPattern, ...], Field(strict=False)] = ()
    silent_after: Interval = timedelta(hours=1)
    silent_transfers: Annotated[int, FromDigits, Field(ge=1, le=1_000)] = 3
    min_liquidity: dict[str, dict[AssetAddress, TokenAmount]] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MinLiquidity:
    """Whole tokens of a local asset that a router is to have on the chain of this name."""

    chain: str
    asset: Address
    amount: Decimal


class RouterConfig(RouterTable):
    """A router that is watched."""

    name: str

    @property
    def minimums(self) -> tuple[MinLiquidity, ...]:
        """Its ``min_liquidity``, one after the other."""
        chains = self.min_liquidity.items()
        return tuple(MinLiquidity(chain, asset, amount) for chain, of in chains for asset, amount in of.items())

    def fills(self, origin: str, destination: str) -> bool:
        """Whether it is to fill the pathway between the chains of these names."""
        return not self.pathways or any(pattern.matches(origin, destination) for pattern in self.pathways)


def read_routers(tables: RawTable, findings: ConfigFindings, chains: RawTable) -> dict[str, RouterConfig]:
    """Read all routers that can be read; every problem with one of them is in the findings."""
    routers: dict[str, RouterConfig] = {}
    for name, value in tables.items():
        path = ("routers", name)
        if not _ROUTER_NAME.fullmatch(name):
            findings.add([Problem(dotted(path), _BAD_NAME, "rename it, such as [routers.ours]")])
            continue
        raw = table_of(value, path, findings)
        table = None if raw is None else findings.of(partial(_parse, raw, path, findings))
        if raw is not None:
            findings.add(_unknown_chains(path, raw.get("min_liquidity"), chains))
        if table is not None:
            routers[name] = RouterConfig(name=name, **dict(table))
    findings.add(_repeated_addresses(routers.values()))
    return routers


def forgotten_fills(routers: Mapping[str, RouterConfig], keep: timedelta | None) -> list[Problem]:
    """Find routers whose last fill may be kept no longer when their silence would be long enough to tell of."""
    mistake = "is longer than monitor.keep, so that a router's last fill may not be kept that long"
    return [
        Problem(dotted(("routers", router.name, "silent_after")), mistake, "shorten it, or lengthen monitor.keep")
        for router in routers.values()
        if keep is not None and router.silent_after is not None and router.silent_after > keep
    ]


def _parse(raw: RawTable, path: tuple[str, ...], findings: ConfigFindings) -> RouterTable:
    return parse_table(RouterTable, raw, path, file=findings.file)


def _unknown_chains(path: tuple[str, ...], minimums: object, chains: RawTable) -> list[Problem]:
    names = minimums if isinstance(minimums, dict) else {}
    return [
        Problem(
            dotted((*path, "min_liquidity", name)),
            "is not a chain in this file",
            suggestion(name, chains, "write the name of a chain in this file"),
        )
        for name in names
        if name not in chains
    ]


def _repeated_addresses(routers: Iterable[RouterConfig]) -> list[Problem]:
    problems: list[Problem] = []
    owners: dict[Address, str] = {}
    for router in routers:
        owner = owners.setdefault(router.address, router.name)
        if owner != router.name:
            key = dotted(("routers", router.name, "address"))
            mistake = f"is the same as that of routers.{owner}"
            problems.append(Problem(key, mistake, "remove one of them, or correct it"))
    return problems
