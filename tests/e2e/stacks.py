"""Where a process of the program stands when a test of it fails."""

import signal
from contextlib import suppress

from tests.world.processes import Process, stands
from tests.world.waiting import until

SHOWS_STACKS = "import faulthandler, resource; faulthandler.enable(2); resource.setrlimit(resource.RLIMIT_CORE, (0, 0))"
"""Python that runs before the program: where it is aborted, it says on its stderr what each of its threads is at."""
_STACKS_WITHIN = 10.0


async def end_with_stacks(process: Process) -> None:
    """Print whether it runs, and abort it if it does."""
    code = process.poll()
    state = f"has ended with {code}" if code is not None else "is stopped" if stands(process.pid) else "runs"
    print(f"process {process.pid} {state}")  # noqa: T201 - shown with the failure
    process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGABRT)
    with suppress(AssertionError):
        await until(lambda: process.poll() is not None, _STACKS_WITHIN)
