"""Becomes the program given as arguments, and leaves a guard behind that ends it when the one who started both is gone.

Run as ``python -I -S guard.py PROGRAM ARGUMENTS…`` with a pipe as standard input. The caller keeps the pipe's other end
and never writes: however the caller dies, kill -9 included, the kernel closes that end, and the guard kills the
program. It needs nothing but pipes, so it is the same on Linux and macOS, and unlike PR_SET_PDEATHSIG it does not fire
when only the starting thread ends.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    """Fork the guard, then become the program (so the caller's pid is the program's own)."""
    program = os.getpid()
    if os.fork() == 0:
        _guard(program)
        os._exit(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell is wanted


def _guard(program: int) -> None:
    """Wait for the end of the pipe, then kill the program if it still is our parent (else its pid may be another's)."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)  # the caller reads the program's output until its end, and must not wait for ours
    os.dup2(quiet, 2)
    with contextlib.suppress(OSError):  # a connection that is reset has ended too
        while os.read(0, 1):
            pass
    if os.getppid() == program:
        os.kill(program, signal.SIGKILL)


if __name__ == "__main__":
    main()
