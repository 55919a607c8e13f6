"""`struct`: ``dataclass``, for values that are made many times for every log; `replace` makes a changed copy of one.

To mypy, `dataclasses.replace` and `dataclasses.fields` it is `dataclasses.dataclass` itself. At run time it makes a
`msgspec.Struct`, which is created in a quarter of the time and which the garbage collector need not visit: a frozen
dataclass sets each field through a call, and that was a sixth of the time that reading history took (measured by
``scripts.bench.ingest``).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as struct
    from dataclasses import replace
else:
    from collections.abc import Callable
    from dataclasses import MISSING, Field, dataclass, fields

    import msgspec
    from msgspec.structs import replace

    _GENERATED = frozenset(
        {"__dict__", "__weakref__", "__setattr__", "__delattr__", "__init__", "__repr__", "__eq__", "__hash__"}
    )

    def _default_of(field: "Field[object]") -> tuple[object, ...]:
        """It is left out where there is none."""
        if field.default_factory is not MISSING:
            return (msgspec.field(default_factory=field.default_factory),)
        return () if field.default is MISSING else (field.default,)

    def struct(*, frozen: bool, slots: bool) -> Callable[[type], type]:  # noqa: ARG001 - a struct always has slots
        """See above; such values never refer back to what holds them, so none of them needs to be collected.

        What calls something, or waits for it, is none such: through it, all would outlive their use.
        """

        def make(described: type) -> type:
            described_fields = fields(dataclass(frozen=frozen)(described))
            generated = _GENERATED | {field.name for field in described_fields}
            made_struct = msgspec.defstruct(
                described.__name__,
                [(field.name, field.type, *_default_of(field)) for field in described_fields],
                namespace={name: member for name, member in vars(described).items() if name not in generated},
                module=described.__module__,
                frozen=frozen,
                gc=False,
            )
            made_struct.__qualname__ = described.__qualname__
            return made_struct

        return make


__all__ = ["replace", "struct"]
