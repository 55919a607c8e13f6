"""What a Connext contract says of its nonces."""

import structlog

from connext_monitor.config import ChainConfig
from connext_monitor.core.calls import NONCE_CALL, MalformedAnswer, read_uint
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.json_rpc import RpcRefused

_MAX_NONCE = 2**63

log = structlog.get_logger()


async def nonce_after(
    endpoint: Endpoint, config: ChainConfig, block: BlockNumber, none_yet: int | None = None
) -> int | None:
    """What ``nonce()`` says after a block; None if the endpoint cannot say (an old state, for one).

    ``none_yet`` if no contract stands at that block. Raises EndpointUnavailable, and RpcRefused if that says only
    that too much is asked.
    """
    try:
        return await ask_nonce(endpoint, config, block, none_yet)
    except (RpcRefused, MalformedAnswer) as error:
        if isinstance(error, RpcRefused) and error.refusal.reaction is Reaction.RATE:
            raise
        log.debug("nonce.not_known", chain=config.name, block=block, reason=str(error))
        return None


async def ask_nonce(
    endpoint: Endpoint, config: ChainConfig, block: BlockNumber, none_yet: int | None = None
) -> int | None:
    """What ``nonce()`` says after a block, ``none_yet`` if no contract stands there; None for an absurd number.

    Raises EndpointUnavailable, RpcRefused and MalformedAnswer.
    """
    # Covering waits for it, and what is refused now is asked at a later cover.
    answer = await endpoint.call(config.contract, NONCE_CALL, block, tries=1)
    if not answer and none_yet is not None:
        return none_yet
    nonce = read_uint(answer)
    return nonce if nonce < _MAX_NONCE else None
