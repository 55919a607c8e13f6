"""The command line: arguments in, exit codes out.

``commands`` declares the commands; what carries each of them out has a file of its own, loaded when it runs.
"""

# Little is imported here: until `main` runs, Ctrl-C ends in a traceback.
import gc
import os
import select
import signal
from contextlib import suppress


def main() -> None:
    """Run the command of the process's arguments, and exit with its code."""
    # What is loaded stays: to look through it for garbage again and again took a tenth of a command's time. What
    # then works, `complete` or the monitor, has garbage collected.
    gc.disable()
    # Pydantic would look for plugins in the metadata of every package that is installed; none is meant for us.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # While modules are loaded, an exception would be lost wherever Python runs code that nobody called.
        signal.signal(signal.SIGINT, _end_at_once)
    from connext_monitor.process import standard_streams  # noqa: PLC0415

    standard_streams.prepare()
    from connext_monitor.cli.entry import run_program  # noqa: PLC0415

    run_program()


def _end_at_once(_number: int, _frame: object) -> None:
    """End in a word. What has to end in order listens to signals by itself while it runs."""
    with suppress(OSError):  # a stderr that is closed
        if select.select([], [2], [], 0)[1]:
            os.write(2, b"Aborted!\n")
    os._exit(1)
