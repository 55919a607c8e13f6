"""Two instances on devnet traffic while they are killed and suspended at random, by a seed that is printed.

``CLUSTER_SEED`` and ``CLUSTER_ACTS`` say which seed it is, and how many acts: by default a few, of a seed that nobody
chose, since this is run often.
"""

import asyncio
import os
from pathlib import Path
from random import Random, SystemRandom

import pytest
from aiohttp import web

from connext_monitor.config import DatabaseUrl
from scripts.devnet import Devnet
from scripts.devnet.traffic import Fate, Pace, traffic
from tests.alerting.providers.discord.vendor import Discord
from tests.cluster.accounts import Auditor, holder
from tests.cluster.acts import Acts
from tests.cluster.instances import LEFT, RIGHT, Instances, write_configs
from tests.e2e.webhook import Receiver

ACTS = int(os.environ.get("CLUSTER_ACTS", "30"))
SEED = int(os.environ.get("CLUSTER_SEED", SystemRandom().randrange(10**6)))

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.server,
    pytest.mark.drawn,
    pytest.mark.timeout(300 + 15 * ACTS),
]

_ANSWERS_AFTER = 0.15
_PACE = Pace(every=2.5, step=0.7, late_after=9.0)
_FATES = (Fate.FAST, Fate.NEVER_EXECUTED, Fate.LATE, Fate.FAST, Fate.SLOW, Fate.LATE)


class Hesitant(Receiver):
    """Takes a body, and is a while with its answer: whoever sent it may be gone by then."""

    async def take(self, request: web.Request) -> web.StreamResponse:
        """One body."""
        answer = await super().take(request)
        await asyncio.sleep(_ANSWERS_AFTER)
        return answer


async def test_whatever_is_done_to_two_instances_nothing_is_missed(
    bridge: Devnet, url: DatabaseUrl, tmp_path: Path
) -> None:
    print(f"CLUSTER_SEED={SEED} CLUSTER_ACTS={ACTS}")  # noqa: T201 - what a failure needs
    chance = Random(SEED)  # noqa: S311 - choices of a test

    async with Hesitant() as webhook, Discord(window=0.05) as discord:
        auditor = await Auditor.beginning(bridge, webhook, discord)
        configs = await write_configs(bridge.chains, webhook, tmp_path, discord)
        async with Instances(configs) as instances:
            acts = Acts(instances, lambda: holder(url), chance)
            sending = traffic(bridge, rng=chance, pace=_PACE, stuck=_FATES * ACTS, say=acts.done.append)
            calls = asyncio.create_task(sending)
            try:
                await acts.play((LEFT, RIGHT), ACTS)
            finally:
                calls.cancel()
                print("\n".join(acts.done))  # noqa: T201 - what a failure needs
            account = await auditor.settled(url, lambda: instances.said)
            terms, failed = instances.count("work.taken"), instances.count("alert.postponed")
    print(f"{terms} terms, {failed} attempts failed, doubled {account.doubled}, {account.orphans}")  # noqa: T201
    assert terms > 1
    for again in (account.doubled, account.orphans):
        assert len(again) <= terms + failed
