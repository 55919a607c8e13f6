"""Draws the transfers of a story."""

from dataclasses import dataclass, replace
from random import Random

from tests.simulation.story import Deed, Story, Transfer

_AN_HOUR = 20
"""Transfers that are called in one."""
_LAST_CALLED = 1800.0
"""Seconds before the end after which nothing is called any more."""
_WITH_UNREADABLE = 1 / 6
"""Of all stories."""
UNCONFIGURED = 9_999
"""The domain id of a chain that nobody watches."""


@dataclass(frozen=True, slots=True)
class _Outage:
    """No router is there for transfers to a chain for a while: they take the slow path."""

    destination: int
    at: float
    until: float


def draw_transfers(random: Random, story: Story) -> tuple[Transfer, ...]:
    """Transfers all through the story, in the order of their calls; a few began before it."""
    last = max(story.seconds - _LAST_CALLED, story.seconds / 2)
    times = [random.uniform(-1800.0, 0.0) for _ in range(random.randrange(8))]
    times += [random.uniform(0.0, last) for _ in range(round(_AN_HOUR * last / 3600))]
    if random.random() < 0.3:
        burst = random.uniform(0.0, last)
        times += [burst + random.uniform(0.0, 120.0) for _ in range(random.randrange(5, 40))]
    outages = _outages(random, story)
    return tuple(_transfer(random, story, round(at, 1), outages) for at in sorted(times))


def draw_unreadable(story: Story) -> Story:
    """The story, in some cases with logs that nobody can decode; what it holds already stays as it is."""
    random = Random(f"{story.seed} of unreadable logs")  # noqa: S311
    if random.random() >= _WITH_UNREADABLE:
        return story
    times = [round(random.uniform(0.0, story.seconds - _LAST_CALLED), 1) for _ in range(random.randrange(1, 5))]
    return replace(story, transfers=(*story.transfers, *(_unreadable(random, story, at) for at in times)))


def _unreadable(random: Random, story: Story, at: float) -> Transfer:
    origin, destination = random.sample([chain.domain for chain in story.chains], 2)
    deed = Deed.UNREADABLE
    return Transfer(at, origin, destination, 10**18, executed_after=0.0, reconciled_after=None, deed=deed)


def _outages(random: Random, story: Story) -> list[_Outage]:
    outages = []
    for chain in story.chains:
        if random.random() < min(0.9, story.seconds / 4 / 86_400):
            at = random.uniform(0.0, story.quiet_from)
            outages.append(_Outage(chain.domain, at, at + random.uniform(1800.0, 7200.0)))
    return outages


def _transfer(random: Random, story: Story, at: float, outages: list[_Outage]) -> Transfer:
    origin, destination = _pathway(random, story)
    deed = _deed(random)
    slow = any(outage.destination == destination and outage.at <= at < outage.until for outage in outages)
    fast = not slow and random.random() > 0.03
    reconciled_after = _reconciled_after(random, story.deadlines.reconcile)
    if fast or deed is not Deed.HONEST:
        executed_after = _executed_after(random, story.deadlines.execute)
    elif reconciled_after is None:
        executed_after = None
    else:
        executed_after = reconciled_after + random.uniform(30.0, 900.0)
    if deed is Deed.PHANTOM:
        executed_after, reconciled_after = random.uniform(0.0, 600.0), None
    return Transfer(
        at=at,
        origin=origin,
        destination=destination,
        amount=0 if random.random() < 0.05 else random.randrange(1, 10**6) * 10 ** random.randrange(12, 20),
        executed_after=None if executed_after is None else round(executed_after, 1),
        reconciled_after=None if reconciled_after is None else round(reconciled_after, 1),
        fast=fast,
        deed=deed,
        nonce_offset=random.choice((-1, -1, -3, 0, 2, 50, -5000)),
        calldata=random.choice((0, 0, 0, 0, 0, 0, 0, 4, 100, 1000)),
    )


def _pathway(random: Random, story: Story) -> tuple[int, int]:
    domains = [chain.domain for chain in story.chains]
    origin, destination = random.sample(domains, 2)
    draw = random.random()
    if draw < 0.01:
        return UNCONFIGURED, destination
    return origin, UNCONFIGURED if draw < 0.03 else destination


def _deed(random: Random) -> Deed:
    draw = random.random()
    return Deed.PHANTOM if draw < 0.004 else Deed.MISMATCH if draw < 0.008 else Deed.HONEST


def _executed_after(random: Random, deadline: float) -> float | None:
    draw = random.random()
    if draw < 0.02:
        return None
    if draw < 0.05:
        return random.uniform(deadline, 4 * deadline)
    if draw < 0.08:
        return deadline + random.uniform(-90.0, 60.0)
    return min(0.6 * deadline, random.lognormvariate(3.8, 0.6))


def _reconciled_after(random: Random, deadline: float) -> float | None:
    draw = random.random()
    if draw < 0.02:
        return None
    if draw < 0.04:
        return random.uniform(deadline, 2 * deadline)
    if draw < 0.06:
        return deadline + random.uniform(-90.0, 60.0)
    return random.uniform(0.3, 0.8) * deadline
