"""An engine whose connections are opened to their end, whoever is cancelled meanwhile.

The driver opens a file in a thread of its own. Where the task that waits for it is cancelled, driver and pool both
forget what they were opening, and the file stays open until the garbage is collected.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class CarefulEngine(AsyncEngine):
    """SQLAlchemy's engine, with connections that are taken and given back in tasks of their own."""

    def __init__(self, sync_engine: Engine) -> None:
        super().__init__(sync_engine)
        self._returning: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction, which is committed at the end unless something was raised."""
        async with AsyncExitStack() as stack:
            connection = await self._take()
            # It has begun already, in the other task.
            stack.push_async_exit(connection)
            await stack.enter_async_context(connection.begin())
            yield connection

    async def dispose(self, close: bool = True) -> None:
        """Close every connection, also those that nobody waits for any more."""
        await asyncio.gather(*self._returning)
        await super().dispose(close)

    async def _take(self) -> AsyncConnection:
        taking = asyncio.ensure_future(self.connect().start())
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            returning = asyncio.ensure_future(_give_back(taking))
            self._returning.add(returning)
            returning.add_done_callback(self._returning.discard)
            raise


async def _give_back(taking: "asyncio.Future[AsyncConnection]") -> None:
    # It fails for reasons that the caller, who is gone, would have been told.
    with suppress(Exception):
        await (await taking).close()
