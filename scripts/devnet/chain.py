"""One chain of the devnet: its anvil, its accounts, transactions on it, and its clock and blocks for those who test."""

import asyncio
import gzip
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address

from scripts.devnet import contracts
from scripts.devnet.anvil import Anvil
from scripts.devnet.errors import DevnetError, RpcError
from scripts.devnet.transaction import Receipt, Transaction, read_receipt

PLENTY = 10**24
"""Wei given to an impersonated sender."""
RECEIPT_WITHIN = 120.0
"""Seconds until a transaction must be mined."""
_BEGINNING_OF_SECOND = 0.1


@dataclass(frozen=True, slots=True)
class Diamond:
    """Where the bridge stands on a chain; ``start_block`` is the first block it can be watched from."""

    domain_id: int
    contract: str
    spoke: str
    owner: str
    start_block: int


@dataclass(frozen=True, slots=True)
class Accounts:
    """Who does what; all are accounts of the node, which therefore signs for them."""

    deployer: str
    relayer: str
    sequencer: str
    routers: tuple[str, str]
    user: str
    recipient: str
    fee_vault: str


class Chain:
    """A chain on 127.0.0.1 that carries a Connext diamond.

    ``block_time`` is in seconds; None mines a block per transaction, and none otherwise. ``sending`` is held while a
    transaction is sent.
    """

    def __init__(self, name: str, anvil: Anvil, *, block_time: int | None, state: Path) -> None:
        self.name = name
        self.anvil = anvil
        self.block_time = block_time
        self.chain_id = 0
        self.token = contracts.ZERO_ADDRESS
        self._state = state
        self._accounts: Accounts | None = None
        self._diamond: Diamond | None = None
        self._floor = 0
        self.sending = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Chain {self.name} at {self.http_url}>"

    @property
    def http_url(self) -> str:
        """Its endpoint over HTTP."""
        return self.anvil.http_url

    @property
    def ws_url(self) -> str:
        """Its endpoint over a websocket."""
        return self.anvil.ws_url

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The anvil process that runs now."""
        return self.anvil.process

    @property
    def accounts(self) -> Accounts:
        """The node's own accounts by role."""
        if self._accounts is None:
            raise DevnetError(f"{self.name} has not been started.")
        return self._accounts

    @property
    def diamond(self) -> Diamond:
        """The bridge on this chain."""
        if self._diamond is None:
            raise DevnetError(f"There is no diamond on {self.name} yet.")
        return self._diamond

    @diamond.setter
    def diamond(self, diamond: Diamond) -> None:
        self._diamond = diamond

    @property
    def contract(self) -> str:
        """The diamond's address, checksummed."""
        return self.diamond.contract

    @property
    def domain_id(self) -> int:
        """Connext's number of this chain."""
        return self.diamond.domain_id

    @property
    def start_block(self) -> int:
        """The first block from which the bridge can be watched."""
        return self.diamond.start_block

    async def rpc(self, method: str, params: Sequence[object] = ()) -> Any:  # noqa: ANN401 - JSON has any shape
        """The result of one JSON-RPC call. Raises `RpcError`, or `DevnetError` when there is no answer."""
        return await self.anvil.rpc(method, params)

    # Start and stop

    async def start(self, *more_arguments: str) -> None:
        """Start the anvil, not mining yet, and learn its chain id and accounts."""
        await self.anvil.start("--no-mining", *more_arguments)
        self.chain_id = int(await self.rpc("eth_chainId"), 16)
        first, second, third, *rest = [to_checksum_address(account) for account in await self.rpc("eth_accounts")]
        self._floor = await self.head()
        self._accounts = Accounts(first, second, third, (rest[0], rest[1]), rest[2], rest[3], rest[4])

    async def stop(self) -> None:
        """Stop the anvil; what the chain holds is kept for `restart`."""
        self._state.write_bytes(await self.dump())
        await self.anvil.stop()

    async def kill(self) -> None:
        """Stop the anvil as kill -9 does, whatever it is answering; what the chain holds is kept for `restart`."""
        self._state.write_bytes(await self.dump())
        await self.anvil.kill()

    async def restart(self) -> None:
        """Start a stopped anvil again on its port, with the blocks and the state it had; mining goes on as before."""
        await self.anvil.start("--no-mining", "--load-state", str(self._state))
        self._floor = await self.head()
        await self.resume_mining()

    def freeze(self) -> None:
        """Stop the process where it is (SIGSTOP): connections stay open and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)
        if sys.platform != "darwin":  # its threads run on for a moment; macOS has no waitid, and lives with that
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self.process.send_signal(signal.SIGCONT)

    async def dump(self) -> bytes:
        """All that the chain holds, as anvil's ``--load-state`` takes it from a file."""
        dump = bytes.fromhex((await self.rpc("anvil_dumpState", [True])).removeprefix("0x"))
        return await asyncio.to_thread(gzip.decompress, dump)

    # Blocks and time

    async def head(self) -> int:
        """The number of the latest block."""
        return await self.anvil.head()

    async def mine(self, blocks: int = 1) -> None:
        """Mine that many blocks now."""
        await self.rpc("anvil_mine", [hex(blocks)])

    async def pause_mining(self) -> None:
        """Mine nothing until `resume_mining`, except by `mine`; transactions wait."""
        await self.rpc("evm_setAutomine", [False])
        await self.rpc("evm_setIntervalMining", [0])

    async def resume_mining(self) -> None:
        """Mine as the chain was made to: every ``block_time`` seconds, or per transaction."""
        if self.block_time is None:
            await self.rpc("evm_setAutomine", [True])
        else:
            # Anvil stamps a block with the whole second it is in. Real chains mine at its beginning, and so do ours.
            into_second = time.time() % 1
            if into_second > _BEGINNING_OF_SECOND:
                await asyncio.sleep(1 - into_second)
            await self.rpc("evm_setIntervalMining", [self.block_time])

    async def reorg(self, depth: int) -> None:
        """Replace the last ``depth`` blocks by empty ones; their transactions are gone, the height stays.

        The same xcall sent again afterwards gets the same nonce, and so the same transfer id, in another block. Raises
        `DevnetError` for blocks from before a fork or a `restart`: anvil would lose the contracts with them.
        """
        first = await self.head() - depth + 1
        if first <= self._floor:
            raise DevnetError(
                f"{self.name} was forked or restarted at block {self._floor}; earlier blocks cannot be replaced."
            )
        await self.anvil.replace_from(first)
        await self.set_clock(int(time.time()))

    async def take_back(self, first: int) -> None:
        """Replace this block and all after it by empty ones; as `reorg`, but whatever would be mined meanwhile."""
        await self.pause_mining()
        try:
            await self.reorg(await self.head() - first + 1)
        finally:
            await self.resume_mining()

    async def set_block_timestamp(self, timestamp: int) -> None:
        """Stamp the next block with ``timestamp`` (Unix seconds, after the latest block's); later ones follow."""
        await self.rpc("evm_setNextBlockTimestamp", [timestamp])

    async def set_clock(self, timestamp: int) -> None:
        """Set the clock that stamps blocks (Unix seconds)."""
        await self.rpc("evm_setTime", [timestamp])

    # Reading and writing

    async def view(self, contract: str, returns: str, signature: str, *arguments: object) -> Any:  # noqa: ANN401 - as declared
        """What a view function returns at the latest block; ``returns`` is the type of its one result."""
        answer = await self.rpc("eth_call", [{"to": contract, "data": contracts.call(signature, *arguments)}, "latest"])
        try:
            return abi_decode([returns], bytes.fromhex(answer.removeprefix("0x")))[0]
        except DecodingError as error:
            raise DevnetError(
                f"{contract} on {self.name} does not answer {signature}; is it the right address?"
            ) from error

    async def nonce(self) -> int:
        """The nonce that the next xcall of this chain gets."""
        return int(await self.view(self.contract, "uint256", "nonce()"))

    async def sign(self, account: str, digest: bytes) -> bytes:
        """The EIP-191 signature of one of the node's accounts."""
        return bytes.fromhex((await self.rpc("eth_sign", [account, "0x" + digest.hex()])).removeprefix("0x"))

    async def send(self, transaction: Transaction) -> Receipt:
        """Send, and wait until it is mined. Raises `DevnetError` with the contract's own reason when it reverts."""
        await self.impersonate(transaction.sender)
        await self._would_pass(transaction)
        return await self._receipt(await self._submit(transaction))

    async def send_block(self, transactions: Sequence[Transaction]) -> list[Receipt]:
        """Send all and mine them in one block; only for a chain that is not mining by itself."""
        for sender in dict.fromkeys(transaction.sender for transaction in transactions):
            await self.impersonate(sender)
        hashes = [await self._submit(transaction) for transaction in transactions]
        await self.mine()
        return [await self._receipt(tx_hash) for tx_hash in hashes]

    async def _submit(self, transaction: Transaction) -> str:
        async with self.sending:  # the node counts the sender's pending transactions to choose the nonce
            return str(await self.rpc("eth_sendTransaction", [transaction.as_json()]))

    async def impersonate(self, sender: str) -> None:
        """Have the node send for an account that is not its own, which gets enough to pay for it."""
        if sender in self._own_accounts():
            return
        await self.rpc("anvil_impersonateAccount", [sender])
        await self.rpc("anvil_setBalance", [sender, hex(PLENTY)])

    def _own_accounts(self) -> set[str]:
        who = self.accounts
        return {who.deployer, who.relayer, who.sequencer, *who.routers, who.user, who.recipient, who.fee_vault}

    async def _would_pass(self, transaction: Transaction) -> None:
        try:
            await self.rpc("eth_call", [transaction.as_json(), "latest"])
        except RpcError as error:
            reason = contracts.revert_reason(error.data) or str(error)
            raise DevnetError(f"The transaction to {transaction.to} on {self.name} would revert: {reason}") from error

    async def _receipt(self, tx_hash: str) -> Receipt:
        try:
            async with asyncio.timeout(RECEIPT_WITHIN):
                while (mined := await self._mined(tx_hash)) is None:  # noqa: ASYNC110 - it is elsewhere
                    await asyncio.sleep(0.02 if self.block_time is None else 0.1)
        except TimeoutError as error:
            raise DevnetError(
                f"{self.name} did not mine {tx_hash} within {RECEIPT_WITHIN:.0f} s; is its mining paused?"
            ) from error
        raw, block = mined
        if int(raw["status"], 16) != 1:
            raise DevnetError(f"The transaction {tx_hash} on {self.name} was mined and reverted.")
        return read_receipt(raw, timestamp=int(block["timestamp"], 16))

    async def _mined(self, tx_hash: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The receipt and its block, unless either is not there: a block may be replaced between the two answers."""
        raw = await self.rpc("eth_getTransactionReceipt", [tx_hash])
        block = raw and await self.rpc("eth_getBlockByHash", [raw["blockHash"], False])
        return (raw, block) if block else None
