"""Reading ranges from a loopback node that holds a made-up chain."""

import asyncio
from collections.abc import AsyncIterator, Callable
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from typing import Any

import pytest

from connext_monitor.core.coverage import BlockRange, StoredRange
from connext_monitor.core.events import BlockNumber, DomainId, EventKind, Hash32, TransferId
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.header_cache import HeaderCache
from connext_monitor.monitoring.range_reader import RangeReader, ReadRange
from connext_monitor.monitoring.unusable_answers import PartialAnswer, Unsettled
from tests.monitoring.made_up_chain import CONTRACT, GENESIS_TIME, TOPIC, Node, hash_at
from tests.monitoring.made_up_logs import xcalled_log
from tests.monitoring.nodes import http_node, posting

DOMAIN = DomainId(1001)
ID = TransferId(b"\x07" * 32)


@asynccontextmanager
async def reader_of(node: Node, headers: HeaderCache | None = None) -> AsyncIterator[Callable[..., Any]]:
    """From first and last block (and what is final and known) to what is read."""
    async with http_node(posting(node.answer)) as url, open_endpoint(url) as endpoint:
        headers = headers or HeaderCache()

        async def read(
            first: int,
            last: int,
            *,
            final: int = 0,
            known: AbstractSet[tuple[int, Hash32]] = frozenset(),
            events: AbstractSet[tuple[Hash32, EventKind, TransferId]] = frozenset(),
        ) -> ReadRange:
            head = await endpoint.head()
            standing = {(BlockNumber(number), block_hash) for number, block_hash in known}
            blocks = BlockRange(BlockNumber(first), BlockNumber(last))
            return await RangeReader(endpoint, DomainId(1001), CONTRACT, headers).read(
                blocks, head, BlockNumber(final), StoredRange(standing, events)
            )

        yield read


async def test_a_block_time_is_the_headers_and_never_the_logs() -> None:
    async with reader_of(Node(20, logs=[5, 9])) as read:
        range_read = await read(1, 20)
        assert [decoded.block.timestamp for decoded in range_read.logs] == [GENESIS_TIME + 5, GENESIS_TIME + 9]
        assert range_read.end.number == 20


async def test_logs_in_more_blocks_than_headers_are_kept_are_all_placed() -> None:
    node = Node(50, logs=list(range(1, 46)))
    async with reader_of(node, HeaderCache(most=10)) as read:
        range_read = await read(1, 50, final=50)
        assert [decoded.block.timestamp for decoded in range_read.logs] == [
            GENESIS_TIME + number for number in node.logs
        ]


async def test_the_loop_is_given_back_while_many_logs_are_decoded() -> None:
    node = Node(5, logs=[2])
    async with http_node(posting(node.answer)) as url, open_endpoint(url) as endpoint:
        logs = (await endpoint.logs(CONTRACT, [], BlockNumber(1), BlockNumber(5))).logs * 2000
        reader = RangeReader(endpoint, DOMAIN, CONTRACT, HeaderCache())
        await reader.decode_logs(logs[:1])
        placing, turns = asyncio.create_task(reader.decode_logs(logs)), 0
        while not placing.done():
            turns += 1
            await asyncio.sleep(0)
        assert turns >= 8


async def test_a_stored_event_counts_as_answered_and_is_not_decoded_again() -> None:
    node = Node(20, logs=[5, 9], log_changes={"topics": [f"0x{TOPIC.hex()}", f"0x{ID.hex()}"]})
    async with reader_of(node) as read:
        known = {(5, hash_at(5))}
        range_read = await read(1, 20, known=known, events={(hash_at(5), EventKind.XCALLED, ID)})
        assert [decoded.content is None for decoded in range_read.logs] == [True, False]
        assert [decoded.log.block_number for decoded in range_read.logs] == [5, 9]


@pytest.mark.parametrize(
    "other",
    [
        (hash_at(5, branch=1), EventKind.XCALLED, ID),
        (hash_at(5), EventKind.EXECUTED, ID),
        (hash_at(5), EventKind.XCALLED, TransferId(bytes(32))),
    ],
    ids=["another block", "another leg", "another transfer"],
)
async def test_another_event_is_decoded(other: tuple[Hash32, EventKind, TransferId]) -> None:
    node = Node(20, logs=[5], log_changes={"topics": [f"0x{TOPIC.hex()}", f"0x{ID.hex()}"]})
    async with reader_of(node) as read:
        [decoded] = (await read(1, 20, events={other})).logs
        assert decoded.content is not None


async def test_a_range_whose_last_block_is_missing_is_unsettled() -> None:
    async with reader_of(Node(20, lacks={10})) as read:
        with pytest.raises(Unsettled, match="has no block 10"):
            await read(1, 10)


async def test_a_chain_that_moves_while_its_logs_are_read_is_unsettled() -> None:
    node = Node(20)
    node.at_logs = lambda: node.branch.update({10: 1})
    async with reader_of(node) as read:
        with pytest.raises(Unsettled, match="changed block 10 while its logs were read"):
            await read(1, 10)


async def test_a_log_of_a_block_that_is_not_there_is_unsettled() -> None:
    async with reader_of(Node(20, logs=[5], log_changes={"blockHash": "0x" + "ee" * 32})) as read:
        with pytest.raises(Unsettled, match="has no such block"):
            await read(1, 20)


async def test_a_log_with_another_blocks_hash_is_unsettled() -> None:
    async with reader_of(Node(20, logs=[5], log_changes={"blockHash": "0x" + hash_at(6).hex()})) as read:
        with pytest.raises(Unsettled, match="another block's hash"):
            await read(1, 20)


async def test_where_another_block_stands_a_known_one_is_gone() -> None:
    async with reader_of(Node(20, branch={5: 1})) as read:
        range_read = await read(1, 20, known={(5, hash_at(5)), (6, hash_at(6, 2))})
        assert range_read.gone == {hash_at(5), hash_at(6, 2)}


async def test_an_answer_without_a_log_of_a_block_that_stands_is_partial() -> None:
    async with reader_of(Node(20)) as read:
        with pytest.raises(PartialAnswer, match="left out a log of block 5"):
            await read(1, 20, known={(5, hash_at(5))})


async def test_where_no_block_stands_a_known_one_is_not_gone() -> None:
    async with reader_of(Node(20, lacks={5})) as read:
        with pytest.raises(Unsettled):
            await read(1, 20, known={(5, hash_at(5))})


def test_the_blocks_of_logs_that_were_added_are_known() -> None:
    log, stored = xcalled_log(1), (BlockNumber(3), hash_at(3))
    read = ReadRange(BlockRange(BlockNumber(1), BlockNumber(9)), log.block, [], [], frozenset(), frozenset({stored}))
    assert read.and_logs([log]).known == {stored, (log.block.number, log.block.hash)}
    assert read.and_logs([log]).logs == [log]
