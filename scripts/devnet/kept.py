"""A bridge that is kept in a folder once it is made: to start it from there takes a fifth of the time."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scripts.devnet.chain import Chain, Diamond

_STATE, _BRIDGE = "state.json", "bridge.json"


async def keep(chains: Sequence[Chain], folder: Path) -> None:
    """Write what the chains hold into a folder that is not there yet; none of them may be mining by itself."""
    for chain in chains:
        own = folder / chain.name
        own.mkdir(parents=True)
        (own / _STATE).write_bytes(await chain.dump())
        bridge = {"token": chain.token, "diamond": asdict(chain.diamond)}
        (own / _BRIDGE).write_text(json.dumps(bridge), encoding="utf-8")


async def start_kept(chain: Chain, folder: Path) -> None:
    """Start a chain with what one of its name held; it is not mining yet."""
    own = folder / chain.name
    await chain.start("--load-state", str(own / _STATE))
    bridge = json.loads((own / _BRIDGE).read_bytes())
    chain.token, chain.diamond = bridge["token"], Diamond(**bridge["diamond"])
