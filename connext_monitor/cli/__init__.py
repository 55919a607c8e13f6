"""The command line: arguments in, exit codes out; one file for each command."""

import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from connext_monitor import standard_streams
from connext_monitor.standard_streams import OutputLost


def main() -> None:
    """Run the command of the process's arguments, and exit with its code."""
    standard_streams.prepare()
    code = _command()
    lost = standard_streams.finish()
    if lost is not None:
        code = _lost(lost)
    standard_streams.last_words()
    if any(thread is not threading.current_thread() and not thread.daemon for thread in threading.enumerate()):
        # Abandoned with what hangs in it: Python would wait for it.
        os._exit(code)
    sys.exit(code)


def _command() -> int:
    """Run the command; its exit code."""
    try:
        # This takes a second or more, in which Ctrl-C should end in a word too.
        with _ctrl_c_ends_at_once():
            from connext_monitor.cli.program import program  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.stderr.write("Aborted!\n")
        return 1
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


@contextmanager
def _ctrl_c_ends_at_once() -> Iterator[None]:
    """While modules are loaded: an exception would be lost wherever Python runs code that nobody called."""

    def end(_number: int, _frame: object) -> None:
        if select.select([], [2], [], 0)[1]:
            os.write(2, b"Aborted!\n")
        os._exit(1)

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _lost(error: OutputLost) -> int:
    """Say that stdout is lost, unless its reader has read enough; the exit code."""
    standard_streams.give_stdout_up()
    if not error.reader_left:
        sys.stderr.write(f"connext-monitor: stdout cannot be written to ({(error.strerror or 'lost').lower()})\n")
    return 1


def _say_what_failed() -> None:
    """The traceback; its text may hold what must not be shown."""
    from connext_monitor.logs import escape, redact  # noqa: PLC0415 - see above

    for line in redact(traceback.format_exc()).splitlines():
        sys.stderr.write(f"{escape(line)}\n")
    sys.stderr.write("connext-monitor: this is a fault of the program, please report it\n")
