"""The console: what a person at the terminal reads, and what a stranger can't do to that terminal."""

import asyncio
import io
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta, timezone
from typing import IO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from rich.console import Console

from connext_monitor.alerting.http.timing import FIRST_TIMEOUT
from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.console import ConsoleConfig
from connext_monitor.alerting.providers.console.provider import ConsoleProvider
from connext_monitor.alerting.providers.console.text import alert_text, time_words
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.core.alerts.message import Message
from connext_monitor.core.delivery import Change, Sent, TryLater
from tests.alerting.markup import printable_line
from tests.world.alerts import DUE_AT, ENDS_OF_LIFE, LABELS, NOW, notice
from tests.world.clocks import ManualClock
from tests.world.hostile import NASTY, digest_notices, notices

SGR = re.compile(r"\x1b\[[0-9;]*m")
BERLIN = ZoneInfo("Europe/Berlin")


def provider_on(file: IO[str], *, terminal: bool = False, first_timeout: float = FIRST_TIMEOUT) -> ConsoleProvider:
    console = Console(file=file, force_terminal=terminal, width=80, highlight=False)
    context = ProviderContext(LABELS, ManualClock(NOW, running=True), console, first_timeout)
    return ConsoleProvider("console", ConsoleConfig(type="console"), context)


async def until_sent(provider: ConsoleProvider, sent: Notice) -> None:
    """Send it again and again, as a worker does."""
    while not isinstance(await provider.send(sent, None), Sent):
        pass


async def printed(sent: Notice, *, terminal: bool = False) -> str:
    file = io.StringIO()
    assert await provider_on(file, terminal=terminal).send(sent, None) == Sent()
    return file.getvalue()


def lines_of(message: Message) -> Iterable[str]:
    return alert_text(message, NOW, zone=BERLIN).plain.split("\n")


async def test_an_operator_reads_what_is_late_where_and_since_when() -> None:
    assert "\n".join(lines_of(notice().message)) == (
        "▌  CRITICAL  Execution overdue: ethereum → gnosis\n"
        "▌ Due 1 min before this alert, and the recipient has not received the funds.\n"
        "▌ Transfer    0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
        "▌ Amount      1.5 of token 0x0303030303030303030303030303030303030303\n"
        "▌ From        0x0101010101010101010101010101010101010101\n"
        "▌ To          0x0202020202020202020202020202020202020202\n"
        "▌ Sent        2026-03-01 12:54:00 CET (UTC+01:00), 6 min ago\n"
        "▌ Due         2026-03-01 12:59:00 CET (UTC+01:00), 1 min ago\n"
        f"▌ XCalled     https://origin.example/tx/0x{'cd' * 32}\n"
        f"▌ Recipient   https://destination.example/address/0x{'02' * 20}\n"
    )


async def test_without_a_terminal_there_is_no_escape_sequence() -> None:
    assert "\x1b" not in await printed(notice())


async def test_on_a_terminal_the_severity_has_its_colour() -> None:
    opened, resolved = [await printed(notice(change), terminal=True) for change in ENDS_OF_LIFE]
    assert "\x1b[1;7;31m CRITICAL " in opened
    assert "\x1b[1;7;32m RESOLVED " in resolved


async def test_no_color_takes_the_colours_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", await printed(notice(), terminal=True))


async def test_a_drill_says_so_before_anything_else() -> None:
    assert (await printed(notice(drill=True))).startswith("▌  DRILL   CRITICAL  ")


@given(notices | digest_notices())
async def test_a_stranger_can_begin_no_line_and_send_no_control(sent: Notice) -> None:
    text = SGR.sub("", await printed(sent, terminal=True))
    assert all(char.isprintable() or char == "\n" for char in text)
    assert all(line.startswith("▌ ") for line in text.rstrip("\n").split("\n"))


@pytest.mark.parametrize("nasty", NASTY)
async def test_a_nasty_fact_is_shown_as_it_is(nasty: str) -> None:
    message = Message(nasty, "text", notice().message.severity, resolved=False)
    assert f"CRITICAL  {printable_line(nasty)}\n" in await printed(notice(message=message))


async def test_sentences_are_wrapped_and_ids_are_not() -> None:
    message = Message("t", "word " * 50, notice().message.severity, resolved=False, fields=notice().message.fields)
    text = (await printed(notice(message=message))).split("\n")
    assert all(len(line) <= 80 for line in text)
    assert any(line.endswith("1c1d1e1f") for line in text)


async def test_an_output_that_can_hold_ascii_only_gets_ascii() -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as file:
        assert await provider_on(file).send(notice(), None) == Sent()
        assert b"Execution overdue: ethereum -> gnosis" in raw.getvalue()


async def test_an_output_that_is_gone_is_tried_later() -> None:
    file = io.StringIO()
    provider = provider_on(file)
    file.close()
    assert await provider.send(notice(), None) == TryLater("stdout cannot be written to (ValueError)")


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        (ZoneInfo("UTC"), "2026-03-01 11:59:00 UTC, 1 min ago"),
        (BERLIN, "2026-03-01 12:59:00 CET (UTC+01:00), 1 min ago"),
        (ZoneInfo("America/Sao_Paulo"), "2026-03-01 08:59:00 UTC-03:00, 1 min ago"),
        (timezone(timedelta(hours=5, minutes=45)), "2026-03-01 17:44:00 UTC+05:45, 1 min ago"),
    ],
    ids=["UTC", "named", "unnamed", "offset only"],
)
def test_an_instant_has_its_zone_and_offset(zone: ZoneInfo, words: str) -> None:
    assert time_words(DUE_AT, NOW, zone) == words


def test_a_future_instant_is_shown_as_such() -> None:
    assert time_words(int(NOW.timestamp()) + 90, NOW, BERLIN).endswith(", in 1 min 30 s")


@pytest.mark.parametrize("timestamp", [253402300799, 2**64 - 1, -1])
def test_an_instant_beyond_all_dates_is_a_number(timestamp: int) -> None:
    assert time_words(timestamp, NOW, BERLIN) == f"Unix time {timestamp}"


async def test_a_message_stuck_in_a_paused_terminal_is_printed_once() -> None:
    readable, writable = os.pipe()
    with os.fdopen(writable, "w", encoding="utf-8") as file, os.fdopen(readable, "rb", buffering=0) as reader:
        fill(writable)
        provider = provider_on(file, first_timeout=0.05)
        first, second = notice(), notice(Change.RESOLVED)
        for _ in range(3):
            answer = await provider.send(first, None)
            assert isinstance(answer, TryLater)
            assert "was not read" in answer.reason
        sending = asyncio.create_task(until_sent(provider, first))
        read = await asyncio.to_thread(reader.read, 1 << 20)
        await sending
        await until_sent(provider, second)
        file.close()
        read += await asyncio.to_thread(read_all, reader)
    text = read.lstrip(b"x").decode()
    assert (text.count(" CRITICAL "), text.count(" RESOLVED ")) == (1, 1)


async def test_a_stdout_whose_reader_is_gone_is_tried_later() -> None:
    readable, writable = os.pipe()
    os.close(readable)
    with os.fdopen(writable, "w", encoding="utf-8") as file:
        assert await provider_on(file).send(notice(), None) == TryLater("stdout cannot be written to (broken pipe)")


async def test_two_senders_on_a_paused_terminal_print_once_each() -> None:
    readable, writable = os.pipe()
    with os.fdopen(writable, "w", encoding="utf-8") as file, os.fdopen(readable, "rb", buffering=0) as reader:
        fill(writable)
        provider = provider_on(file, first_timeout=0.05)
        first, second = notice(), notice(Change.RESOLVED)
        answers = await asyncio.gather(*(provider.send(notified, None) for notified in (first, second, first, second)))
        assert all(isinstance(answer, TryLater) for answer in answers)
        reading = asyncio.create_task(asyncio.to_thread(read_all, reader))
        # The bulletin's turn comes first, then the alert that was printed late, then the bulletin's next try.
        for sent in (second, first, second):
            await until_sent(provider, sent)
        file.close()
        text = (await reading).lstrip(b"x").decode()
    assert (text.count(" CRITICAL "), text.count(" RESOLVED ")) == (1, 2)


def fill(descriptor: int) -> None:
    """Write to a pipe until it takes nothing more."""
    os.set_blocking(descriptor, False)
    with suppress(BlockingIOError):
        while True:
            os.write(descriptor, b"x" * 4096)


def read_all(reader: io.RawIOBase) -> bytes:
    """All that comes until the writer leaves."""
    return b"".join(iter(lambda: reader.read(1 << 20) or b"", b""))
