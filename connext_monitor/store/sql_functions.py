"""Functions that the two engines call differently, and how SQLite calls them.

All else is written once, in forms that both understand: the lowest bytes are found by sorting, whether a condition
holds for many rows is counted, and what may be NULL says where it comes in an order.
"""

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from connext_monitor.store.connection import SQLITE


class Larger(FunctionElement[Any]):
    """The largest of several values; NULL where one of them is."""

    inherit_cache = True


class Smaller(FunctionElement[Any]):
    """The smallest of several values; NULL where one of them is."""

    inherit_cache = True


class Joined(FunctionElement[Any]):
    """The values of a group in one text, with commas between them; NULL where there are none."""

    inherit_cache = True


class Hexed(FunctionElement[Any]):
    """Bytes as hexadecimal digits."""

    inherit_cache = True


class HoldsForAny(FunctionElement[Any]):
    """Whether a condition holds for any row of a group."""

    inherit_cache = True


class Contains(FunctionElement[Any]):
    """Whether bytes, the first value, have the second one somewhere in them."""

    inherit_cache = True


class NowMs(FunctionElement[Any]):
    """What the database's own clock says at this moment, in Unix milliseconds."""

    inherit_cache = True
    type = BigInteger()


_WORDS = {
    NowMs: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    Larger: "max({})",
    Smaller: "min({})",
    Joined: "group_concat({})",
    Hexed: "hex({})",
    HoldsForAny: "max({})",
    Contains: "instr({}) > 0",
}
"""SQLite's; PostgreSQL's are in `postgres_dialect`."""


def _written(element: FunctionElement[Any], compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 - as SQLAlchemy's
    return _WORDS[type(element)].format(compiler.process(element.clauses, **how))


for _function in _WORDS:
    compiles(_function, SQLITE)(_written)
