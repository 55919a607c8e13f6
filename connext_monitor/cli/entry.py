"""Runs the command of the process's arguments, and exits with its code."""

import gc
import os
import signal
import sys
import threading
import traceback

from connext_monitor.cli.program import program
from connext_monitor.core.printable import escape, redact
from connext_monitor.process import standard_streams
from connext_monitor.process.standard_streams import OutputLost


def run_program() -> None:
    """Run the command, and exit with its code."""
    code = _command()
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        # All that is left is to write what somebody may not read: Ctrl-C is to end that, without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    lost = standard_streams.finish()
    if lost is not None:
        code = _lost(lost)
    standard_streams.last_words()
    if any(thread is not threading.current_thread() and not thread.daemon for thread in threading.enumerate()):
        # Abandoned with what hangs in it: Python would wait for it.
        os._exit(code)
    # Python would go through all that is loaded once more for garbage, a sixth of what a short command takes.
    gc.freeze()
    sys.exit(code)


def _command() -> int:
    """Run the command; its exit code."""
    try:
        program(prog_name="connext-monitor")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except OutputLost as error:
        return _lost(error)
    except KeyboardInterrupt:
        sys.stderr.write("Aborted!\n")
        return 1
    except Exception:  # noqa: BLE001 - a fault of ours
        _say_what_failed()
        return 1
    return 0


def _lost(error: OutputLost) -> int:
    """Say that stdout is lost, unless its reader has read enough; the exit code."""
    standard_streams.give_stdout_up()
    if not error.reader_left:
        sys.stderr.write(f"connext-monitor: cannot write to stdout ({(error.strerror or 'lost').lower()})\n")
    return 1


def _say_what_failed() -> None:
    """The traceback; its text may hold what must not be shown."""
    for line in redact(traceback.format_exc()).splitlines():
        sys.stderr.write(f"{escape(line)}\n")
    sys.stderr.write("connext-monitor: this is a bug, please report it\n")
