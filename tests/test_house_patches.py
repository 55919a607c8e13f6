"""Tests hand in what they want otherwise: nothing of the program's modules and classes is put in another's place."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PROGRAM = ("connext_monitor", "scripts")
PATCHES = {"setattr", "delattr", "setitem", "delitem", "patch", "object", "dict", "multiple"}
"""What monkeypatch and unittest.mock call it, by the last of its names."""

# A process is handed its config and nothing else; what is made to go wrong inside of it is put there before it starts.
IN_PROCESSES = {
    "tests/cluster/network.py": {"WaitingConnection.connect"},  # from where it reaches its database
    "tests/cluster/test_failover.py": {  # that it notices the loss by what the database says alone
        "PostgresConnection.begin",
        "PostgresConnection.commit",
        "PostgresConnection.rollback",
        "TermTurn.lost",
        "chains.refuse_overtaking",
    },
    "tests/e2e/skewed.py": {"SystemClock.now"},  # its machine's clock
    "tests/process/test_stop.py": {  # parts that hang or fail, and how soon a hanging resolver is given up
        "Alerts.open_of_kinds",
        "DaemonThreadLoop.__init__.__defaults__",
        "LoopLag.run",
        "Store.x",
        "server.WebServer",
    },
    "tests/process/test_streams.py": {"entry.program"},  # how much it writes
}


def patched(source: str) -> set[str]:
    """What of the program it replaces, as it names it; in the programs that it quotes too."""
    tree = ast.parse(source)
    imported = set(_imported(tree))
    replaced = set[str]()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[target, *others]) if name in PATCHES:
                if _root(target) in imported:
                    replaced.add(".".join((ast.unparse(target), *(name for it in others[:1] for name in _texts(it)))))
                elif any(f"{room}." in text for room in PROGRAM for text in _texts(target)):
                    replaced.add("".join(_texts(target)))
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                if _root(node) in imported:
                    replaced.add(ast.unparse(node))
            case ast.Constant(value=str(text)) if "connext_monitor" in text and "import " in text:
                replaced |= _patched_in_program(text)
    return replaced


def _patched_in_program(text: str) -> set[str]:
    """The same of a text, where that is a program; its gaps are filled with any name."""
    try:
        return patched(re.sub(r"\{\w*(![rs])?\}", "x", text))
    except SyntaxError:
        return set()


def _imported(tree: ast.Module) -> Iterator[str]:
    """The names by which it knows something of the program."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] in PROGRAM:
                yield from (alias.asname or alias.name for alias in names)
            case ast.Import(names=names):
                ours = [alias for alias in names if alias.name.split(".")[0] in PROGRAM]
                yield from (alias.asname or alias.name.split(".")[0] for alias in ours)


def _root(node: ast.AST) -> str | None:
    """The name that an expression of attributes and items begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _texts(node: ast.AST) -> Iterator[str]:
    return (str(part.value) for part in ast.walk(node) if isinstance(part, ast.Constant))


@pytest.mark.parametrize(
    "source",
    [
        'from connext_monitor.cli import live\nmonkeypatch.setattr(live, "ANSWERS_WITHIN", 60.0)',
        'from connext_monitor.cli import live\nwith MonkeyPatch.context() as own:\n    own.setattr(live, "WITHIN", 2)',
        'monkeypatch.setattr("connext_monitor.store.lease.PATIENCE", 0.1)',
        'monkeypatch.setattr(f"connext_monitor.monitoring.client.{name}", 0.1)',
        'monkeypatch.delattr("connext_monitor.store.postgres.migrator")',
        'from connext_monitor.cli import live\nmonkeypatch.setitem(live.ADDRESSES, "::", "::1")',
        'from connext_monitor.app import App\nwith patch.object(App, "run"):\n    ...',
        'with mock.patch("connext_monitor.app.build"):\n    ...',
        "from connext_monitor.clock import SystemClock\nSystemClock.now = wrong",
        "import connext_monitor.clock as ours\nours.PATIENCE = 1.0",
        "from connext_monitor.clock import ZONES\nZONES['here'] = 1",
        "from connext_monitor import clock\ndel clock.PATIENCE",
        "from connext_monitor.core.token import TOKENS\nsetattr(TOKENS, 'of', None)",
        'BEFORE = """\nfrom connext_monitor.store.store import Store\nStore.{method} = hang\n"""',
        "from scripts.devnet import toolchain\ntoolchain.CACHE = cache",
    ],
)
def test_what_replaces_something_of_the_program_is_found(source: str) -> None:
    assert patched(source) != set()


@pytest.mark.parametrize(
    "source",
    [
        'monkeypatch.setattr("importlib.util.find_spec", nothing)',
        'monkeypatch.setattr(sys, "executable", "/nowhere")',
        "from connext_monitor.store.store import Store\nstore = Store()\nstore.connection.driver.answers_within = 1.0",
        "from connext_monitor.store.store import Store\nself.store = Store()",
        "from tests.world.tokens import TOKENS\nTOKENS.of = None",
    ],
)
def test_what_changes_something_else_is_not_found(source: str) -> None:
    assert patched(source) == set()


def test_tests_put_nothing_in_the_place_of_the_program() -> None:
    # Mutants quote the source that they change, rules what they refuse.
    quoting = {*TESTS.glob("test_house*.py"), *(TESTS / "simulation" / "mutants").rglob("*.py")}
    sources = {file: file.read_text(encoding="utf-8") for file in sorted(TESTS.rglob("*.py")) if file not in quoting}
    replacing = {
        file.relative_to(TESTS.parent).as_posix(): names
        for file, source in sources.items()
        if _may_patch(source) and (names := patched(source))
    }
    assert replacing == IN_PROCESSES


def _may_patch(source: str) -> bool:
    """Whether it is to be parsed, which takes longer than to look for words."""
    changes = re.search(
        r"setattr|delattr|setitem|delitem|patch|^\s*(?!self\.)\w+(\.\w+|\[.*\])+ = |^\s*del ", source, re.MULTILINE
    )
    return changes is not None and any(room in source for room in PROGRAM)
