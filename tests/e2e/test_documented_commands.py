"""Every command of the documentation works, typed beside a running monitor on real chains.

What cannot be typed here is listed with its reason; of our own program even that is parsed, flag by flag.
"""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from connext_monitor.cli.program import program
from scripts.devnet import Devnet
from tests.e2e.documented import ROOT, Documented, commands, documented
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOT_TYPED = {
    "scripts/demo": "runs until somebody ends it; with --cluster it is typed in tests/cluster/test_demo.py",
    "scripts/test": "is what runs this",
    "scripts/setup": "made the environment that this runs in",
    "export": "sets variables of the shell that it is typed into",
    "tmux": "takes the terminal",
    "install": "writes to /etc",
    "createdb": "is typed on a server in tests/e2e/test_dumped.py, with the next two",
    "pg_dump": "see createdb",
    "pg_restore": "see createdb",
    "env": "reads from /etc; it sets variables for a command that others here type",
    "systemctl": "needs systemd to be the first process",
    "journalctl": "needs systemd to be the first process",
    "systemd-analyze": "is typed on the unit with the paths of this machine, in a test of its own",
}
"""By the first word: why a command of somebody else's is not typed here."""

DEGRADED = {"status": 3}
"""A leg is late on the bridge of this test, and `status` says so."""

NEEDS_TERMINAL = ("status", "--watch")
"""Says so here; tests/cli watches it on one."""

NEEDS_SERVER = ("move", "--to", "${DATABASE_URL}")
"""tests/cli/test_move.py types it beside one."""

COMMANDS = documented()
TYPED = [command for command in COMMANDS if command.ours not in {None, NEEDS_TERMINAL, NEEDS_SERVER}]


@dataclass(frozen=True)
class Scene:
    """A running monitor with a late transfer, an alert about it and a silence; what stands for the documents' words."""

    config: Path
    stopped: Path
    """The config of a monitor that does not run."""
    stands_for: Mapping[str, str]

    def run(self, *arguments: str) -> Result:
        config = self.stopped if arguments[:1] == ("restore",) else self.config
        return CliRunner().invoke(program, ["--config", str(config), *arguments])

    def filled(self, words: tuple[str, ...]) -> list[str]:
        return [self.stands_for.get(word, word) for word in words]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(bridge: Devnet, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    alpha, beta, _ = bridge.chains
    folder: Path = tmp_path_factory.mktemp("documented")
    async with Receiver() as webhook:
        config = await write_config(Setup((alpha, beta), {"machines": webhook}, execute="PT1S"), folder)
        async with Monitor(config) as monitor:
            await monitor.ready()
            late = await bridge.xcall(alpha, beta)
            opened = await webhook.gets("alert.opened", "execute_overdue", late.transfer_id)
            # One that the documents' own commands leave alone.
            beside = Scene(config, config, {}).run
            await asyncio.to_thread(
                beside, "alerts", "silence", "--for", "PT1H", "--subject", "nobody", "--reason", "x"
            )
            made = await asyncio.to_thread(beside, "backup", "--json")
            backup = json.loads(made.stdout)["file"]
            stopped = tmp_path_factory.mktemp("stopped") / "config.toml"
            stopped.write_text(config.read_text(encoding="utf-8"), encoding="utf-8")
            stands_for = {
                "ethereum": "alpha", "optimism": "beta", "NAME": "alpha", "N": "1", "18000000": "1", "18500000": "2",
                "ID_OR_TX": late.transfer_id, "ALERT_ID": opened.alert["id"], "ID": "1",
                "FILE": backup, "backups/connext-monitor-20261125T025424Z.db": backup,
            }  # fmt: skip
            yield Scene(config, stopped, stands_for)


@pytest.mark.parametrize("command", TYPED, ids=str)
async def test_a_command_of_ours_does_what_it_says(scene: Scene, command: Documented) -> None:
    assert command.ours is not None
    arguments = scene.filled(command.ours)
    result = await asyncio.to_thread(scene.run, *arguments)
    assert result.exit_code == DEGRADED.get(next(iter(arguments), ""), 0), result.output
    assert result.output


async def test_what_needs_a_terminal_says_so_and_takes_its_flags(scene: Scene) -> None:
    assert NEEDS_TERMINAL in {command.ours for command in COMMANDS}
    result = await asyncio.to_thread(scene.run, *NEEDS_TERMINAL)
    assert (result.exit_code, "--watch needs a terminal" in result.output) == (2, True)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.ours is None], ids=str)
async def test_a_command_left_out_has_a_reason_and_names_existing_files(command: Documented) -> None:
    assert NOT_TYPED[command.words[0]]
    for word in command.words:
        if word.startswith(("scripts/", "docs/")):
            assert (ROOT / word).exists()


async def test_every_reason_belongs_to_a_documented_command() -> None:
    assert NOT_TYPED.keys() <= {command.words[0] for command in COMMANDS}


@pytest.mark.parametrize("wrong", ["status --wach", "statsu", "alerts silence --for PT2H --orign ethereum"])
async def test_a_command_or_flag_that_does_not_exist_would_be_found(scene: Scene, wrong: str) -> None:
    (command,) = commands(f"```\nconnext-monitor {wrong}\n```")
    assert scene.run(*scene.filled(command[1:])).exit_code == 2


async def test_commands_are_found_in_blocks_and_in_tables() -> None:
    blocks = "```toml\nno = 1\n```\n```\na b\n```\n"
    tables = "| command | for |\n|---|---|\n| `c --d X`, `e` | f `g` |\n\n| h |\n| `i` |\n"
    assert list(commands(blocks + tables)) == [
        ("a", "b"),
        ("connext-monitor", "c", "--d", "X"),
        ("connext-monitor", "e"),
    ]


async def test_every_command_of_the_program_is_documented() -> None:
    assert isinstance(program, click.Group)
    shown = {command.ours[0] for command in COMMANDS if command.ours}
    # "run" is what the program does without a command.
    assert program.commands.keys() - shown == {"run"}


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The shipped unit, with the paths of this machine."""
    text = (ROOT / "docs" / "connext-monitor.service").read_text(encoding="utf-8")
    program_here = Path(sys.executable).with_name("connext-monitor")
    file = tmp_path / "connext-monitor.service"
    file.write_text(text.replace("/opt/connext-monitor/.venv/bin/connext-monitor", str(program_here)))
    return file


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd-analyze")
async def test_systemd_takes_the_unit(unit: Path) -> None:
    verified = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False, timeout=30
    )
    assert (verified.returncode, verified.stderr) == (0, "")
