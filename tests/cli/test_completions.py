import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.world.processes import process_environ

BASH = shutil.which("bash")
ASK = """
eval "$(connext-monitor completions bash)"
ask() {
    COMPREPLY=(); COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
    _connext_monitor_completion connext-monitor
    echo "${COMPREPLY[@]}"
}
ask connext-monitor ba
ask connext-monitor export transfers --form
ask connext-monitor export transfers --format ''
ask connext-monitor alerts --state op
"""
COMPLETED = ["backfill backup", "--format", "csv ndjson", "open"]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the program as pip puts it there."""
    script = tmp_path / "bin" / "connext-monitor"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nfrom connext_monitor.cli import main\nmain()\n")
    script.chmod(0o755)
    return script.parent


@pytest.mark.skipif(BASH is None, reason="there is no bash here")
def test_bash_completes_commands_options_and_their_values(installed: Path) -> None:
    environ = process_environ()
    asked = subprocess.run(
        [str(BASH), "--norc", "-c", ASK],
        env={**environ, "PATH": f"{installed}:{environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert (asked.stdout.splitlines(), asked.stderr) == (COMPLETED, "")


@pytest.mark.parametrize(("shell", "mark"), [("zsh", "#compdef connext-monitor"), ("fish", "complete --no-files")])
def test_the_scripts_for_other_shells_name_the_program(monitor: Program, shell: str, mark: str) -> None:
    script = monitor.run("completions", shell).stdout
    assert mark in script
    assert "_CONNEXT_MONITOR_COMPLETE" in script


def test_another_shell_is_a_usage_error(monitor: Program) -> None:
    assert monitor.run("completions", "tcsh").exit_code == 2


def test_the_help_shows_each_shells_line_as_it_is_to_be_written(monitor: Program) -> None:
    lines = [line.strip() for line in monitor.run("completions", "--help").stdout.splitlines()]
    assert any(line.startswith('zsh    eval "$(connext-monitor completions zsh)"') for line in lines)
