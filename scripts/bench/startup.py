"""How soon the program answers: ``python -m scripts.bench.startup [--rounds N] [--against CHECKOUT]``.

User time of the process, by the kernel's count: what others do on the machine changes it little. A monitor of two local
chains runs until its ``/readyz`` says that it is ready, on a database that is there already; ``status`` is asked beside
it. Another checkout of the repository (``git worktree add``) takes turns with this one, in the same environment.
"""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from scripts.devnet import Chain, Devnet

_HERE = Path(__file__).parents[2]
_ADDRESS = "127.0.0.1"
_READY_WITHIN = 60.0
_LOOK_EVERY = 0.05
_COMPLETE = {"_CONNEXT_MONITOR_COMPLETE": "bash_complete"}
_QUICK: dict[str, tuple[Sequence[str], dict[str, str]]] = {
    "--help": (["--help"], {}),
    "transfers --help": (["transfers", "--help"], {}),
    "TAB for a command": ([], {**_COMPLETE, "COMP_WORDS": "connext-monitor st", "COMP_CWORD": "1"}),
    "TAB for an option": ([], {**_COMPLETE, "COMP_WORDS": "connext-monitor transfers --", "COMP_CWORD": "2"}),
    "check-config": (["check-config"], {}),
}
"""Commands by name: their arguments, and what the environment tells them."""
_BESIDE = {"status --json": ["status", "--json"], "transfers": ["transfers"]}
"""Commands that are run beside a monitor."""
_RUN = "run to /readyz"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout of the repository, and the folder with the config and the database that its program uses."""

    root: Path
    folder: Path

    def start(self, arguments: Sequence[str], environ: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
        """The checkout's program with these arguments."""
        return subprocess.Popen(
            [sys.executable, "-m", "connext_monitor", *arguments],
            cwd=self.folder,
            env={**_environ(), "PYTHONPATH": str(self.root), **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def cost(self, arguments: Sequence[str], environ: dict[str, str] | None = None) -> float:
        """The seconds of user time of a command that ends by itself."""
        process = self.start(arguments, environ)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in {0, 3}:
            raise SystemExit(f"{' '.join(arguments)} of {self.root} ended with {process.returncode}")
        return usage.ru_utime

    @contextmanager
    def monitor(self, port: int) -> Iterator[float]:
        """A monitor that is ready; the seconds of user time that it took."""
        process = self.start(["run"])
        try:
            until = time.monotonic() + _READY_WITHIN
            while not _is_ready(port):
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"the monitor of {self.root} does not become ready")
                time.sleep(_LOOK_EVERY)
            yield _user_time(process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def _environ() -> dict[str, str]:
    """This process's environment, with Python's caches on: who starts a program for the second time has them."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _is_ready(port: int) -> bool:
    connection = HTTPConnection(_ADDRESS, port, timeout=1)
    with suppress(OSError):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    return False


def _user_time(pid: int) -> float:
    """Seconds of user time so far of a process that runs, all its threads together."""
    # proc(5): utime is the 14th field, the 12th behind the name in its brackets.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


def measure(checkouts: Sequence[Checkout], port: int, rounds: int) -> dict[str, list[list[float]]]:
    """Seconds by what was run, for each checkout, one of each round.

    A round before them fills Python's caches; where there are none, it is all that is measured.
    """
    names = (*_QUICK, *_BESIDE, _RUN)
    costs: dict[str, list[list[float]]] = {name: [[] for _ in checkouts] for name in names}
    for _ in range(rounds + 1):
        for number, checkout in enumerate(checkouts):
            for name, (arguments, environ) in _QUICK.items():
                costs[name][number].append(checkout.cost(arguments, environ))
            with checkout.monitor(port) as seconds:
                costs[_RUN][number].append(seconds)
                for name, arguments in _BESIDE.items():
                    costs[name][number].append(checkout.cost(arguments))
    return {name: [seconds[1:] or seconds for seconds in each] for name, each in costs.items()}


async def _measured(roots: Sequence[Path], rounds: int) -> dict[str, list[list[float]]]:
    with tempfile.TemporaryDirectory() as folder:
        async with Devnet.start() as devnet:
            port = await _free_port()
            checkouts = [Checkout(root, Path(folder) / str(number)) for number, root in enumerate(roots)]
            for checkout in checkouts:
                checkout.folder.mkdir()
                config = checkout.folder / "config.toml"
                config.write_text(_config(devnet.chains, port), encoding="utf-8")
            return await asyncio.to_thread(measure, checkouts, port, rounds)


async def _free_port() -> int:
    server = await asyncio.start_server(lambda _reader, _writer: None, _ADDRESS, 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


def _config(chains: Sequence[Chain], port: int) -> str:
    """Two chains, and channels of three types; nothing is sent to them."""
    parts = [f'[monitor]\nlisten = "{_ADDRESS}:{port}"\nlog_level = "warning"']
    parts += [
        f"[chains.{chain.name}]\nchain_id = {chain.chain_id}\ndomain_id = {chain.domain_id}\n"
        f'contract = "{chain.contract}"\nendpoints = ["{chain.ws_url}", "{chain.http_url}"]\n'
        f'block_time = "PT1S"\nfinality = 5\nstart_block = "latest"'
        for chain in chains
    ]
    channels = {"ops": "discord.com/api/webhooks/1/none", "desk": "hooks.slack.com/services/T0/B0/none"}
    parts += [
        f'[alert_providers.{name}]\ntype = "{kind}"\nwebhook_url = "https://{url}"'
        for kind, (name, url) in zip(("discord", "slack"), channels.items(), strict=True)
    ]
    return "\n\n".join([*parts, '[alert_providers.console]\ntype = "console"']) + "\n"


def summary(costs: dict[str, list[list[float]]]) -> list[str]:
    """A line for each command: the median of each checkout, least and most in brackets."""
    return [f"{name:<18} {'   '.join(map(_spread, each))}" for name, each in costs.items()]


def _spread(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f}-{max(seconds):.2f})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.startup", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--rounds",
        type=int,
        default=10,
        help="how often each is run once caches are filled, or 0 (default: %(default)s)",
    )
    parser.add_argument("--against", type=Path, action="append", default=[], help="another checkout to compare with")
    options = parser.parse_args(arguments)
    if not Path("/proc/self/stat").exists():
        parser.error("the time of a running process is read from /proc, which this system does not have")
    roots = [_HERE, *(root.resolve() for root in options.against)]
    print(f"user time, median (least-most) of {options.rounds}: {', '.join(map(str, roots))}")
    print("\n".join(summary(asyncio.run(_measured(roots, options.rounds)))))


if __name__ == "__main__":
    main()
