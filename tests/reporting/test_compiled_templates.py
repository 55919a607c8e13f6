"""Compiled templates are kept, and used only where they are what would be compiled now."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest

from connext_monitor.reporting.web.compiled_templates import CompiledTemplates

SAYS = "{{ greeting }}, {{ name }}"
Damage = Callable[[Path], object]


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates that are compiled, in order, by a Python that may write such files."""
    names: list[str] = []
    compile_source = jinja2.Environment.compile

    def compile_noted(environment: jinja2.Environment, source: Any, name: str, *rest: Any, **more: Any) -> Any:
        names.append(name)
        return compile_source(environment, source, name, *rest, **more)

    monkeypatch.setattr(jinja2.Environment, "compile", compile_noted)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    return names


@pytest.fixture
def template(tmp_path: Path) -> Path:
    file = tmp_path / "says.html"
    file.write_text(SAYS)
    return file


def page(template: Path, made_by: bytes = b"1") -> str:
    """What another process makes of it."""
    kept = CompiledTemplates(template.parent, made_by)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent), bytecode_cache=kept, autoescape=True
    )
    return environment.get_template(template.name).render(greeting="Hello", name="<you>")


def kept_files(template: Path) -> list[Path]:
    return list((template.parent / "__pycache__").iterdir())


def test_what_is_kept_is_not_compiled_again(template: Path, compiled: list[str]) -> None:
    assert [page(template) for _ in range(3)] == ["Hello, &lt;you&gt;"] * 3
    assert compiled == ["says.html"]


def test_a_changed_template_is_compiled_anew(template: Path, compiled: list[str]) -> None:
    page(template)
    template.write_text("{{ name }}!")
    assert [page(template), page(template)] == ["&lt;you&gt;!"] * 2
    assert len(compiled) == 2


def test_what_was_compiled_by_other_means_is_compiled_anew(template: Path, compiled: list[str]) -> None:
    page(template)
    page(template, made_by=b"2")
    assert len(compiled) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-1]),
        lambda file: file.write_bytes(file.read_bytes()[:-10] + b"0123456789"),
        lambda file: file.unlink(),
    ],
    ids=["empty", "cut off", "altered", "gone"],
)
def test_what_is_damaged_is_compiled_anew(template: Path, compiled: list[str], damage: Damage) -> None:
    page(template)
    for file in kept_files(template):
        damage(file)
    assert page(template) == "Hello, &lt;you&gt;"
    assert len(compiled) == 2


def test_where_nothing_can_be_kept_pages_are_made_all_the_same(template: Path, compiled: list[str]) -> None:
    (template.parent / "__pycache__").write_text("not a folder")
    assert [page(template), page(template)] == ["Hello, &lt;you&gt;"] * 2
    assert len(compiled) == 2


def test_nothing_is_written_where_python_is_told_so(
    template: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    page(template)
    assert not (template.parent / "__pycache__").exists()
    assert compiled == ["says.html"]


def test_who_may_read_a_template_may_read_what_is_kept_of_it(template: Path, compiled: list[str]) -> None:
    template.chmod(0o644)
    page(template)
    assert [oct(file.stat().st_mode & 0o777) for file in kept_files(template)] == ["0o644"]
    assert compiled
