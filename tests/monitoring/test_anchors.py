"""How far back a chain is read again when blocks that counted as final are replaced."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from connext_monitor.core.coverage import Aim
from tests.monitoring.covering import Memory, covering
from tests.monitoring.made_up_chain import Chain


async def rewound(replaced_from: int) -> tuple[int | None, int]:
    """The block found replaced, and the checkpoint gone back to; the checkpoints stood at 95, 115 and 135 before."""
    node, memory = Chain(100), Memory()
    async with covering(node, memory) as (coverer, announce):
        for head in (100, 120, 140):
            await announce(head)
            await coverer.cover_for(Aim.CONFIRM, hinted=True)
        node.branch = dict.fromkeys(range(replaced_from, 161), 1)
        await announce(160)
        covered = len(memory.progress)
        await coverer.cover_for(Aim.CONFIRM, hinted=True)
    progress = memory.progress[covered]
    return progress.replaced, progress.coverage.checkpoint


@pytest.mark.parametrize(("replaced_from", "checkpoint"), [(130, 115), (110, 95), (50, 0)])
async def test_the_checkpoint_goes_back_to_the_newest_that_stands(replaced_from: int, checkpoint: int) -> None:
    assert await rewound(replaced_from) == (135, checkpoint)


async def test_a_reorg_above_the_checkpoint_takes_no_checkpoint_back() -> None:
    replaced, checkpoint = await rewound(136)
    assert (replaced, checkpoint >= 135) == (None, True)


@dataclass
class Asked(Chain):
    """Remembers the heights that it was asked about."""

    heights: list[str] = field(default_factory=list)

    def answer(self, request: dict[str, Any]) -> str:
        if request["method"] == "eth_getBlockByNumber":
            self.heights.append(request["params"][0])
        return super().answer(request)


@pytest.mark.parametrize(("announced", "asks"), [(range(101, 106), False), ([105], True)])
async def test_a_block_that_the_head_leads_back_to_is_not_asked_for(announced: Sequence[int], asks: bool) -> None:
    node, memory = Asked(100), Memory()
    async with covering(node, memory) as (coverer, announce):
        for head in range(95, 101):
            await announce(head)
        await coverer.cover_for(Aim.CONFIRM, hinted=True)
        assert memory.progress[-1].coverage.checkpoint == 95
        for head in announced:
            await announce(head)
        node.heights.clear()
        await coverer.cover_for(Aim.CONFIRM, hinted=True)
    assert (hex(95) in node.heights) is asks
