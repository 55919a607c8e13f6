"""One anvil process: started on a port of its own, asked over HTTP, stopped with whoever started it."""

import asyncio
import contextlib
import itertools
import os
import re
import signal
import sys
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp

from scripts.devnet import toolchain
from scripts.devnet.errors import DevnetError, RpcError

GUARD = Path(__file__).with_name("guard.py")
START_WITHIN = 60.0
"""Seconds until a started anvil must listen; a fork waits for its upstream first."""
STOP_WITHIN = 3.0
"""Seconds between SIGTERM and SIGKILL."""

_URL = re.compile(r"(\w+://)(?:[^/\s@]*@)?([^/\s?#)]+)[^\s)]*")
_LISTENING = re.compile(rb"Listening on [^\s:]+:(\d+)")


class Anvil:
    """An anvil process on 127.0.0.1, and JSON-RPC to it.

    ``port`` 0 lets the kernel choose a free one; it is kept over a restart. ``home`` is a directory for what anvil
    would otherwise write into the user's home: it spills the states of old blocks there.
    """

    def __init__(self, arguments: Sequence[str], *, port: int = 0, home: Path) -> None:
        self.port = port
        self._arguments = tuple(arguments)
        self._home = home
        self._process: asyncio.subprocess.Process | None = None
        self._drain: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._ids = itertools.count(1)

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The process that runs now; its pid is anvil's own."""
        if self._process is None:
            raise DevnetError("This anvil is stopped; start it first.")
        return self._process

    @property
    def http_url(self) -> str:
        """Where it answers JSON-RPC over HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """Where it answers JSON-RPC over a websocket."""
        return f"ws://127.0.0.1:{self.port}"

    async def start(self, *more_arguments: str) -> None:
        """Start the process and wait until it answers. Raises `DevnetError` with anvil's own words when it does not."""
        binary = await asyncio.to_thread(toolchain.anvil)
        command = [str(binary), "--host", "127.0.0.1", "--port", str(self.port), *self._arguments, *more_arguments]
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(GUARD), *command),
            stdin=asyncio.subprocess.PIPE,  # never written: the guard waits for its end
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "HOME": str(self._home), "NO_COLOR": "1"},
            start_new_session=True,
        )
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120))
        try:
            self.port = await self._listening(self._process)
            await self.rpc("eth_chainId")
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """End the process with SIGTERM, or SIGKILL when that does not help; a second call does nothing."""
        if self._process is not None and self._process.returncode is None:
            # A frozen process would not notice. This first: to signal a process that has just ended would take its exit
            # code away from asyncio, which says so in a line of its own.
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), STOP_WITHIN)
            except TimeoutError:
                self._process.kill()
        await self.kill()

    async def kill(self) -> None:
        """End the process at once (SIGKILL); a second call does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        # The guard shares the process group and keeps its number from being given away until it is killed here.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(self._bury(process))

    async def _bury(self, process: asyncio.subprocess.Process) -> None:
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
        drain, self._drain = self._drain, None
        if drain is not None:
            await drain
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def rpc(self, method: str, params: Sequence[object] = ()) -> Any:  # noqa: ANN401 - JSON has any shape
        """The result of one JSON-RPC call. Raises `RpcError` for an error answer, `DevnetError` when there is none."""
        if self._session is None:
            raise DevnetError(f"{method} was sent to an anvil that is stopped.")
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}
        try:
            async with self._session.post(self.http_url, json=request) as response:
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DevnetError(
                f"The anvil at {self.http_url} did not answer {method}: {str(error) or type(error).__name__}"
            ) from error
        if "error" in answer:
            raise _rpc_error(method, answer["error"])
        return answer["result"]

    async def replace_from(self, first: int) -> None:
        """Replace this block and all after it by empty ones.

        A block that was being mined meanwhile stands on what is gone, and anvil has no block of that height then: so
        that they follow one another, they are replaced once more.
        """
        last = await self.head()
        await self.rpc("anvil_reorg", [last - first + 1, []])
        while not await self._follow_one_another(first, last := await self.head()):
            await self.rpc("anvil_reorg", [last - first + 1, []])

    async def head(self) -> int:
        """The number of the latest block."""
        return int(await self.rpc("eth_blockNumber"), 16)

    async def _follow_one_another(self, first: int, last: int) -> bool:
        numbers = range(first - 1, last + 1)
        blocks = [await self.rpc("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
        return all(before and block and block["parentHash"] == before["hash"] for before, block in pairwise(blocks))

    async def _listening(self, process: asyncio.subprocess.Process) -> int:
        """The port anvil says it listens on; from then on its output is read and forgotten: it never waits for us."""
        output = process.stdout
        if output is None:
            raise DevnetError("anvil was started without a pipe for its output.")
        said: deque[bytes] = deque(maxlen=20)
        try:
            async with asyncio.timeout(START_WITHIN):
                async for line in output:
                    if match := _LISTENING.search(line):
                        self._drain = asyncio.create_task(_drain(output))
                        return int(match[1])
                    said.append(line)
        except TimeoutError:
            said.append(f"(nothing more within {START_WITHIN:.0f} s)".encode())
        words = _words(said)
        if "already in use" in words:
            raise DevnetError(f"Port {self.port} is in use. Choose another (--port), or stop what listens there.")
        raise DevnetError(f"anvil did not start. It said:\n{words}")


async def _drain(output: asyncio.StreamReader) -> None:
    while await output.read(65536):
        pass


def _words(said: Sequence[bytes]) -> str:
    lines = [without_secrets(line.decode(errors="replace").rstrip()) for line in said]
    return "\n".join(f"  {line}" for line in lines if line)


def without_secrets(text: str) -> str:
    """The text with every URL cut down to scheme and host: an endpoint's user, path and query may hold a key."""
    return _URL.sub(r"\1\2/…", text)


def _rpc_error(method: str, error: dict[str, Any]) -> RpcError:
    data = error.get("data")
    return RpcError(
        f"{method}: {without_secrets(str(error.get('message', 'no message')))}",
        code=error.get("code", 0),
        data=data if isinstance(data, str) else "",
    )
