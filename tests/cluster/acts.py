"""What is done to two instances at random, by a seed."""

import asyncio
from collections.abc import Callable
from random import Random

from tests.cluster.instances import TAKEOVER, Instances

_KILLS = 0.5
_ON_OWNER = 0.8
"""Shares of the acts."""


class Acts:
    """Mostly on the owner, and on both at once where they overlap; ``owner`` asks who it is, or was last."""

    def __init__(self, instances: Instances, owner: Callable[[], str], chance: Random) -> None:
        self.done: list[str] = []
        self._instances = instances
        self._owner = owner
        self._chance = chance

    async def play(self, names: tuple[str, str], acts: int) -> None:
        """So many of them; in the end both instances run."""
        busy: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            for _ in range(acts):
                await asyncio.sleep(self._chance.uniform(0.0, 2 * TAKEOVER))
                owner = await asyncio.to_thread(self._owner)
                others = [name for name in names if name != owner]
                in_order = [owner, *others] if self._chance.random() < _ON_OWNER else [*others, owner]
                if all(name in busy and not busy[name].done() for name in names):
                    await asyncio.wait(busy.values(), return_when=asyncio.FIRST_COMPLETED)
                name = next(name for name in in_order if name not in busy or busy[name].done())
                busy[name] = tasks.create_task(self._act(name))

    async def _act(self, name: str) -> None:
        """Kill it and start it again, or suspend it for half a second to four times `TAKEOVER`."""
        if self._chance.random() < _KILLS:
            down = self._chance.uniform(0.0, TAKEOVER)
            self.done.append(f"{name} killed, to be started {down:.1f} s later")
            await self._instances.kill(name)
            await asyncio.sleep(down)
            await self._instances.start(name)
        else:
            # Of short ones as many as of long ones: each is so many times as long as another.
            seconds = 0.5 * (8 * TAKEOVER) ** self._chance.random()
            self.done.append(f"{name} suspended for {seconds:.1f} s")
            await self._instances.suspend(name, seconds)
