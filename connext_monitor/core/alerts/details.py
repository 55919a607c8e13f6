"""What an alert's words need and the store does not know otherwise, as each kind's own type.

They are kept as JSON objects whose keys are the fields' names. What a field's default says is not written; a key that
no field has is not read.
"""

import json
from typing import Self

import msgspec

from connext_monitor.core.events import DomainId, Pathway


class Details(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the details of every kind can say.

    ``escalated_at`` is when the alert became critical for having been open too long (Unix seconds).
    """

    escalated_at: int | None = None

    @property
    def pathway(self) -> Pathway | None:
        """The pathway (origin, destination) that it is about; None where it is about none, or none is known."""
        return None

    @property
    def due_at(self) -> int | None:
        """When that was due which is late (Unix seconds); None where nothing is."""
        return None

    @property
    def watched_chains(self) -> tuple[DomainId, ...]:
        """The chains without which nobody sees it end."""
        return ()

    @classmethod
    def read(cls, stored: str | bytes) -> "Details":
        """The details of a stored JSON object. Raises `msgspec.ValidationError`."""
        return msgspec.convert(json.loads(stored), type=cls, strict=False)

    def written(self) -> str:
        """The JSON object that is stored."""
        # Strangers' words may hold halves of surrogate pairs, which only this encoder writes.
        return json.dumps(msgspec.to_builtins(self))

    def replace(self, **changes: object) -> Self:
        """The same, but for these fields."""
        return msgspec.structs.replace(self, **changes)


class PathwayDetails(Details, frozen=True, kw_only=True, omit_defaults=True):
    """Details of an alert about a pathway, or about a transfer on it."""

    origin: DomainId
    destination: DomainId

    @property
    def pathway(self) -> Pathway | None:
        """The pathway (origin, destination)."""
        return self.origin, self.destination

    @property
    def watched_chains(self) -> tuple[DomainId, ...]:
        """Both ends."""
        return self.origin, self.destination
