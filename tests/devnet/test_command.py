"""The command line of the devnet, and the configuration it writes."""

import asyncio
import sys
import tomllib
from pathlib import Path

from scripts.devnet import ChainSpec, Devnet, toolchain
from scripts.devnet.config_file import FIRST_LINE, Deadlines, config_toml


async def devnet_command(*arguments: str) -> tuple[int, str]:
    """Exit code and what it said on standard error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.devnet", *arguments),
        cwd=toolchain.CACHE.parents[1],
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, err.decode()


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
    code, err = await devnet_command("--port", "0", "--write-config", str(path))
    assert code == 1
    assert "was not written by the devnet" in err
    assert path.read_text() == "# mine\n"


async def test_a_configuration_of_an_earlier_run_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"{FIRST_LINE}\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.devnet", "--port", "0", "--chains", "3", "--write-config", str(path)),
        cwd=toolchain.CACHE.parents[1],
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = [await asyncio.wait_for(process.stdout.readline(), 60) for _ in range(4)]
    process.terminate()
    await process.communicate()
    config = tomllib.loads(path.read_text())
    assert list(config["chains"]) == ["alpha", "beta", "gamma"]
    assert [line.split(b":")[0] for line in lines[:3]] == [b"alpha", b"beta", b"gamma"]
    assert config["chains"]["gamma"]["endpoints"][0].encode() in lines[2]


async def test_a_port_that_is_taken_is_named_with_the_cure() -> None:
    async with Devnet.start([ChainSpec("one")], block_time=None) as devnet:
        port = devnet.chains[0].anvil.port
        code, err = await devnet_command("--port", str(port))
    assert code == 1
    assert err == f"devnet: Port {port} is in use. Choose another (--port), or stop what listens there.\n"


async def test_a_contract_without_its_fork_is_a_usage_error() -> None:
    code, err = await devnet_command("--contract", "0x12")
    assert code == 2
    assert "more --contract options than --fork-url" in err
