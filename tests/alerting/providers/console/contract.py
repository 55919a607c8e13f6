"""The console's contract; it is no vendor, and has no secrets."""

import io
import re

from rich.console import Console

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.console.text import alert_text
from tests.alerting.providers.contract import Contract
from tests.world.alerts import NOW


def assert_literal(notice: Notice) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, highlight=False)
    console.print(alert_text(notice.message, NOW), soft_wrap=True, markup=False, highlight=False, emoji=False)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())
    assert all(line.startswith("▌ ") and line.isprintable() for line in shown.rstrip("\n").split("\n"))


CONTRACT = Contract(assert_literal)
