"""``scripts/demo``: a real bridge on local chains, traffic on it, and the monitor that watches it, in one terminal."""

import asyncio
import contextlib
import random
import signal
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Coroutine, Sequence
from pathlib import Path

from scripts.devnet import cluster_demo
from scripts.devnet.administration import pause, unpause
from scripts.devnet.chain import Chain
from scripts.devnet.cluster_story import Acts
from scripts.devnet.config_file import Deadlines, config_toml
from scripts.devnet.devnet import Devnet
from scripts.devnet.errors import DevnetError
from scripts.devnet.instance import free_port, stopped
from scripts.devnet.traffic import Fate, Pace, traffic

DEADLINES = Deadlines(execute="PT15S", reconcile="PT25S")
PACE = Pace(every=3.0, step=2.0, late_after=25.0)
STUCK = (Fate.NEVER_EXECUTED, Fate.LATE, Fate.NEVER_RECONCILED)
PAUSE_AFTER = PAUSE_FOR = 60.0
"""Seconds: until the second chain's bridge is paused, and for how long it then is."""

_LOOKS = {"bridge": ("\x1b[2m", "\x1b[0m"), "cluster": ("\x1b[1m", "\x1b[0m")} if sys.stdout.isatty() else {}

_GUIDE = """
  Two local chains carry the real Connext contracts, and transfers cross between them. Three get stuck on purpose:
  one is never executed, one is executed late, one is never reconciled. A transfer is due to be executed after 15 s
  here and reconciled after 25 s, so the first alert comes in about 20 s. After a minute the bridge is
  paused on {paused} for another minute: what waits for it then is late because of that. Lines that begin with
  "bridge" are what happens on the bridge; all else is the monitor.

  Open http://{listen}/ in a browser, or look into it from another terminal, in this folder:
      .venv/bin/python -m connext_monitor --config {config} status
      .venv/bin/python -m connext_monitor --config {config} transfers
      .venv/bin/python -m connext_monitor --config {config} stats

  Ctrl-C stops everything and leaves nothing behind but .venv and .cache in this folder.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until Ctrl-C; the exit code is 0 then, 1 where something failed."""
    parser = ArgumentParser(
        prog="scripts/demo", description="A bridge on two local chains, and the monitor watching it."
    )
    parser.add_argument("--cluster", action="store_true", help="two instances on a PostgreSQL database; one is killed")
    parser.add_argument("--promote", action="store_true", help="the same, and the database's server is killed too")
    usual = Acts()
    parser.add_argument(
        "--kill-after", type=float, default=usual.kill_after, help="seconds until then (default: %(default)g)"
    )
    parser.add_argument(
        "--takeover-after",
        type=float,
        default=usual.takeover_after,
        help="seconds that an owner may be silent (default: %(default)g)",
    )
    options = parser.parse_args(arguments)
    acts = Acts(options.kill_after, options.takeover_after, promote=options.promote)
    try:
        sys.exit(asyncio.run(_until_stopped(_run_several(acts) if options.cluster or options.promote else _run())))
    except DevnetError as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(1)


async def _until_stopped(demo: Coroutine[object, object, int]) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    running = asyncio.create_task(demo)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set():
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        return 0
    return await running


async def _run_several(acts: Acts) -> int:
    await cluster_demo.run(acts, _tell_of)
    return 1


async def _run() -> int:
    print("demo: starting two chains with the real contracts", flush=True)
    with tempfile.TemporaryDirectory(prefix="connext-monitor-demo-") as home:
        async with Devnet.start(block_time=1) as devnet:
            config, listen = Path(home, "config.toml"), f"127.0.0.1:{free_port()}"
            config.write_text(
                config_toml(devnet.chains, DEADLINES, database="demo.db", listen=listen, log_level="warning"),
                encoding="utf-8",
            )
            paused = devnet.chains[1]
            print(_GUIDE.format(config=config, listen=listen, paused=paused.name), flush=True)
            making = traffic(devnet, rng=random.Random(), pace=PACE, stuck=STUCK, say=_tell)  # noqa: S311 - choices of a demo
            acts = [asyncio.create_task(making), asyncio.create_task(_pause_once(paused))]
            try:
                return await _monitor(config)
            finally:
                for act in acts:
                    act.cancel()
                await asyncio.gather(*acts, return_exceptions=True)


async def _pause_once(chain: Chain) -> None:
    await asyncio.sleep(PAUSE_AFTER)
    paused = await pause(chain)
    _tell(f"{chain.name}: paused in block {paused.block_number}, for {PAUSE_FOR:g} s")
    await asyncio.sleep(PAUSE_FOR)
    unpaused = await unpause(chain)
    _tell(f"{chain.name}: unpaused in block {unpaused.block_number}")


async def _monitor(config: Path) -> int:
    """Run the monitor until it ends; when this is cancelled, stop it first, as Ctrl-C would."""
    # In a session of its own: the terminal's Ctrl-C then reaches it once, through us, and in our order.
    monitor = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "connext_monitor", "--config", str(config), start_new_session=True
    )
    try:
        return await monitor.wait()
    finally:
        await stopped(monitor)


def _tell(line: str) -> None:
    _tell_of("bridge", line)


def _tell_of(who: str, line: str) -> None:
    """A line in the terminal; what happens on the bridge stands back, what happens to instances does not."""
    before, after = _LOOKS.get(who, ("", ""))
    print(f"{before}{who:7} {line}{after}", flush=True)


if __name__ == "__main__":
    main()
