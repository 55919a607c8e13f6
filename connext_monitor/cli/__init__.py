"""The command line: arguments in, exit codes out; one file for each command."""

# Little is imported here: until `main` runs, Ctrl-C ends in a traceback.
import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def main() -> None:
    """Run the command of the process's arguments, and exit with its code."""
    # This takes a second or more, in which Ctrl-C should end in a word too.
    with _ctrl_c_ends_at_once():
        from connext_monitor.process import standard_streams  # noqa: PLC0415

        standard_streams.prepare()
        from connext_monitor.cli.entry import run_program  # noqa: PLC0415
    run_program()


@contextmanager
def _ctrl_c_ends_at_once() -> Iterator[None]:
    """While modules are loaded: an exception would be lost wherever Python runs code that nobody called."""

    def end(_number: int, _frame: object) -> None:
        with suppress(OSError):  # a stderr that is closed
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
