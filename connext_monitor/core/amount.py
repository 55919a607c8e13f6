"""Amounts of tokens as values with parts; words are made of them last."""

from decimal import Context, Decimal

from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.events import Address, DomainId
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.structs import struct
from connext_monitor.core.token import Token, plain_number
from connext_monitor.core.transfer import Transfer

_EXACT = Context(prec=100)


@struct(frozen=True, slots=True)
class Amount:
    """How much of which token.

    ``number`` is a plain decimal number in whole tokens, None where nothing tells how many base units make one;
    ``symbol`` is what the token calls itself, ``token`` its address and ``base_units`` the exact amount, each None
    where it is not known.
    """

    number: str | None
    symbol: str | None = None
    token: Address | None = None
    base_units: int | None = None

    @property
    def full(self) -> str:
        """``1.5 USDC (token 0x…)``, ``1.5 of token 0x…`` or ``1500000 base units of token 0x…``."""
        if self.token is None:
            return self._how_many
        address = to_checksum_address(self.token)
        return f"{self._how_many} (token {address})" if self.symbol else f"{self._how_many} of token {address}"

    @property
    def short(self) -> str:
        """The same without the address, or with its beginning where the token's symbol is not known."""
        if self.token is None or self.symbol:
            return self._how_many
        return f"{self._how_many} of {to_checksum_address(self.token)[:8]}…"

    @property
    def _how_many(self) -> str:
        if self.number is None:
            return f"{self.base_units} base units"
        return f"{self.number} {self.symbol}" if self.symbol else self.number


def token_amount(base_units: int, address: Address, token: Token | None) -> Amount:
    """So many base units of this token, whose own words may be known."""
    if token is None:
        return Amount(None, None, address, base_units)
    return Amount(token.number(base_units), token.symbol, address, base_units)


def transfer_amount(transfer: Transfer, labels: ChainLabels) -> Amount | None:
    """What a transfer moves; None where it moves nothing, or nobody has seen what."""
    info = transfer.info
    if info is None or (transfer.amount == 0 and info.bridged_amount == 0):
        return None
    if transfer.asset is None or transfer.amount is None:
        return Amount(normalized_number(info.normalized_in))
    token = labels.tokens.of(transfer.origin, transfer.asset)
    if token is None:
        return Amount(normalized_number(info.normalized_in), None, transfer.asset, transfer.amount)
    return token_amount(transfer.amount, transfer.asset, token)


def amount_on(domain: DomainId, address: Address, base_units: int, labels: ChainLabels) -> Amount:
    """So many base units of the token at this address of a chain."""
    return token_amount(base_units, address, labels.tokens.of(domain, address))


def normalized_number(normalized: int) -> str:
    """An amount scaled to 18 decimals (``normalizedIn``) as a plain decimal number."""
    return plain_number(Decimal(normalized).scaleb(-18, _EXACT))
