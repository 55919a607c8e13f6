"""The command line: arguments in, exit codes out; one file for each command."""

import sys
import traceback


def main() -> None:
    """Run the command of the process's arguments, and exit with its code."""
    try:
        # This takes a second or more, in which Ctrl-C should end in a word too.
        from connext_monitor.cli.program import program  # noqa: PLC0415
        from connext_monitor.logs import escape, redact  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.stderr.write("Aborted!\n")
        sys.exit(1)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows its escape instead of a traceback.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    try:
        program(prog_name="connext-monitor")
    except Exception:  # noqa: BLE001 - a fault of ours; its text may hold what must not be shown
        for line in redact(traceback.format_exc()).splitlines():
            sys.stderr.write(f"{escape(line)}\n")
        sys.stderr.write("connext-monitor: this is a fault of the program, please report it\n")
        sys.exit(1)
