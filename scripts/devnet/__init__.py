"""Real Connext diamonds on local anvil chains: a library for the tests, ``python -m scripts.devnet`` for people.

>>> async with Devnet.start(("alpha", "beta"), block_time=1) as devnet:
...     alpha, beta = devnet.chains
...     transfer = await devnet.xcall(alpha, beta, amount=10**18)
...     await devnet.execute_fast(transfer)
...     await devnet.reconcile(transfer)
"""

from scripts.devnet.chain import Chain
from scripts.devnet.contracts import TransferInfo
from scripts.devnet.devnet import ChainSpec, Devnet
from scripts.devnet.errors import DevnetError, RpcError
from scripts.devnet.transaction import Log, Receipt
from scripts.devnet.transfer import Transfer

__all__ = ["Chain", "ChainSpec", "Devnet", "DevnetError", "Log", "Receipt", "RpcError", "Transfer", "TransferInfo"]
