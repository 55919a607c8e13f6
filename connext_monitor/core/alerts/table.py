"""The table of all kinds of alert: every `AlertKind` that a module of `kinds` defines, by its name."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules

from connext_monitor.core.alerts import kinds
from connext_monitor.core.alerts.alert import AlertKind, KindOf


def _defined() -> Iterator[AlertKind]:
    for module in iter_modules(kinds.__path__, f"{kinds.__name__}."):
        defined = vars(import_module(module.name)).values()
        yield from (value for value in defined if isinstance(value, KindOf))


KINDS: Mapping[str, AlertKind] = {kind.name: kind for kind in _defined()}
"""Every kind by its name, in the order of the modules."""

ENDED_BY_READING: Sequence[AlertKind] = tuple(kind for kind in KINDS.values() if kind.ends_by_reading)
"""The kinds whose alerts can end with what is read of a chain."""

INHIBITING: Sequence[AlertKind] = sorted(
    (kind for kind in KINDS.values() if kind.inhibits), key=lambda kind: len(kind.inhibits), reverse=True
)
"""The kinds whose open alerts are the cause of others; what inhibits more comes first."""

INHIBITED: Sequence[AlertKind] = [
    KINDS[name] for name in sorted({name for kind in INHIBITING for name in kind.inhibits})
]
"""The kinds whose alerts need no message of their own while their cause stands."""

EXCLUDING_LEGS: Sequence[AlertKind] = tuple(kind for kind in KINDS.values() if kind.excludes_legs)
"""The kinds whose open alerts say all there is to say about the legs of their transfers."""
