"""Events read straight from the text of their logs: the short way beside reading a log first, and its event then.

History is made of logs that are written, and laid out, as usual. Of such a one neither topics nor data are needed once
its event is read. What is otherwise is left to `read_log` and `decode_log`; tests hold the two ways equal.
"""

from binascii import unhexlify
from typing import Final

from connext_monitor.core.events import Address, BlockNumber, DomainId, EventLog, Hash32, RawLog, SeenLog
from connext_monitor.core.transfer import wrong_chain
from connext_monitor.core.usual_logs import USUAL_READERS, usual_event
from connext_monitor.monitoring.chain_data import to_hex
from connext_monitor.monitoring.written_json import WrittenLog, bytes_of, number_of

_READERS: Final = {to_hex(topic): read for topic, read in USUAL_READERS.items()}
_TOPICS: Final = 4
_TOPIC_DIGITS: Final = 3 * 64


class WrittenEvents:
    """Reads events of a contract in these blocks, on the chain with this domain."""

    def __init__(self, domain: DomainId, contract: Address, first: BlockNumber, last: BlockNumber) -> None:
        self._domain = domain
        self._contract = to_hex(contract)
        self._first = first
        self._last = last
        self._block = ("", Hash32(b""))

    def read(self, log: WrittenLog) -> EventLog | None:
        """The event of a log that stands; None, or a ValueError, for any that is to be read the long way."""
        if len(log.topics) != _TOPICS or log.address != self._contract or log.removed:
            return None
        kind, first, second, third = log.topics
        read = _READERS.get(kind)
        number = number_of(log.block_number)
        if read is None or not self._first <= number <= self._last:
            return None
        digits = "".join([text.removeprefix("0x") for text in (first, second, third, log.data)])
        if len(digits) != _TOPIC_DIGITS + len(log.data) - 2:
            return None  # one of them did not begin with 0x
        event = read(unhexlify(digits))
        if event is None or wrong_chain(event, self._domain) is not None:
            return None
        return EventLog(
            event,
            BlockNumber(number),
            self._hash_of(log.block_hash),
            Hash32(bytes_of(log.transaction_hash)),
            number_of(log.log_index),
        )

    def _hash_of(self, block: str) -> Hash32:
        """A block's hash; logs of one block follow each other."""
        if block != self._block[0]:
            self._block = (block, Hash32(bytes_of(block)))
        return self._block[1]

    def read_log(self, log: RawLog) -> SeenLog:
        """The same of a log that was read and was asked for; the log itself where its event is none of the usual."""
        event = usual_event(log)
        if event is None or wrong_chain(event, self._domain) is not None:
            return log
        return EventLog(event, log.block_number, log.block_hash, log.tx_hash, log.log_index)
