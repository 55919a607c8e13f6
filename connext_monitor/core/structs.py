"""`struct`: ``dataclass``, for values; `replace` makes a changed copy of one.

To mypy, `dataclasses.replace` and `dataclasses.fields` it is `dataclasses.dataclass` itself. At run time it makes a
`msgspec.Struct`, which is created in a quarter of the time and which the garbage collector need not visit: a frozen
dataclass sets each field through a call, and that was a sixth of the time that reading history took (measured by
``scripts.bench.ingest``). The class itself is made in 45 µs instead of 650, since no methods are compiled for it: of
a command's time a tenth was making dataclasses.
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

    _OF_A_CLASS = frozenset({"__dict__", "__weakref__"})
    """What Python adds to each class, and a struct has none of."""

    def _is_plain(field: "Field[object]") -> bool:
        return field.init and field.repr and field.compare and field.hash is None and field.kw_only is False

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
            described_fields = fields(dataclass(init=False, repr=False, eq=False)(described))
            if described.__bases__ != (object,) or not all(_is_plain(field) for field in described_fields):
                raise TypeError(f"{described.__name__} has what a struct has not: a base, or a field with exceptions")
            replaced = _OF_A_CLASS | {field.name for field in described_fields}
            made_struct = msgspec.defstruct(
                described.__name__,
                [(field.name, field.type, *_default_of(field)) for field in described_fields],
                namespace={name: member for name, member in vars(described).items() if name not in replaced},
                module=described.__module__,
                frozen=frozen,
                gc=False,
            )
            made_struct.__qualname__ = described.__qualname__
            return made_struct

        return make


__all__ = ["replace", "struct"]
