"""What watching costs at rest: ``python -m scripts.bench.cost_at_rest [--minutes N] [--endpoints N]``.

Real diamonds on two local chains with a block a second and finality by tag, the real program as a process of its own
with its default intervals, and nothing happening on the bridge. The requests are those that the program itself counts;
those of its first minute, when it begins, are left out.
"""

import asyncio
import sys
import tempfile
from argparse import ArgumentParser
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from scripts.devnet import Chain, Devnet

_BEGINNING = 60.0
_ADDRESS = "127.0.0.1"

Requests = Counter[tuple[str, str]]
"""By chain and method."""


async def measure(minutes: int, endpoints: int) -> Requests:
    """The requests of that many minutes."""
    with tempfile.TemporaryDirectory() as folder:
        async with Devnet.start() as devnet:
            port = await _free_port()
            config = Path(folder) / "config.toml"
            config.write_text(_config(devnet.chains, port, endpoints), encoding="utf-8")
            async with _monitor(config):
                await asyncio.sleep(_BEGINNING)
                before = await _requests(port)
                await asyncio.sleep(60 * minutes)
                return await _requests(port) - before


async def _requests(port: int) -> Requests:
    async with aiohttp.ClientSession() as session, session.get(f"http://{_ADDRESS}:{port}/api/v1/chains") as response:
        body = await response.json()
    counted: Requests = Counter()
    for chain in body["items"]:
        for asked in chain["requests"]:
            counted[chain["name"], asked["method"]] += asked["count"]
    return counted


async def _free_port() -> int:
    server = await asyncio.start_server(lambda _reader, _writer: None, _ADDRESS, 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


def _config(chains: Sequence[Chain], port: int, endpoints: int) -> str:
    parts = [f'[monitor]\nlisten = "{_ADDRESS}:{port}"\nlog_level = "warning"']
    parts += [
        f"[chains.{chain.name}]\nchain_id = {chain.chain_id}\ndomain_id = {chain.domain_id}\n"
        f'contract = "{chain.contract}"\nendpoints = {[chain.ws_url, chain.http_url][:endpoints]}\n'
        'block_time = "PT1S"\nfinality = "finalized"\n'
        f"start_block = {chain.start_block}"
        for chain in chains
    ]
    return "\n\n".join([*parts, '[alert_providers.console]\ntype = "console"']) + "\n"


@asynccontextmanager
async def _monitor(config: Path) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "connext_monitor", "--config", str(config)),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
        if process.returncode is not None:
            raise SystemExit(f"The monitor ended by itself with exit code {process.returncode}.")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def main() -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.cost_at_rest", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=int, default=10, help="how long to count (default: %(default)s)")
    parser.add_argument("--endpoints", type=int, choices=(1, 2), default=1, help="of each chain (default: %(default)s)")
    asked = parser.parse_args()
    counted = asyncio.run(measure(asked.minutes, asked.endpoints))
    for chain in sorted({chain for chain, _ in counted}):
        by_method = {method: count for (of, method), count in sorted(counted.items()) if of == chain}
        each = ", ".join(f"{method} {count / asked.minutes:.1f}" for method, count in by_method.items())
        print(f"{chain}: {sum(by_method.values()) / asked.minutes:.1f} requests a minute ({each})")


if __name__ == "__main__":
    main()
