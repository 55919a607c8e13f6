import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Program, process_environ

BASH = shutil.which("bash")
ASK = """
eval "$(connext-monitor completions bash)"
COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_connext_monitor_completion connext-monitor
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the program as pip puts it there."""
    script = tmp_path / "bin" / "connext-monitor"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nfrom connext_monitor.cli import main\nmain()\n")
    script.chmod(0o755)
    return script.parent


@pytest.mark.skipif(BASH is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("connext-monitor ba", ["backfill", "backup"]),
        ("connext-monitor export transfers --form", ["--format"]),
        ("connext-monitor export transfers --format ''", ["csv", "ndjson"]),
        ("connext-monitor alerts --state op", ["open"]),
    ],
)
def test_bash_completes_commands_options_and_their_values(installed: Path, words: str, expected: list[str]) -> None:
    environ = process_environ()
    asked = subprocess.run(
        [str(BASH), "--norc", "-c", ASK.format(words=words)],
        env={**environ, "PATH": f"{installed}:{environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert (asked.stdout.split(), asked.stderr) == (expected, "")


@pytest.mark.parametrize(("shell", "mark"), [("zsh", "#compdef connext-monitor"), ("fish", "complete --no-files")])
def test_the_scripts_for_other_shells_name_the_program(monitor: Program, shell: str, mark: str) -> None:
    script = monitor.run("completions", shell).stdout
    assert mark in script
    assert "_CONNEXT_MONITOR_COMPLETE" in script


def test_another_shell_is_a_usage_error(monitor: Program) -> None:
    assert monitor.run("completions", "tcsh").exit_code == 2
