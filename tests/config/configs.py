"""A config in a file of its own, loaded or refused."""

from pathlib import Path

import pytest

from connext_monitor.config import (
    Config,
    ConfigError,
    load_config,
)

SECRET = "S3CR3T"


EXAMPLE = Path(__file__).parents[2] / "docs" / "config.example.toml"


CHAIN = '[chains.ethereum]\nendpoints = ["ws://127.0.0.1:8545"]\n'


DEVNET = """[chains.my-devnet]
chain_id = 31337
domain_id = 1001
contract = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
endpoints = ["ws://127.0.0.1:8546"]
block_time = "PT1S"
finality = 5
"""


def load(file: Path, text: str, **environ: str) -> Config:
    file.write_text(text, encoding="utf-8")
    return load_config(file, environ)


def refused(file: Path, text: str, **environ: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(file, text, **environ)
    return caught.value


def keys(error: ConfigError) -> list[str]:
    return [problem.key for problem in error.problems]
