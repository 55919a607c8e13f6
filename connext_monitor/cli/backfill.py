"""``backfill``: reads blocks from before a chain's watch began."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import SystemRandom
from time import monotonic

import click
import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from connext_monitor.cli.failure import Failure
from connext_monitor.cli.interruptible import complete
from connext_monitor.cli.opened_database import writing
from connext_monitor.cli.output import print_json, print_line, print_table, say
from connext_monitor.cli.settings import load
from connext_monitor.clock import SystemClock
from connext_monitor.config import ChainConfig, Config
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.config.rules import no_deadlines, pathway_durations
from connext_monitor.core.alerts.transfer_facts import amount_of
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.documents.command_line import BackfillDocument, LateLegDocument
from connext_monitor.core.documents.transfers import transfer_document
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.formats import hex_text, unix_rfc3339
from connext_monitor.core.history import LateLeg
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.printable import escape
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.core.words import duration_words
from connext_monitor.monitoring.backfill import (
    Backfill,
    HistoryReport,
    NoProgressError,
    NotFinalError,
    watched_from,
)
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.late_legs import LateLegFinder, LateLegReport
from connext_monitor.monitoring.observation import Committed
from connext_monitor.monitoring.observation_queue import ObservationQueue
from connext_monitor.monitoring.transfer_checker import TransferChecker
from connext_monitor.process.garbage import spare_collections
from connext_monitor.process.logs import configure_logging
from connext_monitor.process.stop_request import display_on

_LOGGED_EVERY = 10.0
_LISTED = 50
_CURSOR = b"\x1b[?25h"
"""Shows the cursor, which a bar hides."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _BackfillOutcome:
    """What a backfill of ``blocks`` came to; ``malformed`` counts the logs that could not be read."""

    chain: ChainConfig
    blocks: BlockRange
    report: HistoryReport
    malformed: int
    now: float
    late_now: LateLegReport


class _MalformedLogs:
    """Counts malformed logs; deadlines and alerts follow from what a running monitor sees, not from history."""

    def __init__(self) -> None:
        self.count = 0

    def committed(self, news: Committed) -> None:
        """Count those of a batch."""
        self.count += sum(news.malformed.values())


def read_history(chain: str, first: int, last: int, *, as_json: bool) -> None:
    """Read these blocks, both included, and print the result. Raises Failure."""
    config = load()
    blocks = _block_range(config, chain, first, last)
    # Where there is a bar it shows the progress, and a log line would break it.
    quiet = sys.stderr.isatty() and config.monitor.log_level == "info"
    configure_logging("warning" if quiet else config.monitor.log_level, config.monitor.log_format)
    spare_collections()
    try:
        outcome = complete(_backfill(config, config.chains[chain], blocks))
    except NotFinalError as error:
        raise click.BadParameter(
            f"block {last} may still be replaced; the last final block is {error.final}", param_hint="--to"
        ) from None
    except NoProgressError as error:
        raise Failure(
            f"nothing of {chain} could be read for 5 minutes: {error}; what was read before is kept: run the same "
            "command again to continue"
        ) from None
    if as_json:
        print_json(_document(outcome, chain_labels(config)))
    else:
        _print(outcome, chain_labels(config))


def _block_range(config: Config, chain: str, first: int, last: int) -> BlockRange:
    if chain not in config.chains:
        raise click.BadParameter(
            f"no chain in the config has this name; known chains: {', '.join(config.chains)}", param_hint="--chain"
        )
    if first > last:
        raise click.BadParameter("must not be above --to", param_hint="--from")
    return BlockRange(BlockNumber(first), BlockNumber(last))


async def _backfill(config: Config, chain: ChainConfig, blocks: BlockRange) -> _BackfillOutcome:
    clock, random = SystemClock(asyncio.get_running_loop().time), SystemRandom()
    pools = {other.domain_id: EndpointPool(other, open_endpoint, clock, random) for other in config.chains.values()}
    async with writing(config) as store:
        begins = await watched_from(chain, store.chains)
        if begins is not None and blocks.last >= begins:
            raise click.BadParameter(
                f"the monitor itself reads {chain.name} from block {begins} on; backfill what is below it",
                param_hint="--to",
            )
        # No deadline was promised for a transfer that began before the watch: it gets none.
        queue, commits = ObservationQueue(), _MalformedLogs()
        checker = TransferChecker(queue, store, no_deadlines, commits, chain_labels(config), clock, lambda _alert: ())
        checking = asyncio.create_task(checker.run())
        try:
            pool = pools[chain.domain_id]
            with _progress(chain.name, len(blocks)) as progress:
                report = await Backfill(
                    chain, pool, store.chains, queue, clock, progress.progressed, progress.interrupted
                ).run(blocks)
        finally:
            checking.cancel()
            await asyncio.gather(checking, return_exceptions=True)
        now = clock.now().timestamp()
        begun = await store.transfers.unfinished(chain.domain_id, blocks)
        # A transfer that the monitor watches has its own alerts.
        unwatched = [view.transfer for view in begun if view.due is None]
        late_now = await LateLegFinder(pools, pathway_durations(config)).among(unwatched, now)
        return _BackfillOutcome(chain, blocks, report, commits.count, now, late_now)


class _ProgressLog:
    """Progress where no terminal can show a bar: a line now and then."""

    def __init__(self, chain: str, blocks: int) -> None:
        self._chain = chain
        self._blocks = blocks
        self._logged_at = monotonic()
        self._reason = ""

    def progressed(self, done: int) -> None:
        if monotonic() - self._logged_at >= _LOGGED_EVERY:
            self._logged_at = monotonic()
            log.info("backfill.progress", chain=self._chain, blocks_read=done, blocks=self._blocks)

    def interrupted(self, reason: str) -> None:
        if reason != self._reason:
            log.warning("backfill.interrupted", chain=self._chain, reason=reason)
        self._reason = reason


class _ProgressBar:
    """Progress as a bar on a terminal."""

    def __init__(self, bar: Progress, chain: str, blocks: int) -> None:
        self._bar = bar
        self._chain = chain
        self._reason = ""
        self._task = bar.add_task(chain, total=blocks)

    def progressed(self, done: int) -> None:
        self._bar.update(self._task, completed=done)

    def interrupted(self, reason: str) -> None:
        if reason != self._reason:
            self._bar.console.print(f"{self._chain} is being retried: {escape(reason)}", highlight=False)
        self._reason = reason


@contextmanager
def _progress(chain: str, blocks: int) -> Iterator[_ProgressLog | _ProgressBar]:
    """Where to report how many blocks have been read, and why it is interrupted; the same reason is shown once."""
    if not sys.stderr.isatty():
        yield _ProgressLog(chain, blocks)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("blocks"))
    with (
        display_on(sys.stderr.fileno(), _CURSOR),
        Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True, markup=False)) as bar,
    ):
        yield _ProgressBar(bar, chain, blocks)


def _print(outcome: _BackfillOutcome, labels: ChainLabels) -> None:
    report, blocks = outcome.report, outcome.blocks
    before = f"; {report.read_before} had been read before" if report.read_before else ""
    print_line(
        f"Read {report.blocks} of the {len(blocks)} blocks {blocks.first}-{blocks.last} of {outcome.chain.name}"
        f"{before}: {report.logs - outcome.malformed} events, {report.begun} of them XCalled; "
        f"{outcome.malformed} malformed logs."
    )
    if report.blocks:
        print_line(_proof(report))
    print_line()
    _print_late(outcome, labels)


def _proof(report: HistoryReport) -> str:
    if report.proven:
        return "None are missing: the contract's own transfer count agrees in every range."
    return (
        "Whether any are missing could not be verified: the endpoint does not have the old states that hold the "
        "contract's count of transfers."
    )


def _print_late(outcome: _BackfillOutcome, labels: ChainLabels) -> None:
    late_now = outcome.late_now
    if late_now.late:
        print_line(f"Late now: {_legs(len(late_now.late))} of transfers that began in these blocks, the oldest first.")
        print_table(_HEADINGS, [_row(late, labels, outcome.now) for late in late_now.late[:_LISTED]])
        if len(late_now.late) > _LISTED:
            say(f"showing the oldest {_LISTED}; --json lists all")
    else:
        print_line("Nothing that began in these blocks is late.")
    if late_now.settled:
        print_line(
            f"{_legs(late_now.settled)} are done according to their destination but not recorded here: backfill the "
            "destination too."
        )
    if late_now.unasked:
        print_line(f"{_legs(late_now.unasked)} could not be checked.")


def _legs(count: int) -> str:
    return f"{count} leg" if count == 1 else f"{count} legs"


_HEADINGS = ("TRANSFER", "LEG", "FROM", "TO", "STARTED", "LATE BY", "AMOUNT")


def _row(late: LateLeg, labels: ChainLabels, now: float) -> Sequence[str]:
    transfer = late.transfer
    return (
        hex_text(transfer.transfer_id),
        late.leg.value,
        labels.display_name(transfer.origin),
        labels.display_name(transfer.destination),
        unix_rfc3339(transfer.started_at),
        duration_words(now - late.due_at),
        amount_of(transfer, labels),
    )


def _document(outcome: _BackfillOutcome, labels: ChainLabels) -> BackfillDocument:
    report, late_now = outcome.report, outcome.late_now
    return BackfillDocument(
        chain=outcome.chain.name,
        first=outcome.blocks.first,
        last=outcome.blocks.last,
        blocks_read=report.blocks,
        blocks_read_before=report.read_before,
        events=report.logs - outcome.malformed,
        xcalled=report.begun,
        malformed=outcome.malformed,
        nonces_proven=report.proven if report.blocks else None,
        late=[_late_document(late, labels, outcome.now) for late in late_now.late],
        legs_done_elsewhere=late_now.settled,
        legs_not_asked=late_now.unasked,
    )


def _late_document(late: LateLeg, labels: ChainLabels, now: float) -> LateLegDocument:
    transfer = transfer_document(TransferView(late.transfer, None), labels, now)
    return LateLegDocument(late.leg, unix_rfc3339(late.due_at), transfer)
