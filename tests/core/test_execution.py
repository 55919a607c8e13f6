"""The call that executes a reconciled transfer, held to eth_abi."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak
from hypothesis import given

from connext_monitor.core.calls import MalformedAnswer
from connext_monitor.core.events import Address, DomainId, TransferId, TransferInfo
from connext_monitor.core.execution import approved_relayer_call, check_executed, execute_call, recipient_call
from tests.world.strategies import addresses, transfer_ids, transfer_infos

INFO = "(uint32,uint32,uint32,address,address,bool,bytes,uint256,address,uint256,uint256,uint256,bytes32)"
ARGS = f"({INFO},address[],bytes[],address,bytes)"
Change = Callable[[TransferInfo], TransferInfo]


def message(info: TransferInfo) -> TransferInfo:
    """The same with calldata and without funds."""
    return replace(info, bridged_amount=0, canonical_domain=DomainId(0), call_data=b"\x01")


def plain(info: TransferInfo) -> tuple[object, ...]:
    """As eth_abi has it: addresses are hex."""
    fields = (getattr(info, name) for name in info.__struct_fields__)  # type: ignore[attr-defined]
    return tuple("0x" + field.hex() if isinstance(field, bytes) and len(field) == 20 else field for field in fields)


@given(transfer_infos.map(lambda info: replace(info, call_data=b"\x01" * 50)))
def test_it_is_called_without_routers_and_signatures(info: TransferInfo) -> None:
    arguments: tuple[object, ...] = (plain(info), [], [], "0x" + "00" * 20, b"")
    assert execute_call(info) == keccak(text=f"execute({ARGS})")[:4] + encode([ARGS], [arguments])


@given(addresses)
def test_a_relayer_is_asked_about_by_its_address(account: Address) -> None:
    call = approved_relayer_call(account)
    assert call[:4] == keccak(text="approvedRelayers(address)")[:4]
    assert decode(["address"], call[4:]) == ("0x" + account.hex(),)


@given(transfer_ids, transfer_infos)
def test_the_recipient_of_a_message_is_called_as_the_diamond_does(transfer_id: TransferId, info: TransferInfo) -> None:
    call = recipient_call(transfer_id, message(info))
    assert call is not None
    types = ["bytes32", "uint256", "address", "address", "uint32", "bytes"]
    assert call[:4] == keccak(text=f"xReceive({','.join(types)})")[:4]
    sender = "0x" + info.origin_sender.hex()
    assert decode(types, call[4:]) == (transfer_id, 0, "0x" + "00" * 20, sender, info.origin_domain, b"\x01")


@pytest.mark.parametrize(
    "change",
    [
        lambda info: replace(info, call_data=b""),
        lambda info: replace(info, bridged_amount=1),
        lambda info: replace(info, canonical_domain=DomainId(7)),
    ],
)
@given(transfer_infos)
def test_what_is_not_called_or_gets_funds_is_not_simulated(change: Change, info: TransferInfo) -> None:
    assert recipient_call(TransferId(bytes(32)), change(message(info))) is None


@pytest.mark.parametrize("answer", [b"", bytes(31), bytes(33), b"\x01" * 32])
def test_only_the_transfers_id_says_that_it_was_executed(answer: bytes) -> None:
    check_executed(bytes(32), TransferId(bytes(32)))
    with pytest.raises(MalformedAnswer):
        check_executed(answer, TransferId(bytes(32)))
