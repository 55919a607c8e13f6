"""A display that is drawn again and again on the terminal until Ctrl-C."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence

from rich.live import Live

from connext_monitor.cli.cells import Printable
from connext_monitor.cli.output import styled
from connext_monitor.cli.rich_output import drawn, terminal
from connext_monitor.clock import SystemClock
from connext_monitor.core.formats import rfc3339
from connext_monitor.process.stop_request import StopRequest, display_on

_EVERY = 1.0
"""Seconds from the end of one look to the next."""
_AS_IT_WAS = b"\x1b[?1049l\x1b[?25h"
"""Leaves the screen that is drawn on, and shows the cursor."""


async def show_again_and_again(look: Callable[[], Awaitable[Sequence[Printable]]]) -> None:
    """Draw what ``look`` finds, at most once a second, until SIGINT or SIGTERM; the terminal is then as it was."""
    stop = StopRequest()
    with stop.on_signals(), display_on(sys.stdout.fileno(), _AS_IT_WAS):
        await _draw_until(stop, look)


async def _draw_until(stop: StopRequest, look: Callable[[], Awaitable[Sequence[Printable]]]) -> None:
    stopping = asyncio.create_task(stop.wait())
    with Live(console=terminal(), screen=True, auto_refresh=False, vertical_overflow="ellipsis") as live:
        while not stop.made:
            looking = asyncio.ensure_future(look())
            await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not looking.done():
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)
                break
            at = rfc3339(SystemClock().now().replace(microsecond=0))
            heading = styled(f"{at}, refreshed every second; press Ctrl-C to quit", "dim")
            live.update(drawn([heading, "", *looking.result()]), refresh=True)
            await asyncio.wait({stopping}, timeout=_EVERY)
    stopping.cancel()
