"""What an event besides transfers says, in words. Strangers wrote nothing in it but addresses, numbers and symbols."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from connext_monitor.core.bridge_events import BridgeEvent
from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.events import Address, DomainId
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.token import Token

_CUTS_NAMED: Final = 3
_AMOUNTS: Final = ("amount", "fee")
_TOKEN_FIELDS: Final = {
    "RouterLiquidityAdded": "local",
    "RouterLiquidityRemoved": "local",
    "AavePortalMintUnbacked": "asset",
    "AavePortalRepayment": "asset",
}
"""Of the events with amounts, the field with the token that they are of."""
_ADDRESS_LENGTH: Final = 42
_Fields = Mapping[str, Any]
_Name = Callable[[DomainId], str]
_Say = Callable[[_Fields, _Name], str]


def bridge_words(event: BridgeEvent, name: Callable[[DomainId], str]) -> str:
    """One sentence without its full stop: what has changed; ``name`` is what a chain is called."""
    return _WORDS[event.kind](event.fields, name)


def bridge_words_on(domain: DomainId, event: BridgeEvent, labels: ChainLabels) -> str:
    """The same of an event on this chain, its amounts in whole tokens where their decimals are known."""
    fields = dict(event.fields)
    if event.kind in _TOKEN_FIELDS and (token := _token(domain, fields[_TOKEN_FIELDS[event.kind]], labels)):
        # The template writes the unit; the token's address stays beside its own words, which prove nothing.
        amounts = {name: f"{token.number(int(fields[name]))} {token.symbol}" for name in _AMOUNTS if name in fields}
        return _WORDS_IN_TOKENS[event.kind](fields | amounts, labels.display_name)
    return bridge_words(event, labels.display_name)


def _token(domain: DomainId, address: str, labels: ChainLabels) -> Token | None:
    return labels.tokens.of(domain, Address(bytes.fromhex(address[2:])))


def made_by(event: BridgeEvent) -> str | None:
    """The checksummed address that the contract says did it; None where it does not say."""
    caller = event.fields.get("caller")
    return None if caller is None else to_checksum_address(caller)


def _text(template: str) -> _Say:
    """``{field}`` is the field's value, an address with its checksum."""

    def say(fields: _Fields, _name: _Name) -> str:
        return template.format_map({name: _shown(value) for name, value in fields.items()})

    return say


def _shown(value: object) -> str:
    text = str(value)
    is_address = len(text) == _ADDRESS_LENGTH and text.startswith("0x")
    return to_checksum_address(text) if is_address else text.replace("_", " ")


def _remote(fields: _Fields, name: _Name) -> str:
    return f"{_shown(fields['remote'])} was made the bridge on {name(fields['domain'])}"


def _asset(fields: _Fields, name: _Name) -> str:
    local, home = _shown(fields["local_asset"]), name(fields["domain"])
    return f"the token {local} was added, which stands for {fields['canonical_id']} of {home}"


def _allowlist(fields: _Fields, _name: _Name) -> str:
    return "any router may take part" if fields["renounced"] else "only approved routers may take part"


def _cut(verb: str) -> _Say:
    def say(fields: _Fields, _name: _Name) -> str:
        cuts = [_cut_words(cut) for cut in fields["cuts"][:_CUTS_NAMED]]
        more = fields["facets"] - len(cuts)
        parts = [*cuts, f"{more} more facets"] if more else cuts
        init = "" if int(fields["init"], 16) == 0 else f", and runs {_shown(fields['init'])}"
        return f"{verb}: {'; '.join(parts) or 'no facet'}{init}"

    return say


_VERBS: Final = {"add": "adds {0} of {1}", "replace": "replaces {0} by those of {1}", "remove": "removes {0}"}


def _cut_words(cut: Mapping[str, Any]) -> str:
    count = "1 function" if cut["functions"] == 1 else f"{cut['functions']:,} functions"
    return _VERBS[cut["action"]].format(count, _shown(cut["facet"]))


_WORDS: Final[Mapping[str, _Say]] = {
    "Paused": _text("the bridge was paused"),
    "Unpaused": _text("the bridge was unpaused"),
    "DiamondCut": _cut("the bridge's code was changed"),
    "DiamondCutProposed": _cut("a change of the bridge's code was proposed"),
    "DiamondCutRescinded": _cut("a proposed change of the bridge's code was rescinded"),
    "OwnershipProposed": _text("{proposed_owner} was proposed as the owner"),
    "OwnershipTransferred": _text("{new_owner} became the owner instead of {previous_owner}"),
    "AssignRoleAdmin": _text("{account} was given the role of an admin"),
    "AssignRoleRouter": _text("{account} was given the role of a router admin"),
    "AssignRoleWatcher": _text("{account} was given the role of a watcher"),
    "RevokeRole": _text("{account} lost its role ({role})"),
    "RouterAllowlistRemovalProposed": _text("it was proposed to let any router take part"),
    "RouterAllowlistRemoved": _allowlist,
    "SequencerAdded": _text("the sequencer {sequencer} was added"),
    "SequencerRemoved": _text("the sequencer {sequencer} was removed"),
    "RelayerAdded": _text("the relayer {relayer} was added"),
    "RelayerRemoved": _text("the relayer {relayer} was removed"),
    "RemoteAdded": _remote,
    "XAppConnectionManagerSet": _text("{updated} was made the connection manager"),
    "AssetAdded": _asset,
    "AssetRemoved": _text("the token with the key {key} was removed"),
    "RouterAdded": _text("the router {router} was approved"),
    "RouterRemoved": _text("the router {router} is no longer approved"),
    "RouterLiquidityAdded": _text("the router {router} added {amount} base units of {local}"),
    "RouterLiquidityRemoved": _text("the router {router} removed {amount} base units of {local}, to {to}"),
    "AavePoolUpdated": _text("{updated} was made the Aave pool"),
    "AavePortalFeeUpdated": _text("the fee of Aave portals was set to {updated}"),
    "AavePortalMintUnbacked": _text("the router {router} borrowed {amount} base units of {asset} from Aave"),
    "AavePortalRepayment": _text("{amount} base units of {asset} were repaid to Aave, with a fee of {fee}"),
}
_WORDS_IN_TOKENS: Final[Mapping[str, _Say]] = {
    "RouterLiquidityAdded": _text("the router {router} added {amount} (token {local})"),
    "RouterLiquidityRemoved": _text("the router {router} removed {amount} (token {local}), to {to}"),
    "AavePortalMintUnbacked": _text("the router {router} borrowed {amount} (token {asset}) from Aave"),
    "AavePortalRepayment": _text("{amount} (token {asset}) was repaid to Aave, with a fee of {fee}"),
}
