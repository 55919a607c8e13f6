"""What can go wrong in a simulated story, by name."""

from enum import StrEnum


class EndpointTrouble(StrEnum):
    """What is wrong with an endpoint; ``amount`` of an `EndpointFault` means what stands beside each."""

    LAG = "lag"
    """It is ``amount`` blocks behind, in all that it says."""
    UNEVEN = "uneven"
    """Every second answer is ``amount`` blocks behind, as of several nodes behind one address; pushes are not."""
    LEAVE_OUT = "leave out"
    """The share ``amount`` of all logs, always the same ones, is neither in answers nor pushed."""
    EMPTY = "empty"
    """eth_getLogs finds nothing."""
    HIDE_LEGS = "hide legs"
    """The share ``amount`` of the legs of honest transfers is neither in answers nor pushed, the same at any endpoint
    of the chain: only the contract tells of them."""
    FINAL_HIGH = "final high"
    """It calls its head final."""
    FINAL_STUCK = "final stuck"
    """The final block stays where it was."""
    FINAL_MISSING = "final missing"
    """It refuses to say which block is final."""
    MUTE_LOGS = "mute logs"
    MUTE_HEADS = "mute heads"
    MUTE = "mute"
    """Nothing is pushed; all requests are answered."""
    FALSE_REMOVED = "false removed"
    """Logs that stand are pushed again as removed."""
    TWICE = "twice"
    """Every push comes twice, and every log of an answer."""
    SHUFFLE = "shuffle"
    """The logs of an answer are in the opposite order."""
    REFUSE = "refuse"
    """Every request is refused, in words about an inner error."""
    REFUSE_CALLS = "refuse calls"
    """eth_call is refused, and nothing else."""
    REFUSE_LOGS = "refuse logs"
    """eth_getLogs is refused, and nothing else."""
    RANGE_LIMIT = "range limit"
    """Ranges of more than ``amount`` blocks are refused, in the words of some vendor."""
    RATE_LIMIT = "rate limit"
    """More than ``amount`` requests in a second are refused, in the words of some vendor."""
    PRUNE = "prune"
    """Nothing is known of blocks more than ``amount`` below the head."""
    DISCONNECT = "disconnect"
    """Connections are closed, and none can be opened."""
    HANG = "hang"
    """No request is ever answered and nothing is pushed; connections stay open."""
    SLOW = "slow"
    """Answers come ``amount`` seconds later."""
    OTHER_CHAIN = "other chain"
    """Every ``amount``-th request is answered by another chain; of 1 all of them, and pushes too."""
    MALFORMED_LOGS = "malformed logs"
    """Every ``amount``-th answer with logs has their data cut short; of 1 pushes too."""
    MALFORMED = "malformed"
    """Every ``amount``-th answer is no JSON-RPC."""


class ChannelTrouble(StrEnum):
    """What is wrong with a channel."""

    FAIL = "fail"
    """HTTP 500."""
    LIMIT = "limit"
    """HTTP 429 with a Retry-After of ``amount`` seconds."""
    HANG = "hang"
    LOSE_ANSWER = "lose answer"
    """It takes the message, and the connection breaks before its answer."""
    REFUSE = "refuse"
    """HTTP 404: it is gone for good, as it says."""


class KillManner(StrEnum):
    """How a monitor's process ends; ``count`` of a `Kill` means what stands beside each."""

    STEP = "step"
    """Gone between two callbacks of its loop, ``count`` of them after the kill's instant."""
    STATEMENT = "statement"
    """Gone at the ``count``-th SQL statement after the kill's instant: what is not committed is lost."""
    STOP = "stop"
    """Asked to stop as by SIGTERM."""
    ALERT = "alert"
    """Gone at the ``count``-th SQL statement from the next one on that writes an alert."""
    EVENT = "event"
    """Gone at the ``count``-th SQL statement from the next one on that writes events."""


class Beyond(StrEnum):
    """How an endpoint answers eth_getLogs for blocks above its head."""

    REFUSE = "refuse"
    CLAMP = "clamp"
    """With the logs of the blocks that it has."""
