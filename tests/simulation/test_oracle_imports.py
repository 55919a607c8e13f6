"""The oracle shares nothing with what it judges."""

import ast
from pathlib import Path

ORACLE = Path(__file__).parent
PARTS = (
    "acts",
    "facts",
    "findings",
    "intervals",
    "oracle",
    "routers",
    "sayings",
    "sharing",
    "story",
    "trace",
    "troubles",
    "truth",
    "world_truth",
)
"""What the oracle is made of, beside its rules."""


def imported(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def test_nothing_of_the_monitor_is_in_the_oracle() -> None:
    allowed = {f"tests.simulation.{part}" for part in PARTS}
    for file in [*(ORACLE / f"{part}.py" for part in PARTS), *(ORACLE / "rules").glob("*.py")]:
        ours = {name for name in imported(file) if name.startswith(("tests", "connext_monitor", "scripts"))}
        assert {name for name in ours if not name.startswith("tests.simulation.rules.")} <= allowed, file
