"""What chains are called: the config's names, and for all others those of the built-in deployments."""

from connext_monitor.config.models import Config
from connext_monitor.core.labels import ChainLabel, ChainLabels, KnownTokens
from connext_monitor.deployments import DEPLOYMENTS


def chain_labels(config: Config, tokens: KnownTokens | None = None) -> ChainLabels:
    """The labels of the configured chains, and of the built-in ones that are not configured."""
    configured = {chain.domain_id: ChainLabel(chain.name, chain.explorer) for chain in config.chains.values()}
    # A configured chain may have a built-in one's domain, or its name with another domain: the config's word counts.
    builtin = {
        built.domain_id: ChainLabel(built.name, built.explorer)
        for built in DEPLOYMENTS.values()
        if built.domain_id not in configured and built.name not in config.chains
    }
    return ChainLabels(configured | builtin, KnownTokens() if tokens is None else tokens)
