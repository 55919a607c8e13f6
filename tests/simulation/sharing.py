"""What a story has where its instances share a database on a server: its lease, and what befalls the server.

Plain values; every time is in seconds since the story's begin, as in `tests.simulation.story`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cluster:
    """The instances share a database on a server; one takes over when its owner is silent for ``takeover_after``.

    Each prefers another endpoint of a chain than the one before.
    """

    takeover_after: float


@dataclass(frozen=True, slots=True)
class Cut:
    """Nothing passes between an instance and the server for so many seconds, and neither is told.

    ``unheard``: what the instance begins to write first then is committed all the same; only the answers are lost.
    """

    instance: int
    at: float
    seconds: float
    unheard: bool = False


@dataclass(frozen=True, slots=True)
class Failover:
    """The server is away for so many seconds, and back as it was ``lost`` seconds before; connections are closed.

    ``unnoticed``: a pooler before it keeps the connections, and it is back at once.
    """

    at: float
    seconds: float
    lost: float
    unnoticed: bool = False
