"""How pages are rendered."""

import shutil
import threading
from pathlib import Path
from typing import Any

import jinja2
import pytest

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
    await site.compile()
    assert {"overview.html", "frame.html", "parts.html", "transfer.html"} <= compiled.keys()
    assert threading.current_thread() not in compiled.values()
    compiled.clear()
    await site.compile()
    assert compiled == {}
