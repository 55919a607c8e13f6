"""Types of stored values are worked out before there are threads: msgspec does it at the first use, without a lock."""

import subprocess
import sys

_READS = """
import sys
from contextlib import suppress

from msgspec import MsgspecError

from connext_monitor.core import report
from connext_monitor.core.alerts.table import KINDS

worked_out = []


def notice(frame, event, _):
    if event == "call" and frame.f_code.co_name == "get_class_annotations":
        worked_out.append(frame)


reads = [report.read, *(kind.read_details for kind in KINDS.values())]
sys.setprofile(notice)
for read in reads:
    with suppress(MsgspecError):
        read("{}")
print(len(reads), len(worked_out))
"""


def test_no_thread_is_the_first_to_read_a_type() -> None:
    ended = subprocess.run([sys.executable, "-c", _READS], capture_output=True, text=True, check=True)
    reads, worked_out = map(int, ended.stdout.split())
    assert reads > 5
    assert worked_out == 0
