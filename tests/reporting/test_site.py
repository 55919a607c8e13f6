"""How pages are rendered."""

import shutil
import threading
from pathlib import Path
from typing import Any

import jinja2
import pytest
from jinja2.meta import find_referenced_templates

from connext_monitor.reporting.web.site import TEMPLATES, Site


async def test_the_event_loop_does_not_wait_while_templates_are_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: dict[str, threading.Thread] = {}
    compile_source = jinja2.Environment.compile

    def compile_noted(environment: jinja2.Environment, source: Any, name: str, *rest: Any, **more: Any) -> Any:
        compiled[name] = threading.current_thread()
        return compile_source(environment, source, name, *rest, **more)

    monkeypatch.setattr(jinja2.Environment, "compile", compile_noted)
    folder = Path(shutil.copytree(TEMPLATES, tmp_path / "templates", ignore=shutil.ignore_patterns("__pycache__")))
    site = Site(folder)
    pages = [file.name for file in folder.glob("*.html") if file.name not in {"frame.html", "parts.html"}]
    for page in pages:
        await site.compile(page)
        assert {page, *referred_to(folder, page), *referred_to(folder, "frame.html")} <= compiled.keys()
    assert threading.current_thread() not in compiled.values()
    compiled.clear()
    for page in pages:
        await site.compile(page)
    assert compiled == {}


def referred_to(folder: Path, template: str) -> set[str | None]:
    """The templates that it is made of."""
    return set(find_referenced_templates(jinja2.Environment(autoescape=True).parse((folder / template).read_text())))
