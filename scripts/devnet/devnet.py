"""The devnet: chains that carry real Connext diamonds, and transfers between them."""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak

from scripts.devnet import toolchain
from scripts.devnet.anvil import Anvil
from scripts.devnet.chain import Chain
from scripts.devnet.contracts import EXECUTE_ARGS, ZERO_ADDRESS, call
from scripts.devnet.deploy import deploy, join
from scripts.devnet.errors import DevnetError
from scripts.devnet.fork import adopt
from scripts.devnet.kept import start_kept
from scripts.devnet.transaction import Receipt, Transaction
from scripts.devnet.transfer import Message, Transfer

FIRST_CHAIN_ID = 31337
FIRST_DOMAIN_ID = 1001
NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")


@dataclass(frozen=True, slots=True)
class ChainSpec:
    """A chain to start; ``port`` 0 takes a free one, ``chain_id`` and ``domain_id`` 0 the next by position.

    With ``fork_url`` it forks a chain that carries a diamond already: at ``contract``, or where it is known to stand;
    its ids are then those of that chain, and its name may be left empty.
    """

    name: str
    port: int = 0
    chain_id: int = 0
    domain_id: int = 0
    fork_url: str = ""
    contract: str = ""


class Devnet:
    """Running chains, joined to one bridge."""

    def __init__(self, chains: Sequence[Chain]) -> None:
        self.chains = tuple(chains)
        self._stopped: set[tuple[Chain, str]] = set()

    def chain(self, name: str) -> Chain:
        """The chain of that name. Raises `KeyError`."""
        return {chain.name: chain for chain in self.chains}[name]

    def stop(self, account: str, *, on: Chain) -> None:
        """Let a router or the relayer do nothing on a chain until `resume`, as an agent that hangs; notifies nobody."""
        self._stopped.add((on, account))

    def resume(self, account: str, *, on: Chain) -> None:
        """Let an account that was stopped act again on a chain."""
        self._stopped.discard((on, account))

    def acts(self, account: str, *, on: Chain) -> bool:
        """Whether an account has not been stopped on a chain."""
        return (on, account) not in self._stopped

    def acting_routers(self, chain: Chain) -> list[str]:
        """The routers that front funds on a chain, those that were stopped left out."""
        return [router for router in chain.accounts.routers if self.acts(router, on=chain)]

    @classmethod
    @asynccontextmanager
    async def start(
        cls, names: Sequence[str | ChainSpec] = NAMES[:2], *, block_time: int | None = 1, kept: Path | None = None
    ) -> AsyncIterator["Devnet"]:
        """Start the chains, make a bridge of them, and stop them in the end.

        ``block_time`` is in whole seconds; None mines a block per transaction. ``kept`` is a folder where a bridge of
        the same chains was kept (`keep`), which is then not made again. Raises `DevnetError` with the reason and the
        cure.
        """
        specs = [
            _numbered(ChainSpec(name) if isinstance(name, str) else name, index) for index, name in enumerate(names)
        ]
        await asyncio.to_thread(toolchain.ensure)
        async with AsyncExitStack() as stack:
            run = Path(stack.enter_context(_run_directory()))
            chains = [_chain(spec, run / str(index), block_time) for index, spec in enumerate(specs)]
            for chain in chains:
                stack.push_async_callback(chain.anvil.stop)
                await (chain.start() if kept is None else start_kept(chain, kept))
            if kept is None:
                await _make_bridge(chains, specs)
            for chain in chains:
                await chain.resume_mining()
            yield cls(chains)

    async def xcall(
        self,
        origin: Chain,
        destination: Chain,
        *,
        amount: int = 0,
        to: str = "",
        call_data: bytes = b"",
        slippage: int = 300,
        relayer_fee: int = 0,
    ) -> Transfer:
        """Send a transfer and wait until it is mined; ``amount`` in base units of the token, 0 sends no asset at all.

        ``slippage`` is in 1/10000, ``relayer_fee`` in wei; ``to`` is the recipient, by default an account of ours.
        Raises `DevnetError`.
        """
        user = origin.accounts.user
        data = call(
            "xcall(uint32,address,address,address,uint256,uint256,bytes)",
            destination.domain_id,
            to or destination.accounts.recipient,
            origin.token if amount else ZERO_ADDRESS,
            user,
            amount,
            slippage,
            call_data,
        )
        receipt = await origin.send(Transaction(user, origin.contract, data, relayer_fee))
        return Transfer.read(origin, destination, receipt)

    async def execute_fast(self, transfer: Transfer, *, routers: int = 1) -> Receipt:
        """Execute with the liquidity of one or two routers that act, before it is reconciled. Raises `DevnetError`."""
        chain = transfer.destination
        chosen = self.acting_routers(chain)[:routers]
        if len(chosen) < routers:
            raise DevnetError(f"Only {len(chosen)} of {chain.name}'s routers act; {routers} were asked for.")
        transfer_id = bytes.fromhex(transfer.transfer_id[2:])
        routers_sign = keccak(abi_encode(["bytes32", "uint256"], [transfer_id, len(chosen)]))
        sequencer_signs = keccak(abi_encode(["bytes32", "address[]"], [transfer_id, chosen]))
        signatures = [await chain.sign(router, routers_sign) for router in chosen]
        sequencer = chain.accounts.sequencer
        return await self._execute(
            transfer, chosen, signatures, sequencer, await chain.sign(sequencer, sequencer_signs)
        )

    async def execute_slow(self, transfer: Transfer) -> Receipt:
        """Execute a transfer that is reconciled already, without any router. Raises `DevnetError`."""
        return await self._execute(transfer, [], [], ZERO_ADDRESS, b"")

    async def reconcile(self, transfer: Transfer) -> Receipt:
        """Hand the transfer's message to the destination, in the name of its spoke connector. Raises `DevnetError`."""
        return await transfer.destination.send(self.reconciliation(transfer))

    def reconciliation(self, transfer: Transfer) -> Transaction:
        """The transaction that reconciles a transfer on its destination."""
        chain, message = transfer.destination, Message.read(transfer.message_body)
        arguments = (message.origin_domain, message.nonce, message.sender, message.body)
        data = call("handle(uint32,uint32,bytes32,bytes)", *arguments)
        return Transaction(chain.diamond.spoke, chain.contract, data)

    async def status(self, transfer: Transfer) -> int:
        """The destination's ``transferStatus``: 0 none, 1 reconciled, 2 executed, 3 completed."""
        chain, transfer_id = transfer.destination, bytes.fromhex(transfer.transfer_id[2:])
        return int(await chain.view(chain.contract, "uint8", "transferStatus(bytes32)", transfer_id))

    async def _execute(
        self,
        transfer: Transfer,
        routers: list[str],
        signatures: list[bytes],
        sequencer: str,
        sequencer_signature: bytes,
    ) -> Receipt:
        chain = transfer.destination
        if not self.acts(chain.accounts.relayer, on=chain):
            raise DevnetError(f"{chain.name}'s relayer was stopped.")
        arguments = (transfer.params, routers, signatures, sequencer, sequencer_signature)
        data = call(f"execute({EXECUTE_ARGS})", arguments)
        return await chain.send(Transaction(chain.accounts.relayer, chain.contract, data))


def _numbered(spec: ChainSpec, index: int) -> ChainSpec:
    return replace(
        spec,
        chain_id=spec.chain_id or FIRST_CHAIN_ID + index,
        domain_id=spec.domain_id or FIRST_DOMAIN_ID + index,
    )


def _chain(spec: ChainSpec, home: Path, block_time: int | None) -> Chain:
    home.mkdir()
    anvil = Anvil(_arguments(spec), port=spec.port, home=home)
    return Chain(spec.name, anvil, block_time=block_time, state=home / "state.json")


async def _make_bridge(chains: Sequence[Chain], specs: Sequence[ChainSpec]) -> None:
    for chain, spec in zip(chains, specs, strict=True):
        chain.diamond = await (adopt(chain, spec.contract) if spec.fork_url else deploy(chain, spec.domain_id))
    _check_distinct(chains)
    await join(chains)


def _check_distinct(chains: Sequence[Chain]) -> None:
    """Refuse chains that a bridge could not tell apart."""
    for first, second in itertools.combinations(chains, 2):
        if first.domain_id == second.domain_id:
            raise DevnetError(
                f"{first.name} and {second.name} have the same domain id, {first.domain_id}; fork other chains."
            )


def _arguments(spec: ChainSpec) -> list[str]:
    limits = ["--code-size-limit", "100000", "--gas-limit", "300000000"]
    if not spec.fork_url:
        return [*limits, "--chain-id", str(spec.chain_id)]
    # Accounts of our own: on public chains the well-known ones carry delegated code that sweeps what they receive.
    # No cache: it is kept by chain id and block number, and would mix up local chains.
    return [*limits, "--fork-url", spec.fork_url, "--no-storage-caching", "--mnemonic-seed-unsafe", "20240131"]


@contextmanager
def _run_directory() -> Iterator[str]:
    """A directory for what the anvils write, inside the clone; those that dead processes left are removed."""
    runs = toolchain.CACHE / "run"
    runs.mkdir(parents=True, exist_ok=True)
    for left_over in runs.iterdir():
        if not _alive(int(left_over.name.partition("-")[0])):
            shutil.rmtree(left_over, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=runs, ignore_cleanup_errors=True) as run:
        yield run


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
