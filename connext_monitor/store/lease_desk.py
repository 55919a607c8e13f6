"""The lease of a server's database, asked for on a thread and a connection of its own."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.handover import Handover, StandbySight
from connext_monitor.core.ownership import Instance, Lease, SeenLease
from connext_monitor.store import lease
from connext_monitor.store.connection import Connection, transact
from connext_monitor.store.engine import FindServer, server_of
from connext_monitor.store.errors import DatabaseUnavailableError
from connext_monitor.store.executor import MakeExecutor, Threads

T = TypeVar("T")

_ENDS_WITHIN = 1.0


class LeaseDesk:
    """See `lease`; each question is one transaction. Raises DatabaseUnavailableError where it could not be asked."""

    def __init__(self, url: DatabaseUrl, executor: MakeExecutor = Threads, server: FindServer = server_of) -> None:
        self._engine = server(url)
        self._thread = executor(self._engine.lease, 1)

    async def look(self, me: Instance, now_ms: int | None) -> SeenLease:
        """See `lease.look`."""
        return await self._ask(lambda connection: lease.look(connection, me, now_ms))

    async def take(self, me: Instance, token: str, seen: Lease) -> int | None:
        """See `lease.take`."""
        return await self._ask(lambda connection: lease.take(connection, me, token, seen))

    async def beat(self, me: Instance, token: str, number: int, now_ms: int) -> bool:
        """See `lease.beat`."""
        return await self._ask(lambda connection: lease.beat(connection, me, token, number, now_ms))

    async def release(self, token: str) -> None:
        """See `lease.release`."""
        await self._ask(lambda connection: lease.release(connection, token))

    async def hand_over(self, token: str, handover: Handover) -> None:
        """See `lease.hand_over`."""
        await self._ask(lambda connection: lease.hand_over(connection, token, handover))

    async def want_sight(self, token: str, *, asks: bool) -> None:
        """See `lease.want_sight`."""
        await self._ask(lambda connection: lease.want_sight(connection, token, asks=asks))

    async def show_sight(self, me: Instance, heads: Mapping[str, BlockNumber]) -> None:
        """See `lease.show_sight`."""
        await self._ask(lambda connection: lease.show_sight(connection, me, heads))

    async def sights(self, me: Instance) -> tuple[list[StandbySight], float | None]:
        """See `lease.sights`."""
        return await self._ask(lambda connection: lease.sights(connection, me))

    async def leave(self, me: Instance) -> None:
        """See `lease.leave`."""
        await self._ask(lambda connection: lease.leave(connection, me))

    async def close(self) -> None:
        """Let go of the connection."""
        await self._thread.close(_ENDS_WITHIN)

    async def _ask(self, question: Callable[[Connection], T]) -> T:
        return await self._thread.run(partial(self._transact, question=question))

    def _transact(self, connection: Connection, question: Callable[[Connection], T]) -> T:
        try:
            return transact(connection, question)
        except connection.error as error:
            trouble = self._engine.trouble_of(error)
            if trouble is None:
                raise
            raise DatabaseUnavailableError(trouble) from error
