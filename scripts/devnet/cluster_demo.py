"""``scripts/demo --cluster``: two instances on a replicated database, of which the one that owns the work is killed."""

import asyncio
import random
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from subprocess import CalledProcessError

from scripts.devnet.cluster_story import Acts, Say, Story
from scripts.devnet.config_file import Deadlines, config_toml, table
from scripts.devnet.devnet import Devnet
from scripts.devnet.errors import DevnetError
from scripts.devnet.inbox import Inbox, inbox
from scripts.devnet.instance import Instance, free_port
from scripts.devnet.traffic import Fate, Pace, traffic
from scripts.postgres_pair import Pair, replicated
from scripts.postgres_server import DURABLE, programs

_NAMES = ("left", "right")
_DATABASE = "connext_monitor"
_PACE = Pace(every=3.0, step=2.0)
_BACK_AFTER = 10.0
"""Seconds until an instance that was killed is started again."""

_GUIDE = """
  Two instances of the monitor, left and right, share a PostgreSQL database of which a replica has each commit before it
  counts. One of them owns the work: it watches two local chains with the real Connext contracts, judges and alerts.
  The other one stands by.

  After {kill_after:g} s the owner is killed (kill -9), and a transfer that will never be executed is sent while nobody
  watches. The other one takes over once the owner has been silent for {takeover_after:g} s (30 s unless configured).
  What it has stored and alerted about is compared with what the chains say. The killed one is started again, and stands
  by.{promotion}

  Lines that begin with "cluster" are what happens to instances and servers, "bridge" what happens on the bridge, "left"
  and "right" what the two print. Each has its page, and shows what the other one shows:
{pages}
  or look into them from another terminal, in this folder:
      .venv/bin/python -m connext_monitor --config {first.config} status
      curl http://{first.listen}/api/v1/instances

  Ctrl-C stops everything and leaves nothing behind but .venv and .cache in this folder.
"""
_PROMOTION = " After that the database's server is killed too, and its replica promoted."


async def run(acts: Acts, say: Say) -> None:
    """Until cancelled. Raises `DevnetError` where something cannot be started, ends by itself, or was missed."""
    async with AsyncExitStack() as stack:
        print("demo: starting PostgreSQL with a replica, and two chains with the real contracts", flush=True)
        pair = _started_pair(stack)
        taking = await stack.enter_async_context(inbox())
        devnet = await stack.enter_async_context(Devnet.start(block_time=1))
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="connext-monitor-demo-")))
        instances = [_instance(name, home, devnet, pair, taking, acts, say) for name in _NAMES]
        print(_guide(instances, acts), flush=True)
        try:
            async with asyncio.TaskGroup() as tasks:
                for instance in instances:
                    tasks.create_task(_kept_running(instance, say))
                tasks.create_task(_traffic(devnet, say))
                tasks.create_task(Story(devnet, pair, instances, taking, acts, say).play())
        except* DevnetError as errors:
            raise errors.exceptions[0] from None


def _started_pair(stack: AsyncExitStack) -> Pair:
    installed = programs()
    if installed is None:
        raise DevnetError("This needs PostgreSQL. On Debian and Ubuntu: apt-get install postgresql")
    try:
        pair = stack.enter_context(replicated(installed, {**DURABLE, "shared_buffers": "32MB"}))
        pair.make_synchronous()
    except CalledProcessError as error:
        raise DevnetError(f"PostgreSQL could not be started: {error.stderr}") from error
    except (OSError, LookupError) as error:
        raise DevnetError(f"PostgreSQL could not be started: {error}") from error
    pair.primary.run(f"CREATE DATABASE {_DATABASE}")
    return pair


def _instance(
    name: str, home: Path, devnet: Devnet, pair: Pair, taking: Inbox, acts: Acts, say: Say
) -> Instance:  # fmt: skip
    config, listen = home / name / "config.toml", f"127.0.0.1:{free_port()}"
    config.parent.mkdir()
    text = config_toml(
        devnet.chains,
        Deadlines(f"PT{acts.execute:g}S", f"PT{acts.reconcile:g}S"),
        table("alert_providers.inbox", type="webhook", url=taking.url),
        table("cluster", name=name, takeover_after=f"PT{acts.takeover_after:g}S"),
        database=pair.url(_DATABASE).get_secret_value(),
        listen=listen,
        log_level="warning",
        log_format="console",
    )
    config.write_text(text, encoding="utf-8")
    return Instance(name, config, listen, lambda line: say(name, line))


def _guide(instances: Sequence[Instance], acts: Acts) -> str:
    return _GUIDE.format(
        kill_after=acts.kill_after,
        takeover_after=acts.takeover_after,
        promotion=_PROMOTION if acts.promote else "",
        pages="\n".join(f"      {each.name:5} http://{each.listen}/" for each in instances),
        first=instances[0],
    )


async def _kept_running(instance: Instance, say: Say) -> None:
    """However often it is killed, and by whom. Raises `DevnetError` where it ends by itself."""
    while True:
        code = await instance.run()
        if code >= 0:
            raise DevnetError(f"{instance.name} ended by itself with exit code {code}; everything is stopped.")
        await asyncio.sleep(_BACK_AFTER)
        say("cluster", f"{instance.name} is started again")


async def _traffic(devnet: Devnet, say: Say) -> None:
    rng = random.Random()  # noqa: S311 - choices of a demo
    await traffic(devnet, rng=rng, pace=_PACE, stuck=(Fate.NEVER_EXECUTED,), say=lambda line: say("bridge", line))
