"""docs/promises.md: every promise is there, and every test that is said to hold it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "promises.md"
PROMISES = 12
HEADING = re.compile(r"^## (\d+)\. (.+)$", re.MULTILINE)
TEST = re.compile(r"^- `(tests/\S+\.py)::(test_\w+)`$", re.MULTILINE)
REFERENCE = re.compile(r"\bpromises? (\d+(?:(?:, | and | to )\d+)*)", re.IGNORECASE)


def sections(text: str) -> dict[int, str]:
    """What is written about each promise, by its number."""
    _, *parts = HEADING.split(text)
    return {int(number): body for number, body in zip(parts[::3], parts[2::3], strict=True)}


def defined_in(source: str) -> set[str]:
    """The tests that a file defines at its top."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.parse(source).body if isinstance(node, functions)}


def missing(text: str) -> list[str]:
    """The tests that the text names and that are nowhere."""
    named = [(ROOT / path, test) for path, test in TEST.findall(text)]
    return [f"{path}::{test}" for path, test in named if not path.is_file() or test not in defined_in(path.read_text())]


SECTIONS = sections(DOCUMENT.read_text(encoding="utf-8"))


def test_every_promise_has_its_number() -> None:
    assert list(SECTIONS) == list(range(1, PROMISES + 1))


@pytest.mark.parametrize("number", SECTIONS)
def test_a_promise_names_its_rooms_and_its_tests(number: int) -> None:
    kept, _, tests = SECTIONS[number].partition("Kept in: ")[2].partition("\n\n")
    rooms = [name for name in re.findall(r"`([\w/]+)`", kept) if (ROOT / "connext_monitor" / name).is_dir()]
    assert rooms
    assert len(TEST.findall(tests)) == tests.count("\n- ") + tests.startswith("- ") > 0
    assert missing(SECTIONS[number]) == []


def test_a_test_that_is_not_there_is_found() -> None:
    here = "tests/test_promises_document.py"
    assert missing(f"- `{here}::test_every_promise_has_its_number`") == []
    assert len(missing(f"- `{here}::test_gone`\n- `tests/gone.py::test_gone`")) == 2


def test_the_sources_speak_of_promises_that_there_are() -> None:
    files = [file for folder in ("connext_monitor", "tests", "docs") for file in (ROOT / folder).rglob("*.[pm][yd]")]
    numbers = {
        int(number)
        for file in files
        for reference in REFERENCE.findall(file.read_text(encoding="utf-8"))
        for number in re.findall(r"\d+", reference)
    }
    assert {1, 5, 9} < numbers <= set(SECTIONS)
