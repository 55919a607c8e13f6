"""`value`: ``dataclass``, for what is made many times for every log.

To mypy, `dataclasses.replace` and `dataclasses.fields` it is `dataclasses.dataclass` itself. When the program runs it
makes a `msgspec.Struct`, which comes into being in a quarter of the time, and which the garbage collector need not look
at: a frozen dataclass sets each field through a call, and that was a sixth of all the time that reading history took
(measured by ``scripts.bench.ingest``).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:
    from collections.abc import Callable
    from dataclasses import MISSING, dataclass, fields

    import msgspec

    def value(*, frozen: bool, slots: bool) -> Callable[[type], type]:  # noqa: ARG001 - a struct always has slots
        """See above; values hold no reference to what holds them, so none of them needs to be collected."""

        def made(described: type) -> type:
            every = fields(dataclass(frozen=frozen)(described))
            kept = {field.name for field in every} | {"__dict__", "__weakref__", "__setattr__", "__delattr__"}
            kept |= {"__init__", "__repr__", "__eq__", "__hash__"}
            struct = msgspec.defstruct(
                described.__name__,
                [(one.name, one.type, *(() if one.default is MISSING else (one.default,))) for one in every],
                namespace={name: member for name, member in vars(described).items() if name not in kept},
                module=described.__module__,
                frozen=frozen,
                gc=False,
            )
            struct.__qualname__ = described.__qualname__
            return struct

        return made


__all__ = ["value"]
