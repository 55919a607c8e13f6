"""What is read of the events besides transfers: what the published contracts declare, and nothing that is malformed."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.bridge_events import BRIDGE_EVENTS, OBSERVED_TOPICS, decode_bridge_event, is_bridge_event
from connext_monitor.core.bridge_words import bridge_words
from connext_monitor.core.decoding import MalformedLog
from connext_monitor.core.labels import ChainLabels
from scripts.devnet.contracts import artifact
from tests.world.strategies import raw_log

FACETS = (
    "BridgeFacet", "DiamondCutFacet", "PortalFacet", "ProposedOwnableFacet", "RelayerFacet", "RoutersFacet",
    "TokenFacet",
)  # fmt: skip
_CUT = "(address,uint8,bytes4[])[]"
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "address": st.binary(min_size=20, max_size=20),
    "bytes32": st.binary(min_size=32, max_size=32),
    "uint8": st.integers(0, 3),
    "uint32": st.integers(0, 2**32 - 1),
    "uint256": st.integers(0, 2**256 - 1),
    "bool": st.booleans(),
    "bytes": st.binary(max_size=70),
    _CUT: st.lists(
        st.tuples(
            st.binary(min_size=20, max_size=20),
            st.integers(0, 2),
            st.lists(st.binary(min_size=4, max_size=4), max_size=20),
        ),
        max_size=3,
    ),
}


def declared() -> dict[str, Mapping[str, Any]]:
    """The events of the published contracts by their names."""
    entries = [entry for facet in FACETS for entry in artifact(facet).abi if entry["type"] == "event"]
    return {entry["name"]: entry for entry in entries}


def _type(field: Mapping[str, Any]) -> str:
    if not field["type"].startswith("tuple"):
        return str(field["type"])
    return f"({','.join(map(_type, field['components']))}){field['type'].removeprefix('tuple')}"


def test_each_is_declared_as_the_published_contracts_have_it() -> None:
    published = declared()
    for name, kind in BRIDGE_EVENTS.items():
        fields = published[name]["inputs"]
        assert kind.signature == f"{name}({','.join(map(_type, fields))})"
        indexed = [field["indexed"] for field in fields]
        assert len(kind.indexed) == sum(indexed)
        # Ours are read in their order: the topics' fields, then the data's.
        assert [_type(field) for field in fields if field["indexed"]] == [kind.type_of(name) for name in kind.indexed]
    assert len(set(OBSERVED_TOPICS)) == len(BRIDGE_EVENTS) + 3


@given(st.data())
def test_what_the_contracts_write_reads_back(data: st.DataObject) -> None:
    name, entry = data.draw(st.sampled_from([(name, declared_now[name]) for name in BRIDGE_EVENTS]))
    values = [data.draw(_VALUES[_type(field)]) for field in entry["inputs"]]
    given_fields = list(zip(entry["inputs"], values, strict=True))
    topics = [encode([_type(field)], [value]) for field, value in given_fields if field["indexed"]]
    rest = [(_type(field), value) for field, value in given_fields if not field["indexed"]]
    body = encode([kind for kind, _ in rest], [value for _, value in rest])
    event = decode_bridge_event(raw_log((BRIDGE_EVENTS[name].topic, *topics), body))
    assert event.kind == name
    assert bridge_words(event, ChainLabels({}).display_name).isprintable()
    for value in values:
        _assert_shown(value, list(event.fields.values()))


def _assert_shown(value: Any, shown: list[Any]) -> None:
    match value:
        case list():
            assert shown[0] == len(value)
            assert [cut["functions"] for cut in shown[1]] == [len(selectors) for _, _, selectors in value]
            assert [cut["facet"] for cut in shown[1]] == [f"0x{facet.hex()}" for facet, _, _ in value]
        case bool():
            assert value in shown
        case int():
            role = ["none", "router_admin", "watcher", "admin"][value : value + 1]
            assert any(item in shown for item in (str(value), value, *role))
        case bytes():
            assert f"0x{value.hex()}" in shown or len(value) in shown


declared_now = declared()
_TOPICS = st.sampled_from([kind.topic for kind in BRIDGE_EVENTS.values()])


@given(_TOPICS, st.lists(st.binary(max_size=40), max_size=4), st.binary(max_size=400))
def test_nothing_that_a_stranger_writes_breaks_the_reader(topic: bytes, topics: list[bytes], data: bytes) -> None:
    log = raw_log((topic, *topics), data)
    assert is_bridge_event(log)
    try:
        assert msgspec.json.decode(decode_bridge_event(log).payload) is not None
    except MalformedLog as error:
        assert len(str(error)) < 200  # noqa: PT017 - either is right


def _cut_log(cuts: list[tuple[bytes, int, list[bytes]]]) -> Any:
    body = encode([_CUT, "address", "bytes"], [cuts, bytes(20), b"\1" * 100])
    return raw_log((BRIDGE_EVENTS["DiamondCut"].topic,), body)


def test_of_a_huge_cut_the_beginning_and_the_counts_are_kept() -> None:
    cuts = [(bytes([1]) * 20, 0, [bytes([1, 2, 3, 4])] * 200)] * 100
    event = decode_bridge_event(_cut_log(cuts))
    assert (event.fields["facets"], event.fields["cuts"][0]["functions"]) == (100, 200)
    assert len(event.payload) < 20_000


def test_cuts_that_share_one_array_cannot_fill_the_memory() -> None:
    words = [0x60, 0, 0x80, 0]  # a pointer to the cuts, no init, no calldata
    count, shared = 500, 2_000
    cuts = [32 * count] * count
    item = [1, 0, 0x60, shared, *[0] * shared]
    words[2] = 32 * (3 + 1 + len(cuts) + len(item))
    body = b"".join(word.to_bytes(32, "big") for word in (words[0], 0, words[2], count, *cuts, *item, 0))
    with pytest.raises(MalformedLog, match="holds more than the data has words"):
        decode_bridge_event(raw_log((BRIDGE_EVENTS["DiamondCut"].topic,), body))


def test_a_cut_is_told_by_its_facets() -> None:
    cuts = [(bytes([facet]) * 20, action, [bytes([1, 2, 3, 4])] * 2) for facet, action in enumerate((0, 1, 2, 0, 0))]
    words = bridge_words(decode_bridge_event(_cut_log(cuts)), ChainLabels({}).display_name)
    assert words == (
        "the bridge's code was changed: adds 2 functions of 0x0000000000000000000000000000000000000000; "
        "replaces 2 functions by those of 0x0101010101010101010101010101010101010101; "
        "removes 2 functions; 2 more facets"
    )


@pytest.mark.parametrize(
    ("name", "topics", "data"),
    [
        ("RouterAdded", [], bytes(64)),
        ("RouterAdded", [bytes(31)], bytes(32)),
        ("RouterAdded", [b"\1" * 32], bytes(32)),
        ("RouterAdded", [bytes(32)], b""),
        ("RevokeRole", [], bytes(63) + b"\4"),
        ("Paused", [bytes(32)], b""),
    ],
)
def test_what_is_laid_out_otherwise_is_refused(name: str, topics: list[bytes], data: bytes) -> None:
    with pytest.raises(MalformedLog):
        decode_bridge_event(raw_log((BRIDGE_EVENTS[name].topic, *topics), data))
