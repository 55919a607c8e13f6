"""How many heaps a process with threads has, the monitor among them, and what is given back of them."""

import platform
import resource
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.process.running import running, write_config
from tests.world.ports import free_port
from tests.world.processes import ROOT

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

_FREE_BETWEEN = """
import asyncio
from connext_monitor.process.allocator import keep_little
from connext_monitor.process.garbage import collect_each_minute
from tests.world.virtual_time import run_virtually

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

async def main():
    collect_each_minute(asyncio.get_running_loop())
    blocks = [bytes(6000) for _ in range(10_000)]
    blocks = blocks[::8]
    before = resident()
    await asyncio.sleep(61)
    print(before - resident())

keep_little()
run_virtually(main())
"""


_ANSWERS = """
import resource
from connext_monitor.process.allocator import keep_little

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

keep_little()
before = faults()
for _ in range(20):
    b"x" * (4 << 20)
print(faults() - before)
"""


def heaps(how: str) -> int:
    command = [sys.executable, "-c", _THREADS_ALLOCATE, how]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    return said.count("<heap nr=")


only_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has heaps of threads")
_HEAP = 64 * 2**20
"""Bytes of address space that glibc sets aside for a thread's heap, which begins at a multiple of that."""


def heaps_of_threads(pid: int) -> list[str]:
    """Where in a process's memory there is a heap beside the first one: the rest of it is not to be touched yet."""
    lines = Path(f"/proc/{pid}/maps").read_text(encoding="ascii").splitlines()
    spans = [([int(end, 16) for end in line.split()[0].split("-")], line.split()[1]) for line in lines]
    return [
        f"{begin:x}"
        for ((begin, middle), used), ((rest, end), unused) in pairwise(spans)
        if begin % _HEAP == 0 and (middle, begin + _HEAP) == (rest, end) and (used, unused) == ("rw-p", "---p")
    ]


@only_glibc
def test_threads_share_one_heap() -> None:
    assert heaps("as usual") > 1
    assert heaps("little") == 1


@only_glibc
async def test_no_thread_of_the_monitor_has_a_heap_of_its_own(tmp_path: Path) -> None:
    port = free_port()
    write_config(tmp_path, port, first_run=True)
    with running(tmp_path, port, cold=True) as monitor:
        await monitor.healthy()
        assert heaps_of_threads(monitor.process.pid) == []


@only_glibc
def test_what_is_free_between_blocks_is_given_back_within_a_minute() -> None:
    command = [sys.executable, "-c", _FREE_BETWEEN]
    given_back = int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, cwd=ROOT).stdout)
    assert given_back > 20_000_000


@only_glibc
def test_memory_of_an_answer_serves_the_next_one() -> None:
    command = [sys.executable, "-c", _ANSWERS]
    faults = int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, cwd=ROOT).stdout)
    pages_of_one = (4 << 20) // resource.getpagesize()
    assert faults < 3 * pages_of_one
