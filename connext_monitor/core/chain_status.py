"""How a chain is seen at this moment."""

from collections.abc import Mapping
from dataclasses import field
from typing import NamedTuple

from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber, BlockRef, ChainId, DomainId
from connext_monitor.core.structs import struct
from connext_monitor.core.unjudged import Unjudged


class RequestKind(NamedTuple):
    """What requests are counted by; ``outcome`` is `answered`, `refused` or `unavailable`."""

    endpoint: str
    method: str
    outcome: str


@struct(frozen=True, slots=True)
class ChainStatus:
    """One chain as the monitor sees it now, or as the database last knew it.

    ``head`` is the highest block that an endpoint announced; ``observed`` says that the covered head has risen lately;
    ``caught_up`` that everything up to the head was covered; ``endpoint`` the host in use; ``trouble`` the last thing
    that went wrong and still does, in words; ``final_still_for`` the seconds since a block last became final, or since
    this program started; ``final_trouble`` why the endpoint names no final block, in words; ``holes_found`` and
    ``holes_closed`` count holes in its nonces, ``requests`` what its endpoints were asked, since this program started.
    ``unjudged`` is what is due on it and waits for too long to be judged; ``nonce_trouble`` why its nonce has not been
    known for too long.
    """

    domain: DomainId
    name: str
    chain_id: ChainId
    head: BlockNumber | None
    coverage: Coverage | None
    observed: bool
    caught_up: bool
    endpoint: str | None
    trouble: str | None
    holes_found: int = 0
    holes_closed: int = 0
    requests: Mapping[RequestKind, int] = field(default_factory=dict)
    final_still_for: float = 0.0
    final_trouble: str | None = None
    unjudged: Unjudged | None = None
    nonce_trouble: str | None = None

    @property
    def covered(self) -> BlockRef | None:
        """The last block covered: its time is the watermark."""
        return self.coverage.covered if self.coverage else None

    def lag(self, now: float) -> int | None:
        """The age of the watermark at ``now`` (Unix seconds); None until something has been covered."""
        return max(0, round(now - self.covered.timestamp)) if self.covered else None
