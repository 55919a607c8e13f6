"""How many heaps a process with threads has."""

import platform
import subprocess
import sys

import pytest

_THREADS_ALLOCATE = """
import ctypes, sys, threading
from connext_monitor.process.allocator import keep_little

if sys.argv[1] == "little":
    keep_little()
hold = threading.Barrier(9)

def allocate():
    blocks = [bytes(2000) for _ in range(1000)]
    hold.wait()
    hold.wait()

for _ in range(8):
    threading.Thread(target=allocate).start()
hold.wait()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = libc.fdopen(1, b"w")
libc.malloc_info(0, ctypes.c_void_p(out))
libc.fflush(ctypes.c_void_p(out))
hold.wait()
"""


def heaps(how: str) -> int:
    command = [sys.executable, "-c", _THREADS_ALLOCATE, how]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return said.count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has heaps of threads")
def test_threads_share_one_heap() -> None:
    assert heaps("as usual") > 1
    assert heaps("little") == 1
