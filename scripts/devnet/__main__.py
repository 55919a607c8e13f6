"""``python -m scripts.devnet``: a Connext bridge on local chains, in the foreground until Ctrl-C."""

import asyncio
import contextlib
import random
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from scripts.devnet import config_file
from scripts.devnet.chain import Chain
from scripts.devnet.config_file import Deadlines
from scripts.devnet.devnet import FIRST_CHAIN_ID, FIRST_DOMAIN_ID, NAMES, ChainSpec, Devnet
from scripts.devnet.errors import DevnetError
from scripts.devnet.traffic import Fate, Pace, traffic

STUCK = (Fate.NEVER_EXECUTED, Fate.LATE, Fate.NEVER_RECONCILED)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for."""

    specs: tuple[ChainSpec, ...]
    block_time: int
    traffic: bool
    pace: Pace
    stuck: tuple[Fate, ...]
    seed: int | None
    write_config: Path | None
    deadlines: Deadlines
    database: str


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--chains", type=click.IntRange(2, len(NAMES)), help="Number of chains, forks included.  [default: 2]")
@click.option(
    "--port", default=8545, show_default=True, help="Port of the first chain; the others follow. 0: free ones."
)
@click.option("--block-time", default=1, show_default=True, type=click.IntRange(1), help="Seconds between blocks.")
@click.option("--traffic", "with_traffic", is_flag=True, help="Keep making transfers, with tokens and without.")
@click.option("--every", default=5.0, show_default=True, type=click.FloatRange(0.05), help="Seconds between transfers.")
@click.option(
    "--step",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Approximate seconds between two steps of a transfer.",
)
@click.option(
    "--stuck",
    multiple=True,
    type=click.Choice([fate.value for fate in STUCK]),
    help="Also make one transfer that gets stuck in this way; repeatable.",
)
@click.option(
    "--late-after",
    default=45.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds until a late one is executed.",
)
@click.option("--seed", type=int, help="Seed for the choice of transfers; the same seed makes the same choices.")
@click.option(
    "--fork-url",
    "fork_urls",
    multiple=True,
    metavar="URL",
    help="Fork the chain behind this endpoint, which already has a diamond, instead of deploying one; repeatable.",
)
@click.option(
    "--contract",
    "contracts",
    multiple=True,
    metavar="ADDRESS",
    help="The diamond of each --fork-url, in order; Connext's own deployments are known.",
)
@click.option(
    "--write-config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a configuration for connext-monitor that watches these chains.",
)
@click.option("--execute-deadline", default=Deadlines().execute, show_default=True, help="For the configuration.")
@click.option("--reconcile-deadline", default=Deadlines().reconcile, show_default=True, help="For the configuration.")
@click.option("--database", default="", help="For the configuration: its database.  [default: the monitor's own]")
def main(
    *,
    chains: int | None,
    port: int,
    block_time: int,
    with_traffic: bool,
    every: float,
    step: float,
    stuck: tuple[str, ...],
    late_after: float,
    seed: int | None,
    fork_urls: tuple[str, ...],
    contracts: tuple[str, ...],
    write_config: Path | None,
    execute_deadline: str,
    reconcile_deadline: str,
    database: str,
) -> None:
    """Run a Connext bridge on local anvil chains until Ctrl-C: real diamonds, real events, no value.

    The first run fetches anvil and the published contracts from npm. The chains' addresses go to standard output, the
    steps of the traffic to standard error.
    """
    if len(contracts) > len(fork_urls):
        raise click.UsageError("There are more --contract options than --fork-url; each belongs to one fork.")
    options = Options(
        specs=_specs(chains or max(2, len(fork_urls)), port, fork_urls, contracts),
        block_time=block_time,
        traffic=with_traffic,
        pace=Pace(every, step, late_after),
        stuck=tuple(Fate(fate) for fate in stuck),
        seed=seed,
        write_config=write_config,
        deadlines=Deadlines(execute_deadline, reconcile_deadline),
        database=database,
    )
    try:
        asyncio.run(_until_stopped(options))
    except DevnetError as error:
        click.echo(f"devnet: {error}", err=True)
        sys.exit(1)


def _specs(count: int, port: int, fork_urls: tuple[str, ...], contracts: tuple[str, ...]) -> tuple[ChainSpec, ...]:
    """Forks first, then chains of our own, whose ids then keep clear of those that a forked devnet has."""
    if count < len(fork_urls):
        raise click.UsageError(f"--chains {count} is less than the {len(fork_urls)} forks.")
    ports = [port + index if port else 0 for index in range(count)]
    known = (*contracts, *("",) * (len(fork_urls) - len(contracts)))
    forks = [
        ChainSpec("", port=at, fork_url=url, contract=contract)
        for at, url, contract in zip(ports, fork_urls, known, strict=False)
    ]
    clear = 100 if forks else 0
    own = [
        ChainSpec(name, port=at, chain_id=FIRST_CHAIN_ID + clear + index, domain_id=FIRST_DOMAIN_ID + clear + index)
        for index, (name, at) in enumerate(zip(NAMES, ports[len(forks) :], strict=False))
    ]
    return (*forks, *own)


async def _until_stopped(options: Options) -> None:
    """Run until SIGINT or SIGTERM, or until it fails; either way everything is stopped on return."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    running = asyncio.create_task(_run(options))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set():
        running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def _run(options: Options) -> None:
    async with Devnet.start(options.specs, block_time=options.block_time) as devnet:
        for chain in devnet.chains:
            print(_where(chain), flush=True)
        if options.write_config:
            monitor = {"database": options.database} if options.database else {}
            content = config_file.config_toml(devnet.chains, options.deadlines, **monitor)
            config_file.write(options.write_config, content)
            print(f"connext-monitor's configuration: {options.write_config}", flush=True)
        _tell("The bridge is up. Ctrl-C stops everything.")
        watches = [asyncio.create_task(_watch(chain)) for chain in devnet.chains]
        making = asyncio.create_task(_make_traffic(devnet, options))
        try:
            await asyncio.gather(making, *watches)
        finally:
            for task in (making, *watches):
                task.cancel()
            await asyncio.gather(making, *watches, return_exceptions=True)


async def _make_traffic(devnet: Devnet, options: Options) -> None:
    if options.traffic or options.stuck:
        count = None if options.traffic else len(options.stuck)
        rng = random.Random(options.seed)  # noqa: S311 - choices of a test
        await traffic(devnet, rng=rng, pace=options.pace, stuck=options.stuck, count=count, say=_tell)


async def _watch(chain: Chain) -> None:
    code = await chain.process.wait()
    raise DevnetError(f"The anvil of {chain.name} ended unexpectedly (exit code {code}); everything is stopped.")


def _where(chain: Chain) -> str:
    return (
        f"{chain.name}: chain id {chain.chain_id}, domain {chain.domain_id}, diamond {chain.contract}, "
        f"{chain.ws_url} and {chain.http_url}"
    )


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
