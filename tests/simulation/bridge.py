"""The simulated bridge: what is sent to the chains and when, which nonce a transfer gets, and what follows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from zlib import crc32

from tests.simulation.facts import Event
from tests.simulation.ledger import Block, Mined
from tests.simulation.routers import LiquidityChange
from tests.simulation.sayings import PAUSING, BridgeChange, Pause, Saying
from tests.simulation.story import Deed, Fate, Story, Transfer
from tests.simulation.written_log import (
    WrittenLog,
    info_of,
    unreadable,
    write_executed,
    write_liquidity,
    write_reconciled,
    write_saying,
    write_xcalled,
)

_UNWATCHED_NONCE = 7_000_000
"""From here on number origins that no ledger keeps."""

At = Callable[[float, Callable[[float], None]], None]
"""Have something done at an instant of the story."""


@dataclass(slots=True)
class Sent:
    """A transaction on its way into a block, at the height ``from_number`` at the earliest; an xcall has no log yet."""

    tx_hash: bytes
    transfer: int
    log: WrittenLog | None
    from_number: int = 0


@dataclass(slots=True)
class _Course:
    """How far a transfer is: the log of its XCalled while that stands, the ids whose legs were planned, and those sent.

    ``owed`` are legs that came due while no XCalled of their id stood.
    """

    standing: WrittenLog | None = None
    planned: set[bytes] = field(default_factory=set)
    owed: list[tuple[bytes, Event]] = field(default_factory=list)


class Bridge:
    """All transfers of a story; chains ask it what goes into their next block, and tell it what was mined."""

    def __init__(self, story: Story, at: At) -> None:
        self._story = story
        self._at = at
        self.waiting: dict[int, list[Sent]] = {chain.domain: [] for chain in story.chains}
        self._courses = [_Course() for _ in story.transfers]
        self._next_nonces = {chain.domain: chain.first_nonce for chain in story.chains}
        for index, transfer in enumerate(story.transfers):
            self._begin(index, transfer)
        for index, change in enumerate(story.bridge_changes):
            self._at(change.at, partial(self._change, index, change))
        for index, pause in enumerate(story.pauses):
            self._at(pause.at, partial(self._pause, index, pause, Saying.PAUSED))
            self._at(pause.at + pause.seconds, partial(self._pause, index, pause, Saying.UNPAUSED))
        for index, moved in enumerate(story.liquidity):
            if moved.says:
                self._at(moved.at, partial(self._move_liquidity, index, moved))

    def _begin(self, index: int, transfer: Transfer) -> None:
        if transfer.deed in {Deed.PHANTOM, Deed.UNREADABLE}:
            if transfer.executed_after is not None:
                self._at(transfer.at + transfer.executed_after, lambda _now: self._send_uncalled(index, transfer))
        elif transfer.origin in self.waiting:
            self._at(transfer.at, lambda _now: self._send(transfer.origin, index, Event.XCALLED, None))
        else:
            log = write_xcalled(transfer, index, _UNWATCHED_NONCE + index)
            self._courses[index].standing = log
            self._plan_legs(index, transfer, log, transfer.at)

    def _send_uncalled(self, index: int, transfer: Transfer) -> None:
        nonce = max(0, self._next_nonces.get(transfer.origin, _UNWATCHED_NONCE) + transfer.nonce_offset)
        log = write_executed(transfer, index, info_of(transfer, index, nonce))
        if transfer.deed is Deed.UNREADABLE:
            log = unreadable(log)
        self._send(transfer.destination, index, log.event, log)

    def _send(self, domain: int, index: int, event: Event, log: WrittenLog | None) -> None:
        if domain in self.waiting:
            known_as = log.transfer_id if log else b""
            tx_hash = sha256(b"%d %d %b %b" % (self._story.seed, index, event.encode(), known_as)).digest()
            self.waiting[domain].append(Sent(tx_hash, index, log))

    # Beside transfers

    def _change(self, index: int, change: BridgeChange, _now: float) -> None:
        self._say(
            change.domain, b"change %d" % index, [write_saying(says, index, change.domain) for says in change.says]
        )

    def _pause(self, index: int, pause: Pause, says: Saying, _now: float) -> None:
        self._say(pause.domain, b"pause %d %b" % (index, says.encode()), [write_saying(says, index, pause.domain)])

    def _move_liquidity(self, index: int, change: LiquidityChange, _now: float) -> None:
        self._say(change.domain, b"liquidity %d" % index, [write_liquidity(change)])

    def _say(self, domain: int, known_as: bytes, logs: Iterable[WrittenLog]) -> None:
        """Send one transaction that writes these logs."""
        if domain in self.waiting:
            tx_hash = sha256(b"%d %d %b" % (self._story.seed, domain, known_as)).digest()
            self.waiting[domain] += [Sent(tx_hash, log.transfer, log) for log in logs]

    # Legs

    def _plan_legs(self, index: int, transfer: Transfer, called: WrittenLog, now: float) -> None:
        self._courses[index].planned.add(called.transfer_id)
        for event, after in (
            (Event.EXECUTED, transfer.executed_after),
            (Event.RECONCILED, transfer.reconciled_after),
        ):
            if after is not None and transfer.destination in self.waiting:
                self._plan_leg(index, event, called.transfer_id, now + after)

    def _plan_leg(self, index: int, event: Event, transfer_id: bytes, at: float) -> None:
        self._at(at, lambda _now: self._send_leg(index, event, transfer_id))

    def _send_leg(self, index: int, event: Event, transfer_id: bytes) -> None:
        """A leg follows while its XCalled stands, and later where that is mined again under the same id."""
        course, transfer = self._courses[index], self._story.transfers[index]
        if course.standing is None or course.standing.transfer_id != transfer_id:
            course.owed.append((transfer_id, event))
            return
        write = write_executed if event is Event.EXECUTED else write_reconciled
        log = write(transfer, index, course.standing.info, course.standing.transfer_id)
        self._send(transfer.destination, index, event, log)

    # Blocks

    def take(
        self, domain: int, number: int, nonce: int, *, paused: bool
    ) -> tuple[int, bool, list[tuple[bytes, WrittenLog]]]:
        """What goes into a block of this number, on one after which the diamond is ``paused`` and has this nonce.

        Also the nonce after the block, and whether the diamond is paused then.
        """
        if not self.waiting[domain]:
            self._next_nonces[domain] = nonce
            return nonce, paused, []
        logs, left, pause_waits = [], [], False
        for sent in self.waiting[domain]:
            says = sent.log.says if sent.log else None
            held = paused and (sent.log is None or sent.log.event is Event.EXECUTED)
            # Whoever paused it unpauses it after that.
            if held or sent.from_number > number or (pause_waits and says is Saying.UNPAUSED):
                left.append(sent)
                pause_waits |= says is Saying.PAUSED
            elif sent.log is None:
                logs.append((sent.tx_hash, write_xcalled(self._story.transfers[sent.transfer], sent.transfer, nonce)))
                nonce += 1
            else:
                logs.append((sent.tx_hash, sent.log))
                paused = says is Saying.PAUSED if says in PAUSING else paused
        self.waiting[domain] = left
        self._next_nonces[domain] = nonce
        return nonce, paused, logs

    def mined(self, logs: Iterable[tuple[bytes, WrittenLog]], now: float) -> None:
        """These logs stand in a new block: what follows from an XCalled is planned."""
        for _, log in logs:
            if log.event is Event.XCALLED:
                course = self._courses[log.transfer]
                course.standing = log
                owed = [leg for leg in course.owed if leg[0] == log.transfer_id]
                course.owed = [leg for leg in course.owed if leg[0] != log.transfer_id]
                if log.transfer_id not in course.planned:
                    self._plan_legs(log.transfer, self._story.transfers[log.transfer], log, now)
                for transfer_id, event in owed:
                    self._plan_leg(log.transfer, event, transfer_id, now)

    def replaced(self, domain: int, blocks: list[Block], fate: Fate, delay: int) -> None:
        """These blocks of a chain are gone: some of their transactions wait for a block again."""
        again = [
            Sent(mined.tx_hash, mined.log.transfer, _kept(mined), block.number + delay)
            for block in blocks
            for mined in block.mined
            if _is_sent_again(mined, fate)
        ]
        for block in blocks:
            for mined in block.mined:
                if mined.log.event is Event.XCALLED:
                    self._courses[mined.log.transfer].standing = None
        self.waiting[domain] = again + self.waiting[domain]


def _kept(mined: Mined) -> WrittenLog | None:
    return None if mined.log.event is Event.XCALLED else mined.log


def _is_sent_again(mined: Mined, fate: Fate) -> bool:
    """Whether it is mined once more; whoever unpauses a diamond sees to it that it is."""
    dropped = fate is Fate.DROPPED or (fate is Fate.SOME and crc32(mined.tx_hash) % 3 == 0)
    return mined.log.says is Saying.UNPAUSED or not dropped
