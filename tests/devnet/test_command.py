"""The command line of the devnet, and the configuration it writes."""

import asyncio
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

from scripts.devnet import ChainSpec, Devnet
from scripts.devnet.config_file import FIRST_LINE, Deadlines, config_toml
from tests.devnet.forked_command import devnet_command
from tests.world.processes import ROOT, fork, run
from tests.world.waiting import BOUND, until


async def typed(*arguments: str) -> tuple[int, str]:
    """Exit code and what it said on standard error."""
    ended = await asyncio.to_thread(run, devnet_command(arguments))
    return ended.code, ended.said


async def test_the_configuration_says_where_the_chains_are() -> None:
    async with Devnet.start(block_time=2) as devnet:
        alpha, beta = devnet.chains
        config = tomllib.loads(config_toml(devnet.chains, Deadlines("PT10S", "PT20S"), database='odd "name\\.db'))
        assert config["chains"]["beta"] == {
            "chain_id": 31338,
            "domain_id": 1002,
            "contract": beta.contract,
            "endpoints": [beta.ws_url],
            "block_time": "PT2S",
            "finality": 5,
            "start_block": beta.start_block,
        }
        assert set(config["chains"]) == {"alpha", "beta"}
        assert config["alerts"] == {"execute_deadline": "PT10S", "reconcile_deadline": "PT20S"}
        assert config["alert_providers"] == {"console": {"type": "console"}}
        assert config["monitor"] == {"database": 'odd "name\\.db'}
        logs = await alpha.rpc("eth_getLogs", [{"address": alpha.contract, "fromBlock": "0x0"}])
        assert 0 < max(int(log["blockNumber"], 16) for log in logs) < alpha.start_block


async def test_a_configuration_of_someone_else_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# mine\n")
    code, err = await typed("--port", "0", "--write-config", str(path))
    assert code == 1
    assert "was not written by the devnet" in err
    assert path.read_text() == "# mine\n"


async def test_a_configuration_of_an_earlier_run_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"{FIRST_LINE}\n")
    out, said = tmp_path / "out", tmp_path / "said"
    arguments = ["--port", "0", "--chains", "3", "--write-config", str(path)]
    with out.open("wb") as stdout, said.open("wb") as stderr:
        process = fork(devnet_command(arguments), stdout=stdout, stderr=stderr)
    try:
        await until(lambda: len(out.read_bytes().splitlines()) >= 4 or process.poll() is not None, why=said.read_text)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, BOUND) == 0, said.read_text()
    finally:
        process.kill()
    lines = out.read_bytes().splitlines()
    config = tomllib.loads(path.read_text())
    assert list(config["chains"]) == ["alpha", "beta", "gamma"]
    assert [line.split(b":")[0] for line in lines[:3]] == [b"alpha", b"beta", b"gamma"]
    assert config["chains"]["gamma"]["endpoints"][0].encode() in lines[2]


async def test_a_port_that_is_taken_is_named_with_the_cure() -> None:
    async with Devnet.start([ChainSpec("one")], block_time=None) as devnet:
        port = devnet.chains[0].anvil.port
        code, err = await typed("--port", str(port))
    assert code == 1
    assert err == f"devnet: Port {port} is in use. Choose another (--port), or stop what listens there.\n"


def test_a_contract_without_its_fork_is_a_usage_error() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "scripts.devnet", "--contract", "0x12"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=BOUND,
    )
    assert ended.returncode == 2
    assert "more --contract options than --fork-url" in ended.stderr
