"""What the program loads before it answers: everything else is time that somebody waits."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from connext_monitor.cli.interruptible import complete
from tests.cli.conftest import Program
from tests.world.processes import process_environ

COMPLETE = {"_CONNEXT_MONITOR_COMPLETE": "bash_complete", "COMP_CWORD": "1"}
PRINTS_MODULES = """if True:
    import sys
    from connext_monitor.cli import main
    sys.argv[0] = "connext-monitor"
    try:
        main()
    finally:
        print("\\n".join(sys.modules), file=sys.stderr)
"""
OPTIONS = {
    "connext_monitor",
    "connext_monitor.cli",
    "connext_monitor.cli.commands",
    "connext_monitor.cli.commands.alerts",
    "connext_monitor.cli.commands.completions",
    "connext_monitor.cli.commands.database",
    "connext_monitor.cli.commands.lookup",
    "connext_monitor.cli.commands.monitor",
    "connext_monitor.cli.entry",
    "connext_monitor.cli.failure",
    "connext_monitor.cli.options",
    "connext_monitor.cli.program",
    "connext_monitor.core",
    "connext_monitor.core.operator_error",
    "connext_monitor.core.printable",
    "connext_monitor.process",
    "connext_monitor.process.first_record",
    "connext_monitor.process.standard_streams",
}
"""What declares the commands and their options, and runs them."""


def loaded(folder: Path, *arguments: str, **environ: str) -> set[str]:
    """The modules that are not Python's own, once the command has ended; of libraries their top-level names."""
    ended = subprocess.run(
        [sys.executable, "-c", PRINTS_MODULES, *arguments],
        cwd=folder,
        env=process_environ(**environ),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    modules = {name for name in ended.stderr.splitlines() if name.split(".")[0] not in sys.stdlib_module_names}
    ours = {name for name in modules if name.startswith("connext_monitor")}
    return ours | {name.split(".")[0] for name in modules - ours} - _ALWAYS


_ALWAYS = {"__main__", "_distutils_hack", "_virtualenv", "sitecustomize", "usercustomize"}
"""What an environment may load for every Python."""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["transfers", "--help"], ["run", "--help"]])
def test_help_loads_click_and_the_options_only(tmp_path: Path, arguments: list[str]) -> None:
    assert loaded(tmp_path, *arguments) <= OPTIONS | {"click"}


@pytest.mark.parametrize("words", ["connext-monitor st", "connext-monitor --", "connext-monitor status --"])
def test_completion_loads_no_more_than_help(tmp_path: Path, words: str) -> None:
    environ = COMPLETE | {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    assert loaded(tmp_path, **environ) <= OPTIONS | {"click"}


def test_completing_a_kind_loads_the_core_only(tmp_path: Path) -> None:
    environ = COMPLETE | {"COMP_WORDS": "connext-monitor alerts silence --kind ", "COMP_CWORD": "4"}
    modules = loaded(tmp_path, **environ) - OPTIONS
    assert [name for name in modules if name.startswith("connext_monitor") and ".core." not in name] == []
    assert modules & {*NEVER, "pydantic", "sqlalchemy", "structlog"} == set()


NEVER = {
    "aiohttp",
    "alembic",
    "asyncpg",
    "eth_utils",
    "jinja2",
    "matplotlib",
    "prometheus_client",
    "rich",
    "websockets",
}
"""Of libraries: what no command needs that looks something up, with its output in a pipe."""
ROOMS = ("connext_monitor.app", "connext_monitor.monitoring", "connext_monitor.assembly")


def test_replaying_loads_neither_the_monitor_nor_its_clients(monitor: Program) -> None:
    monitor.fill(lambda _store: _nothing())
    modules = loaded(monitor.folder, "--config", "config.toml", "replay", "--json")
    assert modules & NEVER == set()
    assert [name for name in modules if name.startswith(ROOMS)] == []
    assert "connext_monitor.store.store" in modules


@pytest.mark.parametrize(
    ("command", "reader", "made_of"),
    [
        (["stats"], "statistics", {"selection", "stats", "transfer_view"}),
        (["transfers"], "views", {"selection", "transfer_view"}),
        (["transfer", f"0x{'77' * 32}"], "views", {"selection", "transfer_view"}),
        (["alerts"], "views", {"selection", "transfer_view"}),
        (["events"], "bridge_events", {"selection", "stats"}),
    ],
)
def test_lookups_load_neither_what_records_nor_what_sends(
    monitor: Program, command: list[str], reader: str, made_of: set[str]
) -> None:
    monitor.fill(lambda _store: _nothing())
    modules = loaded(monitor.folder, "--config", "config.toml", *command, "--json")
    assert modules & NEVER == set()
    assert [name for name in modules if name.startswith(ROOMS)] == []
    assert f"connext_monitor.store.{reader}" in modules
    assert modules & (RECORDS_AND_SENDS - {f"connext_monitor.core.{name}" for name in made_of}) == set()


CHANNELS = """
[alert_providers.console]
type = "console"
[alert_providers.ops]
type = "discord"
webhook_url = "https://discord.com/api/webhooks/1/none"
[alert_providers.desk]
type = "slack"
webhook_url = "https://hooks.slack.com/services/T0/B0/none"
[alert_providers.duty]
type = "telegram"
token = "1:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
chat_id = "1"
[alert_providers.machines]
type = "webhook"
url = "https://example.com/hook"
[alert_providers.pager]
type = "pagerduty"
routing_key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
"""


def test_status_loads_what_it_reads_only(monitor: Program) -> None:
    monitor.fill(lambda _store: _nothing())
    with monitor.config.open("a", encoding="utf-8") as config:
        config.write(CHANNELS)
    modules = loaded(monitor.folder, "--config", "config.toml", "status", "--json")
    assert modules & {*NEVER, "sqlalchemy", "structlog"} == set()
    assert "connext_monitor.store.glance" in modules
    assert {name for name in modules if name.startswith("connext_monitor.alerting")} == ALERTING
    assert [name for name in modules if name.startswith((*ROOMS, "connext_monitor.reporting"))] == []
    assert {name for name in modules if name.startswith("connext_monitor.store")} <= STORE
    assert modules & RECORDS_AND_SENDS == set()


ALERTING = {
    "connext_monitor.alerting",
    "connext_monitor.alerting.providers",
    "connext_monitor.alerting.providers.base",
    *(
        f"connext_monitor.alerting.providers.{name}"
        for name in ("console", "discord", "slack", "telegram", "webhook", "pagerduty")
    ),
}
"""What knows the keys of channels; nothing of what sends."""
STORE = {
    "connext_monitor.store",
    *(
        f"connext_monitor.store.{name}"
        for name in (
            "backup_copy", "backup_folder", "cause_text", "condition", "connection", "database", "engine", "errors",
            "executor", "glance", "instants", "lock", "log_room", "opening", "outage_note", "ownership", "plain",
            "precedence", "schema_revision", "transfer_states", "trouble", "uncounted_memory",
        )
    ),
}  # fmt: skip
"""What reads the tables that `status` shows."""
RECORDS_AND_SENDS = {
    f"connext_monitor.core.{name}"
    for name in (
        "alerts.delivery_action", "alerts.digest", "alerts.grouping", "holds", "leg_effects", "prior_state", "queue",
        "recording", "report", "selection", "stats", "transfer_view",
    )
}  # fmt: skip
"""What the core decides while a monitor runs, or answers other commands: each class in it takes a millisecond."""


def test_garbage_is_collected_now_and_then_while_a_command_works() -> None:
    was, thresholds = gc.isenabled(), gc.get_threshold()
    gc.disable()
    gc.set_threshold(1)
    try:
        assert complete(_collects_garbage())
        assert gc.get_threshold()[0] > 1_000
    finally:
        (gc.enable if was else gc.disable)()
        gc.set_threshold(*thresholds)


COUNTS_WHAT_IS_LEFT = """if True:
    import gc, sys
    from connext_monitor.cli import main
    sys.argv[0] = "connext-monitor"
    try:
        main()
    finally:
        print(len(gc.get_objects()), gc.get_freeze_count(), file=sys.stderr)
"""


def test_no_garbage_is_looked_for_at_the_end(monitor: Program) -> None:
    monitor.fill(lambda _store: _nothing())
    arguments = ["--config", "config.toml", "stats", "--json"]
    ended = subprocess.run(
        [sys.executable, "-c", COUNTS_WHAT_IS_LEFT, *arguments],
        cwd=monitor.folder,
        env=process_environ(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    to_look_at, left_out = map(int, ended.stderr.split()[-2:])
    assert left_out > 10_000 > to_look_at


async def _collects_garbage() -> bool:
    return gc.isenabled()


def test_what_is_loaded_is_not_looked_through_for_garbage() -> None:
    was, thresholds, before = gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()
    loaded: list[list[int]] = [[] for _ in range(1_000)]
    try:
        assert complete(_left_out()) - before >= len(loaded)
    finally:
        (gc.enable if was else gc.disable)()
        gc.set_threshold(*thresholds)


SAYS_WHAT_COLLECTIONS_LEAVE_OUT = """if True:
    import gc, sys
    from connext_monitor.cli import main
    sys.argv[0] = "connext-monitor"
    left_out = []
    gc.callbacks.append(lambda phase, _: left_out.append(gc.get_freeze_count()))
    try:
        main()
    finally:
        print(min(left_out, default=sys.maxsize), file=sys.stderr)
"""


def test_the_monitor_starts_without_looking_through_its_modules(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SAYS_WHAT_COLLECTIONS_LEAVE_OUT, "--config", "none.toml", "run"],
        cwd=tmp_path,
        env=process_environ(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert int(ended.stderr.split()[-1]) > 10_000


async def _left_out() -> int:
    return gc.get_freeze_count()


async def _nothing() -> None:
    """A database that is only made."""
