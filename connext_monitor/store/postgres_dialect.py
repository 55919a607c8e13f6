"""How PostgreSQL has the statements: SQLAlchemy's dialect of it, with our functions and partial indexes.

Slow to load, and only loaded where the database is a PostgreSQL.
"""

import re
from functools import lru_cache
from typing import Any

from sqlalchemy import Boolean, text
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGDDLCompiler, PGDialect
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from connext_monitor.store import sql_functions
from connext_monitor.store.connection import POSTGRESQL
from connext_monitor.store.schema import metadata

_WORDS = {
    sql_functions.NowMs: "(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
    # SQLite's max() and min() of several values are NULL where one of them is; GREATEST and LEAST leave that one out.
    sql_functions.Larger: "CASE WHEN num_nulls({0}) = 0 THEN greatest({0}) END",
    sql_functions.Smaller: "CASE WHEN num_nulls({0}) = 0 THEN least({0}) END",
    sql_functions.Joined: "string_agg(({0})::text, ',')",
    sql_functions.Hexed: "encode({0}, 'hex')",
    sql_functions.HoldsForAny: "bool_or({0})",
}
_FLAG = re.compile(
    r"\b("
    + "|".join(sorted({c.name for table in metadata.tables.values() for c in table.c if isinstance(c.type, Boolean)}))
    + r") = ([01])\b"
)


def _written(element: FunctionElement[Any], compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 - as SQLAlchemy's
    return _WORDS[type(element)].format(compiler.process(element.clauses, **how))


for _function in _WORDS:
    compiles(_function, POSTGRESQL)(_written)


@compiles(sql_functions.Contains, POSTGRESQL)
def _contains(element: sql_functions.Contains, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 - as SQLAlchemy's
    whole, part = (compiler.process(clause, **how) for clause in element.clauses)
    return f"position({part} in {whole}) > 0"


@compiles(CreateIndex, POSTGRESQL)
def _create_index(create: CreateIndex, compiler: PGDDLCompiler, **how: Any) -> str:  # noqa: ANN401 - as SQLAlchemy's
    """An index of some rows is of the same rows here: the schema and the migrations say it for SQLite."""
    only = create.element.dialect_options["sqlite"]["where"]
    if only is not None:
        create.element.dialect_options[POSTGRESQL]["where"] = text(with_flags(str(only)))
    return str(compiler.visit_create_index(create, **how))  # type: ignore[no-untyped-call]


def with_flags(sql: str) -> str:
    """The same SQL, but a flag is compared to a truth value, not to 0 or 1."""
    return _FLAG.sub(lambda flag: f"{flag[1]} = {'true' if flag[2] == '1' else 'false'}", sql)


@lru_cache(maxsize=4096)
def as_driver_wants(sql: str) -> str:
    """A statement with a ``?`` for each value, as psycopg takes it."""
    return with_flags(sql).replace("%", "%%").replace("?", "%s")


class _Compiler(PGCompiler):
    def _on_conflict_target(self, clause: Any, **how: Any) -> str:  # noqa: ANN401 - as SQLAlchemy's
        # The statements are SQLite's, which knows no constraint as the target of an upsert. PostgreSQL's own insert
        # would do for both, and take every command that uses SQLite 50 ms to load.
        if not hasattr(clause, "constraint_target"):
            clause.constraint_target = None
        return str(super()._on_conflict_target(clause, **how))  # type: ignore[no-untyped-call]


class _Dialect(PGDialect):
    statement_compiler = _Compiler
    supports_statement_cache = True


DIALECT: Dialect = _Dialect(paramstyle="qmark")  # type: ignore[no-untyped-call]
