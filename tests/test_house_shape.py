"""The shape of the house: sizes, names, and what tests and scripts may reach into."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = sorted((ROOT / "connext_monitor").rglob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef
NAMING = (
    ast.alias, ast.arg, ast.AsyncFunctionDef, ast.Attribute, ast.Call, ast.ClassDef, ast.Constant, ast.FunctionDef,
    ast.ImportFrom, ast.MatchAs, ast.MatchStar, ast.Name,
)  # fmt: skip

MOST_LINES_OF_FILE, MOST_LINES_OF_FUNCTION, MOST_WORDS_OF_TEST = 300, 50, 12

NAMES_OF_EVERYTHING = {"one", "found", "told", "wanted", "place"}
"""They say nothing about the thing that they name."""
OF_DOCUMENTS = {"connext_monitor/core/documents/chains.py": {"found"}}
"""Keys of documents that other programs read."""

# What is still larger, longer or called alike. Whatever no longer is goes from here.
LARGE_FILES: set[str] = set()
LONG_FUNCTIONS = {
    "upgrade",  # a migration is a list of statements
}
OWN = {"self", "cls", "super()"}
OF_LIBRARIES = {"_exit", "_replace", "_set_running_loop"}
"""Of os, of named tuples, and of asyncio for whoever writes an event loop: their own, public names."""
REACH_INTO = {
    # An answer that is read when the task that waits for it has not run yet: no server can have it so.
    "tests/monitoring/test_subscriptions.py": {"_dispatch"},
    # What pytest and Python do at their end, which a process that was forked off them needs before.
    "tests/forked_workers.py": {"_basetemp", "_file", "_run_exitfuncs", "_setupstate", "_tmp_path_factory", "_tw"},
    "tests/world/fork_server.py": {"_run_exitfuncs", "_shutdown"},
}


@lru_cache(maxsize=1)
def nodes(source: ast.Module) -> tuple[ast.AST, ...]:
    """What gives a name to something or reaches into something, gone through once for all rules.

    Then it is forgotten: there are a million nodes in all sources. `ast.walk` takes half as long again.
    """
    naming, left = list[ast.AST](), list[ast.AST]([source])
    while left:
        node = left.pop()
        if isinstance(node, NAMING):
            naming.append(node)
        for value in vars(node).values():
            inner = value if isinstance(value, list) else (value,)
            left += [child for child in inner if isinstance(child, ast.AST) and not is_read(child)]
    return tuple(naming)


def is_read(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)


def functions(source: ast.Module) -> Iterator[Function]:
    return (node for node in nodes(source) if isinstance(node, Function))


def lines_of(node: Function) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def where(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Shape:
    """What the rules want to know of a source; its functions with their lines."""

    functions: list[tuple[str, int]]
    types: list[str]
    imported: set[str]
    reached_into: set[str]
    names_of_everything: set[str]


@cache
def shape(file: Path) -> Shape:
    source = ast.parse(file.read_text(encoding="utf-8"))
    return Shape(
        functions=[(function.name, lines_of(function)) for function in functions(source)],
        types=list(types_defined(source)),
        imported=imported(source),
        reached_into=reached_into(source),
        names_of_everything=names_of_everything(source),
    )


def test_no_file_is_too_large_to_be_read_at_once() -> None:
    sizes = {where(file): len(file.read_text(encoding="utf-8").splitlines()) for file in (*PACKAGE, *SCRIPTS, *TESTS)}
    assert {name for name, lines in sizes.items() if lines > MOST_LINES_OF_FILE} == LARGE_FILES


def test_no_function_is_too_long_to_be_seen_at_once() -> None:
    long = {
        name
        for file in (*PACKAGE, *SCRIPTS, *TESTS)
        for name, lines in shape(file).functions
        if lines > MOST_LINES_OF_FUNCTION
    }
    assert long == LONG_FUNCTIONS


def types_defined(source: ast.Module) -> Iterator[str]:
    """The names that mean a type: of classes, protocols, type variables, new types and aliases; private ones too."""
    for node in nodes(source):
        if isinstance(node, ast.ClassDef):
            yield node.name.removeprefix("_")
    for statement in source.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name) and is_of_a_type(target.id))


def is_of_a_type(name: str) -> bool:
    """Whether it is written as types are: `DomainId`, not `MOST_LINES` or `log`."""
    return name[0].isupper() and not name.isupper()


@pytest.mark.parametrize(
    "source",
    [
        "class Row: ...",
        "class _Row: ...",
        "class Row(Protocol): ...",
        "Row = tuple[str, float]",
        "Row: TypeAlias = tuple[str, float]",
        'Row = NewType("Row", int)',
        "def outer():\n    class Row: ...",
    ],
)
def test_whatever_defines_a_type_is_seen(source: str) -> None:
    assert list(types_defined(ast.parse(source))) == ["Row"]


@pytest.mark.parametrize("source", ["ROW = 1", "row = 1", "def Row(): ..."])
def test_what_defines_no_type_is_not_seen(source: str) -> None:
    assert list(types_defined(ast.parse(source))) == []


def test_one_name_means_one_type() -> None:
    files = defaultdict[str, list[str]](list)
    for file in PACKAGE:
        for name in shape(file).types:
            files[name].append(where(file))
    assert {name: defined_in for name, defined_in in files.items() if len(defined_in) > 1} == {}


def reached_into(source: ast.Module) -> set[str]:
    """The names with a leading underscore that a test uses of what it did not define itself.

    Those that it reads, calls, imports or replaces, and those in the code that it has another process run.
    """
    own = {node.name for node in nodes(source) if isinstance(node, ast.ClassDef | Function)}
    return {name for node in nodes(source) for name in _private_names(node) if name not in own | OF_LIBRARIES}


def _private_names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Attribute(value=value, attr=name) if name[0] == "_" and ast.unparse(value) not in OWN:
            names = [name]
        case ast.ImportFrom(names=imported_names):
            names = [alias.name for alias in imported_names]
        case ast.Call(
            func=ast.Attribute(attr="setattr" | "patch" | "object") | ast.Name(id="setattr" | "patch") as func,
            args=arguments,
        ) if ast.unparse(func).endswith(("setattr", "patch", "patch.object")):
            patched = [argument.value for argument in arguments if isinstance(argument, ast.Constant)]
            names = [part for path in patched for part in str(path).split(".")]
        case ast.Constant(value=str(text)) if "._" in text:
            # Of a program that is started.
            names = re.findall(r"^\s*\w[\w.]*\.(_\w+)\s*=[^=]", text, re.MULTILINE)
        case _:
            names = []
    yield from (name for name in names if name.startswith("_") and not name.startswith("__"))


@pytest.mark.parametrize(
    "source",
    [
        'monkeypatch.setattr("connext_monitor.store._PATIENCE", 0.1)',
        'monkeypatch.setattr(telegram, "_PAUSE", 0.0)',
        'mock.patch("connext_monitor.app._build")',
        "provider._pause = 0.0",
        "watch._look()",
        "assert client.queue._waiting == []",
        "from connext_monitor.app import _build",
        'BEFORE = """\nfrom connext_monitor.reporting.metrics import page\npage._PATIENCE = 0.1\n"""',
    ],
)
def test_what_reaches_into_private_state_is_found(source: str) -> None:
    assert reached_into(ast.parse(source)) != set()


def test_tests_reach_into_nothing_private() -> None:
    # Mutants quote the source that they change, and reach into nothing.
    quoting = {Path(__file__), *(Path(__file__).parent / "simulation" / "mutants").iterdir()}
    reaching = {where(file): names for file in TESTS if file not in quoting and (names := shape(file).reached_into)}
    assert reaching == REACH_INTO


def test_the_names_of_tests_are_short_claims() -> None:
    long = [
        f"{where(file)}::{name}"
        for file in TESTS
        for name, _ in shape(file).functions
        if name.startswith("test_") and name.count("_") > MOST_WORDS_OF_TEST
    ]
    assert long == []


def names_of_everything(source: ast.Module) -> set[str]:
    """What it calls a variable, parameter, field, function or class by a name that fits anything."""
    return {
        name for node in nodes(source) for name in _names_given(node) if name.strip("_").lower() in NAMES_OF_EVERYTHING
    }


def _names_given(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.alias(asname=str(name)):
            yield name


@pytest.mark.parametrize(
    "source",
    [
        "one = 1",
        "[one for one in ()]",
        "told, count = (), 0",
        "self.found = []",
        "def f(wanted): ...",
        "def told(): ...",
        "class Found: ...",
        "match 1:\n    case place: ...",
        "from a import b as told",
        "lambda one: 1",
        "with open() as _found: ...",
    ],
)
def test_a_name_of_everything_is_seen(source: str) -> None:
    assert names_of_everything(ast.parse(source)) != set()


def test_things_are_named_for_what_they_are() -> None:
    files = (*PACKAGE, *SCRIPTS, *TESTS)
    vague = {where(file): names for file in files if (names := shape(file).names_of_everything)}
    assert vague == OF_DOCUMENTS


def imported(source: ast.Module) -> set[str]:
    """The modules that it imports from."""
    return {node.module or "" for node in nodes(source) if isinstance(node, ast.ImportFrom)}


def test_no_test_imports_another_test() -> None:
    """What they share has a module of its own, and a test can be moved or deleted."""
    others = {
        where(file): tests
        for file in TESTS
        if (tests := {name for name in shape(file).imported if name.rpartition(".")[2].startswith("test_")})
    }
    assert others == {}


def test_scripts_import_nothing_of_the_tests() -> None:
    assert {where(file) for file in SCRIPTS if any(name.startswith("tests") for name in shape(file).imported)} == set()


def test_the_package_uses_no_orm_and_no_async_engine() -> None:
    refused = ("sqlalchemy.orm", "sqlalchemy.ext.asyncio")
    assert {where(file) for file in PACKAGE if any(name.startswith(refused) for name in shape(file).imported)} == set()
