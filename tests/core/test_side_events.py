"""What is read of the logs beside a transfer's legs: what the contracts write, and nothing of what they do not."""

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.events import Address
from connext_monitor.core.side_events import (
    CALLDATA_EXECUTED_TOPIC,
    DESTINATION_TOPICS,
    FEE_INCREASED_TOPIC,
    ORIGIN_TOPICS,
    SLIPPAGE_UPDATED_TOPIC,
    CalldataExecuted,
    RelayerFeeIncreased,
    SlippageUpdated,
    read_side_event,
)
from scripts.devnet.contracts import artifact
from tests.world.strategies import addresses, amounts, raw_log, words

ID = b"\x11" * 32


def test_the_topics_are_those_of_the_published_contracts() -> None:
    events = {entry["name"]: entry for entry in artifact("BridgeFacet").abi if entry["type"] == "event"}
    for name, topic in (
        ("TransferRelayerFeesIncreased", FEE_INCREASED_TOPIC),
        ("SlippageUpdated", SLIPPAGE_UPDATED_TOPIC),
        ("ExternalCalldataExecuted", CALLDATA_EXECUTED_TOPIC),
    ):
        inputs = events[name]["inputs"]
        assert keccak(text=f"{name}({','.join(field['type'] for field in inputs)})") == topic
        assert [field["name"] for field in inputs if field["indexed"]] == ["transferId"]


@given(amounts, addresses, addresses)
def test_a_raised_fee_reads_back(increase: int, asset: bytes, caller: bytes) -> None:
    data = encode(["uint256", "address", "address"], [increase, asset, caller])
    read = read_side_event(raw_log((FEE_INCREASED_TOPIC, ID), data))
    assert read == RelayerFeeIncreased(increase, Address(asset))


@given(st.integers(0, 2**256 - 1))
def test_a_slippage_is_no_more_than_all(slippage: int) -> None:
    read = read_side_event(raw_log((SLIPPAGE_UPDATED_TOPIC, ID), slippage.to_bytes(32)))
    assert read == (SlippageUpdated(slippage) if slippage <= 10_000 else None)


@given(st.booleans(), st.binary(max_size=300))
def test_a_calls_outcome_reads_back_whatever_it_returned(success: bool, returned: bytes) -> None:
    read = read_side_event(raw_log((CALLDATA_EXECUTED_TOPIC, ID), encode(["bool", "bytes"], [success, returned])))
    assert read == CalldataExecuted(success)


@given(st.lists(st.sampled_from([*ORIGIN_TOPICS, *DESTINATION_TOPICS]) | words, max_size=4), st.binary(max_size=200))
def test_nothing_that_an_endpoint_makes_up_breaks_the_reader(topics: list[bytes], data: bytes) -> None:
    read_side_event(raw_log(tuple(topics), data))
