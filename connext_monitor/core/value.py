"""`value`: ``dataclass``, for what is made many times for every log.

To mypy it is `dataclasses.dataclass` itself, so that nothing can be assigned to a frozen one. When the program runs it
leaves the freezing out: a frozen dataclass sets each field through a call, and that was a sixth of all the time that
reading history took (measured by ``scripts.bench.ingest``).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:
    from dataclasses import dataclass

    def value(*, frozen: bool, slots: bool) -> object:
        """See above; what mypy knows to be frozen may be hashed."""
        return dataclass(slots=slots, unsafe_hash=frozen)


__all__ = ["value"]
