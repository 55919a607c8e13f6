"""The rules of the house (docs/architecture.md), held over its sources."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "connext_monitor"
MAY_IMPORT = {
    "core": (),
    "config": ("core", "deployments"),
    "clock": ("core",),
    "process": ("core",),
    "monitoring": ("core", "config", "clock"),
    "alerting": ("core", "config", "clock"),
    "store": ("core", "config", "clock"),
    "cluster": ("core", "config", "clock"),
    "reporting": ("core", "config", "clock"),
}
"""The rooms, and what of the package each may import beside itself; what is not named here may import everything."""
IMPURE = {
    "aiohttp",
    "asyncio",
    "concurrent",
    "contextvars",
    "logging",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "sqlalchemy",
    "sqlite3",
    "structlog",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "websockets",
}
SQL = {"alembic", "sqlalchemy", "sqlite3"}
NOW = {"now", "utcnow", "today", "monotonic", "perf_counter"}


@dataclass(frozen=True)
class Source:
    """What the rules want to know of a source.

    Every module that it imports, wherever in it; every dotted name that it may import: ``from a import b`` may mean
    a.b, and a text a module by name; the methods that it calls.
    """

    modules: list[str]
    targets: list[str]
    calls: list[tuple[str, ast.Call]]


@cache
def read(source: str) -> Source:
    modules, targets, calls = list[str](), list[str](), list[tuple[str, ast.Call]]()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                modules += [alias.name for alias in names]
                targets += [alias.name for alias in names]
            case ast.ImportFrom(module=module, names=names):
                modules.append(module or "")
                targets += [module, *(f"{module}.{alias.name}" for alias in names)] if module else []
            case ast.Constant(value=str(text)):
                targets.append(text)
            case ast.Call(func=ast.Attribute(attr=name)):
                calls.append((name, node))
    return Source(modules, targets, calls)


def violations(room: str, source: Source) -> list[str]:
    """What a source in this room of the package does against the rules."""
    broken_rules: list[str] = []
    for module in source.modules:
        top = module.split(".")[0]
        if room in MAY_IMPORT and top == "connext_monitor":
            allowed = tuple(f"connext_monitor.{name}" for name in (room, *MAY_IMPORT[room]))
            if not module.startswith(allowed):
                broken_rules.append(f"{room} imports {module}")
        if room == "core" and top in IMPURE:
            broken_rules.append(f"core imports {module}, which is not pure")
        if room != "store" and top in SQL:
            broken_rules.append(f"{room or 'the package'} imports {module}: SQL is the store's")
    if room != "cli":
        broken_rules += [f"line {line} works out a type while threads run" for line in _types_worked_out(source)]
    if room == "core":
        broken_rules += [f"core reads the time: {name}()" for name, _ in source.calls if name in NOW]
    return broken_rules


def _types_worked_out(source: Source) -> list[int]:
    """Where a `decode` is given its type at the call: two threads that are the first to do so end the process."""
    return [
        call.lineno
        for name, call in source.calls
        if name == "decode" and any(keyword.arg == "type" for keyword in call.keywords)
    ]


def room_of(file: Path) -> str:
    """The room that a file of the package is in; "" for those at its top."""
    inside = file.relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else ""


FILES = sorted(PACKAGE.rglob("*.py"))


def test_the_house_rules_hold_in_every_file() -> None:
    broken = {file: violations(room_of(file), read(file.read_text(encoding="utf-8"))) for file in FILES}
    assert {file.relative_to(PACKAGE).as_posix(): rules for file, rules in broken.items() if rules} == {}


def test_the_map_has_the_rooms_that_there_are() -> None:
    text = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (`.+?) \| .+ \| (.+?) \|$", text.partition("\n## The rooms\n")[2].partition("\n## ")[0], re.MULTILINE
    )
    imports = {
        name: set(re.findall(r"`(\w+)`", may)) for names, may in rows for name in re.findall(r"`([\w/.]+)`", names)
    }
    assert [name for name in imports if not (PACKAGE / name).exists()] == []
    folders = {file.relative_to(PACKAGE).parts[0] for file in FILES if file.parent != PACKAGE}
    modules = {file.name for file in PACKAGE.glob("*.py") if not file.name.startswith("__")}
    assert {name for name in imports if "/" not in name} == folders | modules
    assert {room: imports[room] for room in MAY_IMPORT} == {
        room: set(may) & folders for room, may in MAY_IMPORT.items()
    }


def test_no_file_is_a_drawer_for_anything() -> None:
    assert [file for file in FILES if file.stem in {"utils", "util", "helpers", "misc", "common"}] == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("core", "import asyncio"),
        ("core", "from sqlalchemy import select"),
        ("core", "from connext_monitor.config import Config"),
        ("core", "def f():\n    from datetime import datetime\n    return datetime.now()"),
        ("monitoring", "from connext_monitor.store.store import Store"),
        ("alerting", "import connext_monitor.monitoring.observer"),
        ("reporting", "from connext_monitor.alerting.notice import Notice"),
        ("store", "from connext_monitor.app import run"),
        ("process", "from connext_monitor.config import Config"),
        ("process", "from connext_monitor.clock import Clock"),
        ("config", "from connext_monitor.process.logs import escape"),
        ("clock", "from connext_monitor.config import Config"),
        ("alerting", "import sqlite3"),
        ("", "from sqlalchemy import text"),
        ("store", "def read(text):\n    return msgspec.json.decode(text, type=Report)"),
    ],
)
def test_a_violation_is_found(room: str, source: str) -> None:
    assert violations(room, read(source)) != []


# These are found by their folder, not by an import: by Alembic, by the table of kinds, by the types of providers.
MIGRATIONS = "connext_monitor.store.migrations"
COLLECTED = (
    *(PACKAGE / "core" / "alerts" / "kinds").glob("*.py"),
    *(PACKAGE / "alerting" / "providers").glob("*/__init__.py"),
)


def name_of(file: Path) -> str:
    """The dotted name of a module of the package."""
    return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def reached(sources: dict[str, str], *starts: str) -> set[str]:
    """The modules that run once these do, their packages among them."""
    running, left = set[str](), [*starts]
    while left:
        name = left.pop()
        parts = name.split(".")
        for module in (".".join(parts[:length]) for length in range(1, len(parts) + 1)):
            if module in sources and module not in running:
                running.add(module)
                left += read(sources[module]).targets
    return running


def test_every_file_of_the_package_is_reached_from_its_entry() -> None:
    sources = {name_of(file): file.read_text(encoding="utf-8") for file in FILES}
    unreached = sources.keys() - reached(sources, "connext_monitor.__main__", *map(name_of, COLLECTED))
    assert {name for name in unreached if not name.startswith(MIGRATIONS)} == set()


def test_a_file_that_nothing_imports_is_found() -> None:
    sources = {"a": "", "a.main": "from a import used", "a.used": "import a.deep.inside", "a.deep": "", "a.lost": ""}
    sources |= {"a.deep.inside": "", "a.lost_too": "import a.lost"}
    assert sources.keys() - reached(sources, "a.main") == {"a.lost", "a.lost_too"}
