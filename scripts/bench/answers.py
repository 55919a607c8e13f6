"""What a monitor answers, and how soon, beside a database with a year of transfers; what its commands take."""

import multiprocessing
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO
from urllib.parse import quote

from scripts.bench.figures import Figure
from scripts.bench.year import CHAINS, CONTRACT, DURATIONS

_ADDRESS = "127.0.0.1"
_ANSWER = 300.0
_CONFIG = f"""
[monitor]
database = "{{file}}"
listen = "{_ADDRESS}:{{port}}"
log_level = "error"
[alerts]
execute_deadline = "PT{DURATIONS.execute}S"
reconcile_deadline = "PT{DURATIONS.reconcile}S"
unobserved_after = "PT1H"
[stats]
every = ""
[backup]
every = ""
[alert_providers.console]
type = "console"
"""
_CHAIN = f"""
[chains.{{name}}]
chain_id = {{domain}}
domain_id = {{domain}}
contract = "{CONTRACT}"
endpoints = ["http://{_ADDRESS}:{{closed}}"]
block_time = "PT1S"
finality = 5
start_block = "latest"
"""
_READY_WITHIN = 300.0
_PORTS = 3
"""How many are tried: what is free may be another process's by the time that the monitor listens there."""
_WORDS = "said"
"""The file beside the config with what the monitor says of itself."""
_PATIENCE = 60.0
"""Seconds for an answer; one that does not come has taken them all."""
_COMMANDS: dict[str, tuple[Sequence[str], float | None]] = {
    "stats --since P1D": (["stats", "--since", "P1D", "--json"], None),
    "stats --since P30D": (["stats", "--since", "P30D", "--json"], 1_000.0),
    "stats --since P365D": (["stats", "--since", "P365D", "--json"], None),
    "status": (["status", "--json"], None),
    "transfers --status XCalled": (["transfers", "--status", "XCalled", "--json"], None),
}

_FILTERS = {
    "all": "",
    "XCalled": "status=XCalled",
    "Executed": "status=Executed",
    "CompletedSlow": "status=CompletedSlow",
    "Reconciled (none)": "status=Reconciled",
    "Unknown (the oldest)": "status=Unknown",
    "of a pathway": "origin=alpha&destination=beta",
    "of a pathway, XCalled": "origin=alpha&destination=beta&status=XCalled",
    "of a pathway that has none": "origin=alpha&destination=alpha",
    "of an address that has none": f"address=0x{'77' * 20}",
    "of an address, of a pathway": f"address=0x{'77' * 20}&origin=alpha&destination=beta",
    "of a router": f"address=0x{'41' * 20}",
}


def measure_answers(file: Path, folder: Path, rounds: int, seconds: float) -> Iterator[Figure]:
    """Every page and every answer of the API, each first and ``rounds`` times more; then the commands.

    For ``seconds`` nothing is asked for.
    """
    config = folder / "config.toml"
    paths = _paths(file)
    with _monitor(config, file) as (pid, port), _pulse(port) as pulse:
        late = {path: pulse.while_running(partial(_get, port, path, pid)) for path in paths.values()}
        late_at_rest = pulse.while_running(partial(time.sleep, seconds))
        yield Figure("the loop, while nothing is asked for", 0.0, late=late_at_rest)
    began = time.perf_counter()
    with _monitor(config, file) as (pid, port):
        yield Figure("from the monitor's start to its first answer", time.perf_counter() - began, unit="s")
        for what, path in paths.items():
            took = [_get(port, path, pid) for _ in range(rounds + 1)]
            walls, busy = [wall for wall, _ in took], [cpu for _, cpu in took]
            yield Figure(what, walls[0], walls[1:], busy, late[path], _ANSWER)
        for what, (arguments, aim) in _COMMANDS.items():
            yield _command(what, config, arguments, rounds, aim)


def _paths(file: Path) -> dict[str, str]:
    """What is asked for, by what it is."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        count = connection.execute("SELECT max(id) FROM transfers").fetchone()[0]
        old, young = (
            connection.execute("SELECT transfer_id FROM transfers WHERE id >= ? LIMIT 1", (at,)).fetchone()[0]
            for at in (count // 10, count - 10)
        )
        tx_hash = connection.execute("SELECT tx_hash FROM events WHERE id = ?", (count,)).fetchone()[0]
    return {
        "/": "/",
        "a pathway, a day": "/pathways/alpha/beta",
        "a pathway, a week": "/pathways/alpha/gamma?since=P7D",
        "a pathway, 30 days": "/pathways/beta/alpha?since=P30D",
        "a pathway, a year": "/pathways/beta/gamma?since=P365D",
        "a transfer": f"/transfers/0x{young.hex()}",
        "an old transfer": f"/transfers/0x{old.hex()}",
        "a transaction": f"/transfers/0x{tx_hash.hex()}",
        "/alerts": "/alerts",
        "/alerts, open": "/alerts?state=open",
        "/alerts, resolved": "/alerts?state=resolved",
        **{f"/transfers, {what}": f"/transfers?{query}" for what, query in _FILTERS.items()},
        **{f"api transfers, {what}": f"/api/v1/transfers?{query}" for what, query in _FILTERS.items()},
        "api transfers, 500": "/api/v1/transfers?limit=500",
        "api transfer": f"/api/v1/transfers/0x{old.hex()}",
        "api transaction": f"/api/v1/transfers/0x{tx_hash.hex()}",
        "api alerts": "/api/v1/alerts?limit=500",
        "api alerts, open": "/api/v1/alerts?state=open&limit=500",
        "api stats, a day": "/api/v1/stats?since=P1D",
        "api stats, a week": "/api/v1/stats?since=P7D",
        "api stats, 30 days": "/api/v1/stats?since=P30D",
        "api stats, 30 days of a pathway": "/api/v1/stats?since=P30D&origin=alpha&destination=beta",
        "api stats, a year": "/api/v1/stats?since=P365D",
        "/routers": "/routers",
        "api routers": "/api/v1/routers?limit=500",
        "api chains": "/api/v1/chains",
        "api clock": "/api/v1/clock",
        "api openapi": "/api/v1/openapi.json",
        "/metrics": "/metrics",
        "/readyz": "/readyz",
    }


def _command(what: str, config: Path, arguments: Sequence[str], rounds: int, aim: float | None) -> Figure:
    took, busy = [], []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        process = _start(config, arguments)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        took.append((time.perf_counter() - began) * 1_000)
        busy.append((usage.ru_utime + usage.ru_stime) * 1_000)
    return Figure(what, took[0], took[1:], busy, None, aim)


def _start(
    config: Path, arguments: Sequence[str], words: IO[bytes] | int = subprocess.DEVNULL
) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "connext_monitor", "--config", str(config), *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=words)


def _get(port: int, path: str, pid: int) -> tuple[float, float]:
    """The milliseconds until the whole answer was there, and how long a processor worked for the monitor meanwhile."""
    busy, began = _cpu(pid), time.perf_counter()
    with suppress(TimeoutError), closing(HTTPConnection(_ADDRESS, port, timeout=_PATIENCE)) as connection:
        connection.request("GET", quote(path, safe="/?&=:,"))
        answer = connection.getresponse()
        answer.read()
        if answer.status not in {200, 503}:
            raise SystemExit(f"{path} is answered with {answer.status}")
    return (time.perf_counter() - began) * 1_000, (_cpu(pid) - busy) * 1_000


def _cpu(pid: int) -> float:
    """Seconds that processors have worked for another process, by its clock; see clock_getcpuclockid(3)."""
    return time.clock_gettime(~pid << 3 | 2)


class _Pulse:
    """Another process, which asks for /healthz all the time."""

    def __init__(self, process: Connection) -> None:
        self._process = process

    def while_running(self, work: Callable[[], object]) -> float:
        """The longest that an answer took while ``work`` ran (ms)."""
        self._longest()
        work()
        return self._longest()

    def _longest(self) -> float:
        """The longest since the last call."""
        self._process.send(None)
        longest: float = self._process.recv()
        return longest


@contextmanager
def _pulse(port: int) -> Iterator[_Pulse]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_ask, args=(port, theirs), daemon=True)
    process.start()
    try:
        yield _Pulse(ours)
    finally:
        process.terminate()
        process.join()


def _ask(port: int, asked: Connection) -> None:
    longest = 0.0
    with closing(HTTPConnection(_ADDRESS, port, timeout=_PATIENCE)) as connection:
        while True:
            began = time.perf_counter()
            try:
                connection.request("GET", "/healthz")
                connection.getresponse().read()
            except TimeoutError:
                connection.close()
            longest = max(longest, time.perf_counter() - began)
            if asked.poll(0.003):
                asked.recv()
                asked.send(longest * 1_000)
                longest = 0.0


@contextmanager
def _monitor(config: Path, file: Path) -> Iterator[tuple[int, int]]:
    """The id and the port of a monitor that answers; its endpoints are closed: it watches nothing and does the rest."""
    words = ""
    for _ in range(_PORTS):
        port = _free_port()
        config.write_text(_config(file, port), encoding="utf-8")
        with _process(config) as process:
            if _answers_soon(process, port):
                yield process.pid, port
                return
            words = (config.parent / _WORDS).read_text(encoding="utf-8")
        if "in use" not in words:
            break
    raise SystemExit(f"the monitor does not answer; it said:\n{words}")


@contextmanager
def _process(config: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with (config.parent / _WORDS).open("wb") as words:
        process = _start(config, ["run"], words)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def _answers_soon(process: "subprocess.Popen[bytes]", port: int) -> bool:
    until = time.monotonic() + _READY_WITHIN
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _answers(port: int) -> bool:
    with suppress(OSError, HTTPException), closing(HTTPConnection(_ADDRESS, port, timeout=_PATIENCE)) as connection:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False


def _free_port() -> int:
    with closing(socket.socket()) as listening:
        listening.bind((_ADDRESS, 0))
        port: int = listening.getsockname()[1]
        return port


def _config(file: Path, port: int) -> str:
    chains = (_CHAIN.format(name=name, domain=domain, closed=_free_port()) for domain, name in CHAINS.items())
    return "".join([_CONFIG.format(file=file, port=port), *chains])
