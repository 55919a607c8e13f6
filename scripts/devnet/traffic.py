"""Makes transfers as a real bridge sees them, and on request some that get stuck."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from scripts.devnet.chain import Chain
from scripts.devnet.devnet import Devnet
from scripts.devnet.errors import DevnetError
from scripts.devnet.transfer import Transfer

log = logging.getLogger(__name__)


class Fate(StrEnum):
    """What becomes of a transfer after its xcall."""

    FAST = "fast"
    """Executed with a router's funds, then reconciled; the slow way where no router acts."""
    SLOW = "slow"
    """Reconciled, then executed."""
    NEVER_EXECUTED = "never-executed"
    """Reconciled, and that is all."""
    LATE = "late"
    """Executed with a router's funds, but late; then reconciled."""
    NEVER_RECONCILED = "never-reconciled"
    """Executed with a router's funds, and that is all."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between two xcalls, between the steps of a transfer (each varied by half), and until a late execute."""

    every: float = 5.0
    step: float = 2.0
    late_after: float = 45.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One transfer to make; ``amount`` in base units, 0 sends no asset."""

    origin: Chain
    destination: Chain
    amount: int
    fate: Fate
    routers: int = 1


def choose(chains: Sequence[Chain], rng: random.Random, fate: Fate | None = None) -> Plan:
    """The next transfer: any direction, a third without tokens, a third slow unless ``fate`` is given."""
    origin, destination = rng.sample(list(chains), 2)
    amount = rng.choice([0, rng.randint(1, 10_000) * 10**16, rng.randint(1, 100) * 10**18])
    fate = fate or rng.choice([Fate.FAST, Fate.FAST, Fate.SLOW])
    return Plan(origin, destination, amount, fate, routers=rng.choice([1, 1, 2]))


async def traffic(
    devnet: Devnet,
    *,
    rng: random.Random,
    pace: Pace = Pace(),
    stuck: Sequence[Fate] = (),
    count: int | None = None,
    say: Callable[[str], None] = log.info,
) -> None:
    """Make transfers until cancelled, or ``count`` of them and their ends; those of ``stuck`` are the first.

    ``say`` gets a line for every step. A step that fails is reported in the same way, and the rest goes on. While a
    destination is paused, what is to be executed there waits, as relayers and routers do.
    """
    async with asyncio.TaskGroup() as lives:
        made = 0
        while count is None or made < count:
            plan = choose(devnet.chains, rng, stuck[made] if made < len(stuck) else None)
            life = _Life(devnet, plan, pace, random.Random(rng.random()), say)  # noqa: S311 - choices of a test
            lives.create_task(life.live())
            made += 1
            if made != count:
                await asyncio.sleep(pace.every)


@dataclass(frozen=True, slots=True)
class _Life:
    """One transfer, from its xcall to the end that its plan wants."""

    devnet: Devnet
    plan: Plan
    pace: Pace
    rng: random.Random
    say: Callable[[str], None]

    async def live(self) -> None:
        way = f"{self.plan.origin.name} → {self.plan.destination.name}"
        try:
            transfer = await self.devnet.xcall(self.plan.origin, self.plan.destination, amount=self.plan.amount)
        except DevnetError as error:
            self.say(f"{way}: no xcall: {error}")
            return
        name = f"{way} #{transfer.nonce} {_short(transfer)}"
        named = replace(self, say=lambda step: self.say(f"{name} {step}"))
        what = _amount(self.plan.amount) + _warning(self.plan.fate, self.pace)
        named.say(f"xcalled in block {transfer.block_number}: {what}")
        try:
            await named.finish(transfer)
        except DevnetError as error:
            named.say(f"goes no further: {error}")

    async def finish(self, transfer: Transfer) -> None:
        """Make the legs that the fate wants, in its order."""
        match await self._fate():
            case Fate.NEVER_EXECUTED:
                await self._reconcile(transfer)
            case Fate.SLOW:
                await self._reconcile(transfer)
                await self._execute_slow(transfer)
            case Fate.NEVER_RECONCILED:
                await self._execute_fast(transfer, after=self._step())
            case Fate.FAST | Fate.LATE:
                late = self.plan.fate is Fate.LATE
                await self._execute_fast(transfer, after=self.pace.late_after if late else self._step())
                await self._reconcile(transfer)

    async def _fate(self) -> Fate:
        """The plan's; what waits in vain for a router takes the slow path."""
        destination = self.plan.destination
        fast = self.plan.fate is Fate.FAST
        waits = fast and (not self.devnet.acting_routers(destination) or await _is_paused(destination))
        return Fate.SLOW if waits else self.plan.fate

    def _step(self) -> float:
        return self.pace.step * self.rng.uniform(0.5, 1.5)

    async def _until_open(self, chain: Chain) -> None:
        while await _is_paused(chain):  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(self._step())

    async def _reconcile(self, transfer: Transfer) -> None:
        await asyncio.sleep(self._step())
        receipt = await self.devnet.reconcile(transfer)
        self.say(f"reconciled in block {receipt.block_number}")

    async def _execute_slow(self, transfer: Transfer) -> None:
        await asyncio.sleep(self._step())
        await self._until_open(transfer.destination)
        receipt = await self.devnet.execute_slow(transfer)
        self.say(f"executed in block {receipt.block_number} (slow)")

    async def _execute_fast(self, transfer: Transfer, *, after: float) -> None:
        await asyncio.sleep(after)
        await self._until_open(transfer.destination)
        routers = min(self.plan.routers, max(1, len(self.devnet.acting_routers(transfer.destination))))
        receipt = await self.devnet.execute_fast(transfer, routers=routers)
        self.say(f"executed in block {receipt.block_number} (fast, {routers} router{'s' if routers > 1 else ''})")


async def _is_paused(chain: Chain) -> bool:
    return bool(await chain.view(chain.contract, "bool", "paused()"))


def _short(transfer: Transfer) -> str:
    return f"{transfer.transfer_id[:10]}…{transfer.transfer_id[-4:]}"


def _amount(amount: int) -> str:
    return f"{amount / 10**18:g} DEVT" if amount else "no asset"


def _warning(fate: Fate, pace: Pace) -> str:
    match fate:
        case Fate.NEVER_EXECUTED:
            return ", will never be executed"
        case Fate.LATE:
            return f", will be executed after {pace.late_after:g} s"
        case Fate.NEVER_RECONCILED:
            return ", will never be reconciled"
        case _:
            return ""
