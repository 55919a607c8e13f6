"""A network of its own between instances and their database server, in which a way loses what is sent, one way or both.

It consists of two network namespaces, joined by a link for each way. Nobody else's network is touched, and nothing of
it is ever left: namespaces that no process has open any more are gone, and their links with them.
"""

import ctypes
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.cluster.way import Cut

T = TypeVar("T")

_CLONE_NEWNET = 0x4000_0000
_HERE, _THERE, _NOBODY = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"
"""Hardware addresses: of the ends of each link, and one that no end has, so that what is sent to it is lost."""


class NetworkRefusedError(Exception):
    """The system lets nobody here make a network; the message says why."""


@dataclass(frozen=True, slots=True)
class _Link:
    """One way, by its name; its ends have addresses that are in use nowhere (RFC 5737)."""

    name: str
    number: int

    @property
    def here(self) -> str:
        return f"192.0.2.{4 * self.number + 1}"

    @property
    def there(self) -> str:
        return f"192.0.2.{4 * self.number + 2}"

    def leads(self, to: str, lladdr: str) -> str:
        """The command by which one end sends to the other end's hardware address, or to one that nobody has."""
        return f"neigh replace {to} lladdr {lladdr} dev {self.name} nud permanent"

    def begun(self, own: str, other: str, lladdr: str) -> list[str]:
        return [f"addr add {own}/30 dev {self.name}", f"link set {self.name} up", self.leads(other, lladdr)]


class Network:
    """With a way for each name; ``here`` and ``there`` are descriptors of its namespaces.

    Raises `NetworkRefusedError`.
    """

    def __init__(self, names: Sequence[str], here: int, there: int) -> None:
        self._here = here
        self._there = there
        self._links = {name: _Link(name, number) for number, name in enumerate(names)}
        kind = f"type veth peer address {_THERE} netns {_path(there)}"
        try:
            _configure(here, [f"link add {name} address {_HERE} {kind} name {name}" for name in names])
        except subprocess.CalledProcessError as error:
            raise NetworkRefusedError(error.stderr.strip()) from error
        links = self._links.values()
        _configure(here, [command for link in links for command in link.begun(link.here, link.there, _THERE)])
        _configure(there, [command for link in links for command in link.begun(link.there, link.here, _HERE)])

    @property
    def before(self) -> str:
        """Python by which a process asks its database server from here."""
        return f"from tests.cluster import network; network.connect_from({_path(self._here)!r})"

    def listening(self, name: str) -> socket.socket:
        """A socket at the far end of a way, which the server can be reached by."""
        return _within(self._there, lambda: socket.create_server((self._links[name].there, 0)))

    def cut(self, name: str, direction: Cut) -> None:
        """From now on, nobody gets what is sent by this way in this direction, and nobody is told."""
        link = self._links[name]
        _configure(self._here, [link.leads(link.there, _NOBODY if Cut.THERE in direction else _THERE)])
        _configure(self._there, [link.leads(link.here, _NOBODY if Cut.BACK in direction else _HERE)])


@contextmanager
def network(names: Sequence[str]) -> Iterator[Network]:
    """There is one meanwhile. Raises `NetworkRefusedError`."""
    if shutil.which("ip") is None:
        raise NetworkRefusedError("there is no command `ip`")
    with ExitStack() as stack:
        try:
            here, there = _new_namespace(), _new_namespace()
        except (OSError, AttributeError) as error:
            raise NetworkRefusedError(str(error)) from error
        for namespace in (here, there):
            stack.callback(os.close, namespace)
        yield Network(names, here, there)


def can_be_made() -> bool:
    """Whether the system lets us make one."""
    try:
        with network(("tried",)):
            return True
    except NetworkRefusedError:
        return False


def connect_from(namespace: str) -> None:
    """Have this process make its connections to the database in the namespace of this path, and no others."""
    from connext_monitor.store.postgres_waiting import WaitingConnection

    connect = WaitingConnection.connect
    near, own = (os.open(path, os.O_RDONLY | os.O_CLOEXEC) for path in (namespace, "/proc/thread-self/ns/net"))

    def connect_there(*arguments: Any, **more: Any) -> Any:
        # A socket stays where it was made; the thread, to which alone this happens, goes back.
        _enter(near)
        try:
            return connect(*arguments, **more)
        finally:
            _enter(own)

    WaitingConnection.connect = connect_there


def _path(descriptor: int) -> str:
    return f"/proc/{os.getpid()}/fd/{descriptor}"


def _new_namespace() -> int:
    def made() -> int:
        _call("unshare", _CLONE_NEWNET)
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    return _on_thread(made)


def _configure(namespace: int, commands: Sequence[str]) -> None:
    """Raises `subprocess.CalledProcessError`."""

    def run() -> None:
        written = "\n".join(commands)
        subprocess.run(["ip", "-batch", "-"], input=written, capture_output=True, check=True, text=True, timeout=60)

    _within(namespace, run)


def _within(namespace: int, work: Callable[[], T]) -> T:
    def entered() -> T:
        _enter(namespace)
        return work()

    return _on_thread(entered)


def _on_thread(work: Callable[[], T]) -> T:
    """What a thread returns that does this alone: where it has gone, it need not come back from."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def _enter(namespace: int) -> None:
    _call("setns", namespace, _CLONE_NEWNET)


def _call(name: str, *numbers: int) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*numbers) != 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
