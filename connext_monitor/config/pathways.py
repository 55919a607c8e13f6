"""Pathways as a config names them: by the names of their chains."""

from connext_monitor.config.table import Table

ANY_CHAIN = "*"
"""In a pathway: every chain, configured or not."""


class PathwayPattern(Table):
    """Some pathways, by the names of their chains."""

    origin: str = ANY_CHAIN
    destination: str = ANY_CHAIN

    def matches(self, origin: str, destination: str) -> bool:
        """Whether it covers the pathway between the chains of these names."""
        return self.origin in {ANY_CHAIN, origin} and self.destination in {ANY_CHAIN, destination}

    def touches(self, chain: str) -> bool:
        """Whether any pathway that it covers begins or ends at the chain of this name."""
        return not {self.origin, self.destination}.isdisjoint({ANY_CHAIN, chain})
