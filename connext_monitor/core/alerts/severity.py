"""How bad it is."""

from enum import Enum


class Severity(Enum):
    """How loudly to say it; ordered by ``rank``."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the mildest."""
        return list(Severity).index(self)
