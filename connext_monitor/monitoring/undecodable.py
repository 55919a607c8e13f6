"""Logs of the contract that cannot be decoded: they are reported until one can be decoded again.

Strangers cannot make the contract write such logs. Either the endpoint mangles what it gives, or the contract is not
the one that this program knows; in both cases what happens on the bridge is not seen.

What stands beside the transfers counts neither way. A diamond of another version may lay such an event out otherwise
and go on doing so: it is kept and counted like any malformed log, but transfers are seen all the same, so that it is
no reason to read a block again, to keep it from becoming final, or to call the chain unobserved. Nor does one that
can be decoded show that transfers can be.
"""

from collections.abc import Sequence
from datetime import datetime

from connext_monitor.clock import Clock
from connext_monitor.core.batch import UnreadableLog
from connext_monitor.core.bridge_events import BridgeRecord
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import BlockNumber, Hash32
from connext_monitor.monitoring.decoded_log import DecodedLog

_KEPT = 10_000

_LogKey = tuple[Hash32, int]


def undecodable(logs: Sequence[DecodedLog]) -> list[DecodedLog]:
    """Those of the logs that hold no event that can be read; one that accuses somebody does hold one."""
    return [
        log
        for log in logs
        if type(log.content) is UnreadableLog and log.content.delivery is None and not log.content.beside
    ]


def _of_transfers(log: DecodedLog) -> bool:
    beside = isinstance(log.content, BridgeRecord) or (isinstance(log.content, UnreadableLog) and log.content.beside)
    return not beside


class Undecodable:
    """The newest logs of a chain, where these could not be decoded and no other endpoint gave them alike.

    ``since`` is when that began, on the monotonic clock, and ``why`` says so in words; both are None otherwise.
    ``seen_before`` is when a program before this one saw the first of them, None where none did.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._agreed: dict[_LogKey, None] = {}
        self._first: tuple[BlockNumber, int] | None = None
        self.since: float | None = None
        self.why: str | None = None
        self.seen_before: datetime | None = None
        self._unasked: list[bytes] | None = []

    def to_look_up(self) -> list[bytes]:
        """Those that were read before any log could be decoded, once: a program before this one may have seen them."""
        unasked = self._unasked or []
        self._unasked = None if unasked else self._unasked
        return unasked

    def unsettled(self, logs: Sequence[DecodedLog]) -> list[DecodedLog]:
        """Those of the logs that cannot be decoded, without those that another endpoint gives as well."""
        return [log for log in undecodable(logs) if _key(log) not in self._agreed]

    def agreed(self, logs: Sequence[DecodedLog]) -> None:
        """Another endpoint gives these logs as well: they are what the chain has."""
        self._agreed.update(dict.fromkeys(map(_key, logs)))
        while len(self._agreed) > _KEPT:
            del self._agreed[next(iter(self._agreed))]

    def read(self, blocks: BlockRange, logs: Sequence[DecodedLog], host: str) -> BlockNumber | None:
        """All logs of covered blocks were read; returns the first block that must not become final until read again.

        A log that can be decoded says nothing about later ones: a contract may have been upgraded in between.
        """
        unsettled = self.unsettled(logs)
        if not unsettled and self._first is None:
            if self._unasked is not None and any(map(_decoded, logs)):
                self._unasked = None
            return None
        last = max((_position(log) for log in logs if _decoded(log)), default=None)
        doubted = [log for log in unsettled if last is None or _position(log) > last]
        read_again = self._first is not None and blocks.first <= self._first[0] <= blocks.last
        if self._first is not None and ((last is not None and last > self._first) or (read_again and not doubted)):
            self.since = self.why = self._first = self.seen_before = self._unasked = None
        if not doubted:
            return None
        if self.since is None:
            self.since = self._clock.monotonic()
            if self._unasked is not None:
                self._unasked = [log.content.raw for log in doubted if isinstance(log.content, UnreadableLog)]
        if self._first is None or read_again:
            self._first = min(map(_position, doubted))
        self.why = f"{host} gives logs of the contract that cannot be decoded: {_reason(doubted[-1])}"
        return min(log.log.block_number for log in doubted)


def _decoded(log: DecodedLog) -> bool:
    """Whether it is an event of a transfer that can be read."""
    return _of_transfers(log) and not undecodable([log])


def _position(decoded: DecodedLog) -> tuple[BlockNumber, int]:
    return decoded.log.block_number, decoded.log.log_index


def _reason(decoded: DecodedLog) -> str:
    return decoded.content.reason if isinstance(decoded.content, UnreadableLog) else ""


def _key(decoded: DecodedLog) -> _LogKey:
    return decoded.log.block_hash, decoded.log.log_index
