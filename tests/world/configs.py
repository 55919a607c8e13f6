"""Config files of chains that no node answers for."""

import json
from pathlib import Path

SECRET = "s3cr3t-in-a-path"
CHAIN = """
[chains.{name}]
chain_id = {chain_id}
domain_id = {domain_id}
contract = "0x8898B472C54c31894e3B9bb83cEA802a5d0e63C6"
endpoints = [{endpoints}]
block_time = "PT1S"
finality = 5
explorer = "https://{name}.example"
"""
CLOSED_PORT = f"ws://127.0.0.1:9/{SECRET}"


def chain_table(name: str, domain_id: int, *endpoints: str) -> str:
    """A chain's part of a config."""
    urls = ", ".join(json.dumps(url) for url in endpoints or (f"{CLOSED_PORT}/{name}",))
    return CHAIN.format(name=name, chain_id=31337 + domain_id, domain_id=domain_id, endpoints=urls)


FILE = Path("config.toml")
