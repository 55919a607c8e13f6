"""What the demo of two instances shows: takeovers, and that nothing is missed, by what the chains themselves say."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from scripts.devnet.devnet import Devnet
from scripts.devnet.errors import DevnetError
from scripts.devnet.inbox import Inbox
from scripts.devnet.instance import Instance, Term
from scripts.devnet.transfer import Transfer
from scripts.devnet.truth import Truth, truth
from scripts.postgres_pair import Pair

_LOOKS_EVERY = 0.2
_WITHIN = 120.0
"""Seconds that anything may take which must happen, on a machine that does much else."""
_SURELY_LATE = 10.0
"""Seconds beyond its deadline: the alert about what is late for less may be on its way."""

Say = Callable[[str, str], None]
"""Who says it, and a line."""


@dataclass(frozen=True, slots=True)
class Acts:
    """What happens when, in seconds after what was before; and the deadlines of transfers and of instances."""

    kill_after: float = 30.0
    takeover_after: float = 5.0
    promote: bool = False
    promote_after: float = 20.0
    execute: float = 15.0
    reconcile: float = 40.0


@dataclass(frozen=True, slots=True)
class Story:
    """Two instances, and what they work on."""

    devnet: Devnet
    pair: Pair
    instances: Sequence[Instance]
    inbox: Inbox
    acts: Acts
    say: Say

    async def play(self) -> None:
        """The whole of it. Raises `DevnetError` where something was missed, or does not happen."""
        owner = self._named((await self._next_term(None)).owner)
        other = next(each for each in self.instances if each is not owner)
        await self._until(other.term, f"{other.name} does not answer")
        self._tell(f"{owner.name} (process {owner.pid}) owns the work, {other.name} (process {other.pid}) stands by")
        await asyncio.sleep(self.acts.kill_after)
        sent = await self._kill(owner, other)
        await self._compare(other)
        await self._until(owner.term, f"{owner.name} does not come back")
        self._tell(f"{owner.name} (process {owner.pid}) is back, and stands by")
        await self._alerted_about(sent)
        await self._compare(other)
        if self.acts.promote:
            await asyncio.sleep(self.acts.promote_after)
            await self._promote()
            await self._compare(other)
        self._tell("this goes on until Ctrl-C. Try it yourself: kill -9 the process of either one")
        await self._follow()

    async def _next_term(self, before: Term | None) -> Term:
        """The term of an owner of the work, once there is a different one from before."""
        terms: set[Term | None] = set()

        async def begun() -> bool:
            terms.clear()
            terms.update([await each.term() for each in self.instances])
            terms.difference_update({None, before})
            return bool(terms)

        await self._until(begun, "no instance owns the work")
        return next(term for term in terms if term is not None)

    def _named(self, name: str) -> Instance:
        return next(each for each in self.instances if each.name == name)

    async def _kill(self, owner: Instance, other: Instance) -> Transfer:
        """Kill the owner, and see the other one take over; what was sent meanwhile."""
        before = await self._next_term(None)
        began, pid = time.monotonic(), owner.pid
        owner.kill()
        self._tell(f"{owner.name} (process {pid}) was killed, by kill -9. Now nobody watches the bridge")
        alpha, beta = self.devnet.chains
        sent = await self.devnet.xcall(alpha, beta)
        self.say("bridge", f"alpha → beta #{sent.nonce} was sent while nobody watched, and will never be executed")
        await self._next_term(before)
        self._tell(f"{other.name} owns the work, {time.monotonic() - began:.1f} s after the kill")
        await self._until(lambda: other.ask("/readyz"), f"{other.name} is not ready")
        self._tell(f"{other.name} has read all blocks up to now, {time.monotonic() - began:.1f} s after the kill")
        return sent

    async def _alerted_about(self, transfer: Transfer) -> None:
        """Wait for the alert about a transfer that nobody executes."""

        async def alerted() -> bool:
            return ("execute_overdue", transfer.transfer_id) in self.inbox.opened

        await self._until(alerted, f"no alert comes about {transfer.transfer_id}")
        self._tell(f"alpha → beta #{transfer.nonce}, which was sent while nobody watched, was alerted about")

    async def _promote(self) -> None:
        before = await self._next_term(None)
        began = time.monotonic()
        self.pair.kill_primary()
        self._tell("the database's server was killed, as by a power cut. Its replica is promoted")
        self.pair.promote()
        owner = self._named((await self._next_term(before)).owner)
        await self._until(lambda: owner.ask("/readyz"), f"{owner.name} is not ready")
        self._tell(f"{owner.name} works on the promoted replica, {time.monotonic() - began:.1f} s after the kill")

    async def _compare(self, instance: Instance) -> None:
        """What was stored, alerted and sent with what the chains say at this moment."""
        said = await truth(self.devnet.chains)
        late = {("execute_overdue", id_) for id_ in said.late("executed", self.acts.execute, _SURELY_LATE)}
        late |= {("reconcile_overdue", id_) for id_ in said.late("reconciled", self.acts.reconcile, _SURELY_LATE)}
        left: list[str] = []

        async def nothing_left() -> bool:
            left[:] = said.unknown_to(await instance.transfers())
            left.extend(f"alert {kind} of {id_}" for kind, id_ in late - self.inbox.opened)
            return not left

        try:
            await self._until(nothing_left, "")
        except DevnetError:
            raise DevnetError("This was missed:\n" + "\n".join(left)) from None
        self._tell(self._compared(said, len(late)))

    def _compared(self, said: Truth, late: int) -> str:
        counts = ", ".join(f"{said.count(leg)} {leg}" for leg in ("xcalled", "executed", "reconciled"))
        again = f"{self.inbox.repeated} of them came twice" if self.inbox.repeated else "none came twice"
        return (
            f"compared with the chains: {counts}, and all of that is stored. Now late: {late}, and all of these are "
            f"alerted about. Of {self.inbox.messages} messages {again}. Nothing was missed"
        )

    async def _follow(self) -> None:
        term = await self._next_term(None)
        while True:
            with contextlib.suppress(DevnetError):  # both were killed, or both servers are gone
                term = await self._next_term(term)
                self._tell(f"{term.owner} (process {self._named(term.owner).pid}) owns the work")

    async def _until(self, holds: Callable[[], Awaitable[object]], otherwise: str) -> None:
        until = time.monotonic() + _WITHIN
        while not await holds():
            if time.monotonic() >= until:
                raise DevnetError(otherwise)
            await asyncio.sleep(_LOOKS_EVERY)

    def _tell(self, line: str) -> None:
        self.say("cluster", line)
