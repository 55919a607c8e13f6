"""``stats``: how many transfers, how fast, and by which routers."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from functools import partial

from msgspec.structs import asdict

from connext_monitor.cli.cells import Row
from connext_monitor.cli.interruptible import complete
from connext_monitor.cli.live_monitor import why_not_live
from connext_monitor.cli.opened_database import reading_database
from connext_monitor.cli.option_values import option
from connext_monitor.cli.output import print_heading, print_json, print_line, print_table, say, styled
from connext_monitor.cli.settings import load, monitor_answers_within
from connext_monitor.clock import SystemClock
from connext_monitor.config import Config
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.amount import amount_on
from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.deadline import LEGS, Leg
from connext_monitor.core.documents.command_line import StatsFromDatabase
from connext_monitor.core.documents.router_books import router_documents
from connext_monitor.core.documents.stats import stats_document
from connext_monitor.core.events import Address
from connext_monitor.core.formats import rfc3339, unix_rfc3339
from connext_monitor.core.labels import ChainLabels, KnownTokens, TokenId
from connext_monitor.core.router_books import RouterBook
from connext_monitor.core.router_checks import RouterChecks
from connext_monitor.core.stats import Owed, PathwayStats, RouterStats, Stats, Window, WindowStats, last
from connext_monitor.core.structs import struct
from connext_monitor.core.token import Token
from connext_monitor.core.words import duration_words
from connext_monitor.reporting.web.parameters import DEFAULT_SINCE, read_chain, read_duration
from connext_monitor.store import router_books, statistics, tokens
from connext_monitor.store.connection import Connection


def show_stats(since: str | None, origin: str | None, destination: str | None, *, as_json: bool) -> None:
    """Print the statistics of the transfers begun within ``since``, a day by default."""
    config = load()
    labels = chain_labels(config)
    window = last(
        (option("--since", since, read_duration) or DEFAULT_SINCE).total_seconds(),
        SystemClock().now().timestamp(),
        option("--origin", origin, lambda text: read_chain(text, labels)),
        option("--destination", destination, lambda text: read_chain(text, labels)),
    )
    look = complete(_look(config, window, monitor_answers_within()))
    stats, not_live, known_at = look.numbers.stats, look.not_live, look.known_at
    labels = chain_labels(config, KnownTokens(look.tokens))
    checks = RouterChecks({router.address: router.name for router in config.routers.values()})
    if as_json:
        document = stats_document(stats, look.numbers.timeline, labels)
        books = router_documents(look.books, look.numbers.filled, labels, checks)
        print_json(StatsFromDatabase(not_live is None, not_live, known_at, books, **asdict(document)))
        return
    if not_live is not None:
        say(f"{not_live}; this is what the database says as of {known_at}")
    _print(stats, labels)
    _print_books(look.books, labels, checks.names, window.until)


@struct(frozen=True, slots=True)
class _StoredStats:
    """``known_at`` is as of when the database says it (RFC 3339)."""

    numbers: WindowStats
    books: Sequence[RouterBook]
    tokens: Mapping[TokenId, Token]
    known_at: str
    not_live: str | None


async def _look(config: Config, window: Window, answers_within: float) -> _StoredStats:
    named = {router.address for router in config.routers.values()}
    async with reading_database(config) as database:
        numbers, books, known_tokens = await database.read(partial(_read, window=window, named=named))
        known_at = rfc3339(await database.written_at())
    not_live = await why_not_live(config.monitor.listen, config.chains, answers_within)
    return _StoredStats(numbers, books, known_tokens, known_at, not_live)


def _read(
    connection: Connection, *, window: Window, named: AbstractSet[Address]
) -> tuple[WindowStats, Sequence[RouterBook], Mapping[TokenId, Token]]:
    numbers = statistics.over(connection, window)
    routers = sorted(named | {its.router for its in numbers.stats.routers})
    of_all = window.origin is None and window.destination is None
    books = router_books.of_routers(connection, routers, known_unpaid=numbers.unpaid if of_all else None)
    shown = [book for book in books if window.destination in {None, book.domain}]
    return numbers, shown, tokens.every(connection)


def _print(stats: Stats, labels: ChainLabels) -> None:
    window = stats.window
    length = duration_words(timedelta(seconds=window.until - window.since).total_seconds())
    print_heading(f"Transfers that began in the last {length}, since {unix_rfc3339(window.since)}")
    _print_rows(_PATHWAY_HEADINGS, [_pathway_row(pathway, labels, window.until) for pathway in stats.pathways])
    for leg in LEGS:
        print_line()
        print_heading(_LATENCIES[leg])
        _print_rows(_LEG_HEADINGS, [_leg_row(pathway, leg, labels) for pathway in stats.pathways])
    print_line()
    print_heading("Routers")
    _print_rows(_ROUTER_HEADINGS, [_router_row(router, window.until) for router in stats.routers])
    # A message without funds is fronted too, with nothing.
    owed = [(router.router, debt) for router in stats.routers for debt in router.owed if debt.amount]
    if owed:
        print_line()
        print_heading("Fronted by routers and not yet reconciled")
        print_table(_OWED_HEADINGS, [_owed_row(router, debt, labels, window.until) for router, debt in owed])


def _print_books(books: Sequence[RouterBook], labels: ChainLabels, names: Mapping[Address, str], now: int) -> None:
    if books:
        print_line()
        print_heading("Routers' balances at the bridge, according to the events seen")
        print_table(_BOOK_HEADINGS, [_book_row(book, labels, names, now) for book in books])


def _print_rows(headings: Sequence[str], rows: Sequence[Row]) -> None:
    if rows:
        print_table(headings, rows)
    else:
        print_line("none")


_PATHWAY_HEADINGS = ("FROM", "TO", "BEGUN", "FAST", "SLOW", "OPEN", "LAST EXECUTED")
_LATENCIES = {Leg.EXECUTE: "From XCalled to Executed", Leg.RECONCILE: "From XCalled to Reconciled"}
_LEG_HEADINGS = ("FROM", "TO", "ARRIVED", "P50", "P95", "P99", "LATE", "OVERDUE NOW")
_ROUTER_HEADINGS = ("ROUTER", "FILLS", "SHARE", "LAST FILL")
_BOOK_HEADINGS = ("ROUTER", "ON", "FILLS", "LAST FILL", "BALANCE")
_OWED_HEADINGS = ("ROUTER", "ON", "TRANSFERS", "OLDEST", "AMOUNT")


def _ends(pathway: PathwayStats, labels: ChainLabels) -> tuple[str, str]:
    return labels.display_name(pathway.origin), labels.display_name(pathway.destination)


def _pathway_row(pathway: PathwayStats, labels: ChainLabels, now: int) -> Row:
    fast = str(pathway.executed_fast)
    if pathway.fast_share is not None:
        fast += f" ({_percent(pathway.fast_share)})"
    return (
        *_ends(pathway, labels),
        str(pathway.begun),
        fast,
        str(pathway.executed_slow),
        str(pathway.open),
        _ago(pathway.last_executed, now),
    )


def _leg_row(pathway: PathwayStats, leg: Leg, labels: ChainLabels) -> Row:
    numbers = pathway.leg(leg)
    latency = numbers.latency
    return (
        *_ends(pathway, labels),
        str(latency.count),
        *(short_duration(seconds) for seconds in (latency.p50, latency.p95, latency.p99)),
        styled(str(numbers.late), "yellow" if numbers.late else ""),
        styled(str(numbers.overdue), "bold red" if numbers.overdue else ""),
    )


def _router_row(router: RouterStats, now: int) -> Row:
    share = "-" if router.share is None else _percent(router.share)
    return (to_checksum_address(router.router), str(router.fills), share, _ago(router.last_fill, now))


def _owed_row(router: bytes, owed: Owed, labels: ChainLabels, now: int) -> Row:
    amount = amount_on(owed.domain, owed.asset, owed.amount, labels).full
    chain = labels.display_name(owed.domain)
    return (to_checksum_address(router), chain, str(owed.transfers), _ago(owed.oldest, now), amount)


def _book_row(book: RouterBook, labels: ChainLabels, names: Mapping[Address, str], now: int) -> Row:
    amount = amount_on(book.domain, book.asset, book.sums.balance, labels).full
    name = names.get(book.router) or to_checksum_address(book.router)
    return (name, labels.display_name(book.domain), str(book.sums.fills), _ago(book.last_fill, now), amount)


def short_duration(seconds: int | None) -> str:
    """Short enough for three columns of them: ``45s``, ``12m30s``, ``2h05m``, ``3d04h``."""
    if seconds is None:
        return "-"
    for size, part, unit, smaller in ((86_400, 3_600, "d", "h"), (3_600, 60, "h", "m"), (60, 1, "m", "s")):
        if seconds >= size:
            return f"{seconds // size}{unit}{seconds % size // part:02}{smaller}"
    return f"{seconds}s"


def _ago(timestamp: int | None, now: int) -> str:
    return "never" if timestamp is None else f"{duration_words(now - timestamp)} ago"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share in {0, 1} or 0.01 <= share <= 0.99 else f"{share:.1%}"
