"""What turns a function over a connection into a transaction of its own.

A query or a change is written once, as a function over a connection, so that it can be a part of any transaction; the
nouns of the `Store` list those that the rest of the program runs by themselves.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from connext_monitor.core.labels import ChainNames
from connext_monitor.store.connection import Connection
from connext_monitor.store.database import Database

P = ParamSpec("P")
T = TypeVar("T")


class Noun:
    """Some of what is kept."""

    def __init__(self, database: Database, names: ChainNames) -> None:
        self.database = database
        self.names = names


Transaction = Callable[Concatenate[Noun, P], Coroutine[Any, Any, T]]
"""A method of a noun; `Database.read` and `Database.write` say where it runs, and what it raises."""


def reads(query: Callable[Concatenate[Connection, P], T]) -> Transaction[P, T]:
    """The query as one consistent read."""

    async def read(noun: Noun, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await noun.database.read(lambda connection: query(connection, *args, **kwargs))

    return read


def reads_with_names(query: Callable[Concatenate[Connection, ChainNames, P], T]) -> Transaction[P, T]:
    """The same for a query that is told the chains' names."""

    async def read(noun: Noun, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await noun.database.read(lambda connection: query(connection, noun.names, *args, **kwargs))

    return read


def writes(change: Callable[Concatenate[Connection, P], T]) -> Transaction[P, T]:
    """The change as one transaction, committed whole or not at all."""

    async def write(noun: Noun, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await noun.database.write(lambda connection: change(connection, *args, **kwargs))

    return write
