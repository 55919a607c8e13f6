"""How chains are called and linked to, for people and for JSON."""

from collections.abc import Mapping
from dataclasses import field

from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.events import Address, DomainId, Hash32
from connext_monitor.core.structs import struct
from connext_monitor.core.token import Token

TokenId = tuple[DomainId, Address]
"""The chain that a token stands on, and its address there."""

ChainNames = Mapping[DomainId, str]
"""The configured chains\' names, which alerts about chains are about."""


@struct(frozen=True, slots=True)
class ChainLabel:
    """A chain's name, and its explorer's base URL where there is one."""

    name: str
    explorer: str | None = None

    def tx_link(self, tx_hash: Hash32) -> str | None:
        """The transaction's page in the explorer."""
        return f"{self.explorer}/tx/0x{tx_hash.hex()}" if self.explorer else None

    def address_link(self, address: Address) -> str | None:
        """The account's page in the explorer."""
        return f"{self.explorer}/address/{to_checksum_address(address)}" if self.explorer else None


class KnownTokens:
    """What tokens call themselves, as far as that is known: more of them is learned while the program runs."""

    def __init__(self, tokens: Mapping[TokenId, Token] | None = None) -> None:
        self._by_id = dict(tokens or {})

    def of(self, domain: DomainId, address: Address) -> Token | None:
        """The token at an address of a chain."""
        return self._by_id.get((domain, address))

    def add(self, tokens: Mapping[TokenId, Token]) -> None:
        """From now on these are known, by these words."""
        self._by_id.update(tokens)


@struct(frozen=True, slots=True)
class ChainLabels:
    """The labels of all chains whose name is known, configured or not, and the tokens that are known."""

    by_domain: Mapping[DomainId, ChainLabel]
    tokens: KnownTokens = field(default_factory=KnownTokens)

    def name(self, domain: DomainId) -> str | None:
        """The chain's name, None where nobody knows one."""
        label = self.by_domain.get(domain)
        return label.name if label else None

    def display_name(self, domain: DomainId) -> str:
        """The chain's name, or its domain id in words."""
        return self.name(domain) or f"domain {domain}"

    def tx_link(self, domain: DomainId, tx_hash: Hash32) -> str | None:
        """The transaction's page in the chain's explorer, where it has one."""
        label = self.by_domain.get(domain)
        return label.tx_link(tx_hash) if label else None

    def address_link(self, domain: DomainId, address: Address) -> str | None:
        """The account's page in the chain's explorer, where it has one."""
        label = self.by_domain.get(domain)
        return label.address_link(address) if label else None
