"""A transfer of the devnet: what its XCalled said, and what its legs on the destination need."""

from dataclasses import dataclass, field

from eth_abi.abi import decode as abi_decode

from scripts.devnet.chain import Chain
from scripts.devnet.contracts import TRANSFER_INFO, XCALLED, TransferInfo
from scripts.devnet.errors import DevnetError
from scripts.devnet.transaction import Receipt


@dataclass(frozen=True, slots=True)
class Message:
    """The message that proves a transfer to its destination, taken apart."""

    origin_domain: int
    sender: bytes
    nonce: int
    body: bytes

    @classmethod
    def read(cls, raw: bytes) -> "Message":
        """From XCalled's ``messageBody``: origin 4 | sender 32 | nonce 4 | destination 4 | recipient 32 | body."""
        return cls(int.from_bytes(raw[:4]), raw[4:36], int.from_bytes(raw[36:40]), raw[76:])


@dataclass(frozen=True, slots=True)
class Transfer:
    """An xcall that was mined. Hashes and ids are 0x hex, amounts base units, ``timestamp`` Unix seconds."""

    origin: Chain = field(repr=False)
    destination: Chain = field(repr=False)
    transfer_id: str
    params: TransferInfo
    asset: str
    amount: int
    message_hash: str
    message_body: bytes = field(repr=False)
    tx_hash: str
    block_number: int
    block_hash: str
    timestamp: int

    @property
    def nonce(self) -> int:
        """The origin's nonce of this xcall."""
        return self.params.nonce

    @classmethod
    def read(cls, origin: Chain, destination: Chain, receipt: Receipt) -> "Transfer":
        """From the receipt of an xcall; its XCalled says the rest."""
        for log in receipt.logs:
            if log.topics[0] == XCALLED and log.address == origin.contract:
                params, asset, amount, _, body = abi_decode(
                    [TRANSFER_INFO, "address", "uint256", "address", "bytes"], log.data
                )
                return cls(
                    origin=origin,
                    destination=destination,
                    transfer_id="0x" + log.topics[1].hex(),
                    params=TransferInfo(*params),
                    asset=asset,
                    amount=amount,
                    message_hash="0x" + log.topics[3].hex(),
                    message_body=body,
                    tx_hash=receipt.tx_hash,
                    block_number=receipt.block_number,
                    block_hash=receipt.block_hash,
                    timestamp=receipt.timestamp,
                )
        raise DevnetError(f"The transaction {receipt.tx_hash} on {origin.name} emitted no XCalled.")
