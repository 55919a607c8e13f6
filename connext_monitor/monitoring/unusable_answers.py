"""Why what an endpoint answered about a range of blocks cannot be used."""

from connext_monitor.monitoring.chain_data import MalformedEntry
from connext_monitor.monitoring.decoded_log import DecodedLog


class Unsettled(Exception):
    """The endpoint's answer cannot be used now, since it lags or its chain moved meanwhile. Ask again.

    The message follows the endpoint's host in a sentence.
    """


class StartOver(Unsettled):
    """What was read does not go on from what is stored: reading begins again there."""


class PartialAnswer(Exception):
    """The endpoint left out a log of a block that it says stands, and is not to be believed now.

    The message follows the endpoint's host in a sentence.
    """


class LongRead(Exception):
    """A range takes too long to be read whole: others wait for its commit. Its first ``blocks`` can be read in time."""

    def __init__(self, blocks: int) -> None:
        super().__init__("is read in smaller ranges")
        self.blocks = blocks


class UnreadableAnswer(PartialAnswer):
    """Some of the logs that the endpoint gave may be among what cannot be read.

    ``logs`` are those that can be read, ``malformed`` everything else that it gave.
    """

    def __init__(self, why: str, logs: list[DecodedLog], malformed: list[MalformedEntry]) -> None:
        super().__init__(why)
        self.logs = logs
        self.malformed = malformed
