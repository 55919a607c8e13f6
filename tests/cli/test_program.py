import json
import os
import pty
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from connext_monitor.cli.output import plain_lines
from tests.cli.conftest import Program
from tests.world.configs import SECRET, chain_table
from tests.world.processes import Command, fork, process_environ
from tests.world.two_chains import Sample, fill


@pytest.fixture
def filled(monitor: Program) -> Program:
    monitor.fill(lambda store: fill(store, [Sample(1).xcalled()]))
    return monitor


def test_the_help_names_every_command_in_the_contracts_order(monitor: Program) -> None:
    listed = monitor.run("--help").stdout.partition("Commands:\n")[2].split("\n")
    assert [line.split()[0] for line in listed if line] == [
        "run", "check-config", "status", "transfers", "transfer", "alerts", "events", "stats", "test-alert", "backfill",
        "replay", "export", "backup", "restore", "move", "completions",
    ]  # fmt: skip


@pytest.mark.parametrize("module", ["connext_monitor.cli.program", "connext_monitor.store.database"])
def test_ctrl_c_while_modules_load_ends_in_one_word(module: str) -> None:
    interrupted = """if True:
        import signal, sys

        class Interrupt:
            def find_spec(self, name, *_):
                if name == MODULE:
                    signal.raise_signal(signal.SIGINT)

        sys.meta_path.insert(0, Interrupt())
        from connext_monitor.cli import main
        sys.argv[1:] = ["transfers"]
        main()
        """
    command = [sys.executable, "-c", interrupted.replace("MODULE", repr(module))]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "Aborted!\n")


def test_the_version_is_told(monitor: Program) -> None:
    assert monitor.run("--version").stdout == f"connext-monitor, version {version('connext-monitor')}\n"


def test_the_config_is_config_toml_here_unless_told_otherwise(filled: Program) -> None:
    assert filled.forked("transfers", "--json").returncode == 0


def test_the_config_may_be_named_by_the_environment(filled: Program, tmp_path: Path) -> None:
    filled.config.rename(tmp_path / "other.toml")
    assert filled.forked("transfers", CONNEXT_MONITOR_CONFIG="other.toml").returncode == 0


def test_the_option_counts_more_than_the_environment_before_and_after_the_command(filled: Program) -> None:
    for arguments in (["--config", "config.toml", "transfers"], ["transfers", "--config", "config.toml"]):
        assert filled.forked(*arguments, CONNEXT_MONITOR_CONFIG="no-such.toml").returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config", "no-such.toml"],
        ["--config", "no-such.toml", "status"],
        ["status", "--config", "\x1b[31m.toml"],
        ["--config", ".", "run"],
        ["launch"],
        ["status", "--fast"],
        ["transfer"],
        ["transfers", "--origin", "mars"],
    ],
)
def test_a_usage_or_config_error_exits_with_2_and_no_traceback(filled: Program, arguments: list[str]) -> None:
    ended = filled.forked(*arguments)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr
    assert "Traceback" not in ended.stderr
    assert "\x1b" not in ended.stderr


def test_a_failure_exits_with_1_and_words_but_no_traceback(monitor: Program) -> None:
    ended = monitor.forked("transfers")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1


def test_degraded_exits_with_3(filled: Program) -> None:
    assert filled.forked("status").returncode == 3


SECRETS = f"""
[alert_providers.chat]
type = "webhook"
url = "http://127.0.0.1:9/{SECRET}"
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["check-config"],
        ["check-config", "--json"],
        ["check-config", "--online"],
        ["status"],
        ["status", "--json"],
        ["test-alert"],
        ["test-alert", "--json"],
        ["transfers"],
    ],
)
def test_no_secret_is_ever_printed(filled: Program, arguments: list[str]) -> None:
    urls = [f"ws://user:{SECRET}@127.0.0.1:9/{SECRET}", f"http://127.0.0.1:9/?key={SECRET}"]
    filled.write_config(chain_table("here", 1001, *urls), SECRETS, listen="127.0.0.1:9")
    ended = filled.forked(*arguments)
    assert SECRET not in ended.stdout + ended.stderr


def test_a_bad_value_that_may_be_a_secret_is_not_quoted(monitor: Program) -> None:
    monitor.write_config(chain_table("here", 1001, f"wws://{SECRET}"))
    ended = monitor.forked("check-config")
    assert ended.returncode == 2
    assert SECRET not in ended.stdout + ended.stderr


def test_an_output_that_cannot_show_a_sign_gets_its_escape(monitor: Program) -> None:
    monitor.write_config(chain_table("here", 1001), '[alert_providers.console]\ntype = "console"\n')
    ended = monitor.process("test-alert", PYTHONIOENCODING="ascii")
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr


def on_terminal(monitor: Program, *arguments: str, **environ: str) -> str:
    """What the command writes when its stdout is a terminal of 80 columns."""
    ours, its = pty.openpty()
    command = Command(arguments, monitor.folder, process_environ(TERM="xterm", **environ))
    process = fork(command, stdout=its, stderr=subprocess.DEVNULL)
    os.close(its)
    shown = b"".join(iter(lambda: _read(ours), b""))
    process.wait(60)
    os.close(ours)
    return shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # what Linux says when the last writer is gone
        return b""


def test_a_terminal_gets_colour_and_the_whole_id(filled: Program) -> None:
    shown = on_terminal(filled, "transfers")
    assert "\x1b[" in shown
    first = [line.split()[0] for line in shown.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()[1:]]
    assert Sample(1).hex_id.startswith(first[0])
    assert "…" not in shown


def test_no_color_is_honoured(filled: Program) -> None:
    assert "\x1b[3" not in on_terminal(filled, "status", NO_COLOR="1")


def test_a_pipe_gets_no_colour(filled: Program) -> None:
    assert "\x1b" not in filled.forked("status", FORCE_COLOR="1").stdout


def test_json_on_a_terminal_is_plain(filled: Program) -> None:
    assert json.loads(on_terminal(filled, "transfers", "--json"))["next_cursor"] is None


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert plain_lines([["A", "BB", "C"], ["aaa", "b", ""]]) == ["A    BB  C", "aaa  b"]
