import io
import json
import logging
import os
import pty
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import TextIO

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.printable import redact
from connext_monitor.process.logs import LogFormat, configure_logging

FORMATS: list[LogFormat] = ["console", "json"]
# What an attacker would put into a symbol or an error's text.
HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\n\r\t\x00\x07\x1b\x7f\x85\x9b\u2028\u2029\u202e\u2066\u200b\ufeff\ud800"),
    ),
    max_size=40,
)
URL_TAIL = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters='"<>'), max_size=20)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    configured = structlog.get_config()
    root = logging.getLogger()
    handlers, level, own = list(root.handlers), root.level, logging.getLogger("connext_monitor").level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("connext_monitor").setLevel(own)
    structlog.configure(**configured)


def log_to_text(log_format: LogFormat, message: str, **values: object) -> str:
    stream = io.StringIO()
    configure_logging("info", log_format, stream)
    structlog.get_logger().info(message, **values)
    return stream.getvalue()


def fail(message: str) -> None:
    raise ValueError(message)


def raised(message: str) -> Exception:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - any text may come
        fail(message)
    return caught.value


def breaks_its_line(text: str) -> bool:
    return not text.endswith("\n") or any(not char.isprintable() for char in text[:-1])


@given(event=HOSTILE, value=HOSTILE, inner=HOSTILE, log_format=st.sampled_from(FORMATS))
def test_no_value_breaks_out_of_its_line(event: str, value: str, inner: str, log_format: LogFormat) -> None:
    line = log_to_text(
        log_format, event, value=value, items=[inner, {inner: inner}], error=ValueError(inner), set={inner}
    )
    assert not breaks_its_line(line)


@given(text=HOSTILE, log_format=st.sampled_from(FORMATS))
def test_no_library_message_breaks_out_of_its_line(text: str, log_format: LogFormat) -> None:
    stream = io.StringIO()
    configure_logging("info", log_format, stream)
    logging.getLogger("aiohttp.client").warning("failed: %s", text)
    assert not breaks_its_line(stream.getvalue())


@given(text=HOSTILE)
def test_every_line_of_a_traceback_on_the_console_stands_behind_a_bar(text: str) -> None:
    first, *rest = log_to_text("console", "failed", exc_info=raised(text)).removesuffix("\n").split("\n")
    assert first.isprintable()
    assert all(line.startswith("    | ") and line.isprintable() for line in rest)


@given(text=HOSTILE)
def test_a_traceback_in_json_is_on_the_line(text: str) -> None:
    assert not breaks_its_line(log_to_text("json", "failed", exc_info=raised(text)))


@given(text=HOSTILE.filter(lambda text: "://" not in text))
def test_json_gives_the_text_back_as_it_was(text: str) -> None:
    assert json.loads(log_to_text("json", "event", value=text))["value"] == text


@given(
    scheme=st.sampled_from(["http", "https", "wss", "s3", "HTTPS"]),
    user=st.sampled_from(["", "user:s3cr3t@", "s3cr3t@"]),
    before=URL_TAIL,
    after=URL_TAIL,
    log_format=st.sampled_from(FORMATS),
)
def test_no_line_holds_more_of_a_url_than_its_host(
    scheme: str, user: str, before: str, after: str, log_format: LogFormat
) -> None:
    url = f"{scheme}://{user}host.example:8545/{before}s3cr3t{after}"
    line = log_to_text(
        log_format, f"at {url}", url=url, items=[url], table={url: url}, error=OSError(url), exc_info=raised(f"<{url}>")
    )
    assert "s3cr3t" not in line
    assert f"{scheme}://host.example:8545" in line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("wss://node.example/v3/KEY", "wss://node.example"),
        ("https://node.example?key=KEY", "https://node.example"),
        ("https://node.example#KEY", "https://node.example"),
        ("http://[::1]:8545/KEY", "http://[::1]:8545"),
        ("https://a@b@node.example/KEY", "https://node.example"),
        ('say "https://node.example/KEY" twice', 'say "https://node.example" twice'),
        ("https://one.example/KEY https://two.example/KEY", "https://one.example https://two.example"),
        ("https://one.example/?to=https://two.example/KEY", "https://one.example"),
        ("0x://", "0x://"),
    ],
)
def test_a_url_is_cut_to_its_host(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_a_long_host_stays_whole() -> None:
    text = "a://" + "b" * 1_000_000
    assert redact(text) == text


def test_a_library_error_is_logged_with_its_traceback_redacted() -> None:
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    logging.getLogger("asyncio").error("task failed", exc_info=raised("no answer from wss://node.example/" + "KEY"))
    assert json.loads(stream.getvalue())["exception"].endswith("ValueError: no answer from wss://node.example")


@pytest.mark.parametrize("library", ["aiohttp.access", "websockets.client", "asyncio", "alembic", "sqlalchemy.engine"])
def test_a_library_is_heard_from_warnings_on(library: str) -> None:
    stream = io.StringIO()
    configure_logging("debug", "json", stream)
    logging.getLogger(library).info("small talk")
    logging.getLogger(library).warning("trouble")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["trouble"]


@pytest.mark.parametrize(("level", "heard"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_says_what_is_logged(level: str, heard: int) -> None:
    stream = io.StringIO()
    configure_logging(level, "json", stream)  # type: ignore[arg-type] # the parameter is one of the four
    log = structlog.get_logger()
    for method in (log.debug, log.info, log.warning, log.error):
        method("event")
    assert len(stream.getvalue().splitlines()) == heard


def test_a_json_line_says_when_in_utc_how_bad_and_what() -> None:
    line = json.loads(log_to_text("json", "chain is caught up", chain="ethereum", block=7))
    when = datetime.fromisoformat(line.pop("timestamp"))
    assert when.tzinfo == UTC
    assert line == {"event": "chain is caught up", "level": "info", "chain": "ethereum", "block": 7}


def test_what_json_cannot_hold_is_written_as_text() -> None:
    line = log_to_text("json", "odd", ratio=float("inf"), hash=b"\x01\xff", when=datetime(2026, 1, 2, tzinfo=UTC))
    odd = json.loads(line, parse_constant=pytest.fail)
    assert (odd["ratio"], odd["hash"], odd["when"]) == ("inf", "0x01ff", "2026-01-02 00:00:00+00:00")


def test_bound_context_is_on_the_line() -> None:
    with structlog.contextvars.bound_contextvars(chain="base"):
        assert json.loads(log_to_text("json", "event"))["chain"] == "base"


class Unprintable:
    def __str__(self) -> str:
        msg = "no"
        raise RuntimeError(msg)


def test_a_value_that_cannot_be_printed_costs_only_its_line() -> None:
    assert "a log line could not be made (RuntimeError)" in log_to_text("console", "event", value=Unprintable())


def test_a_value_within_itself_costs_only_its_line() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert "a log line could not be made (RecursionError)" in log_to_text("json", "event", value=endless)


def test_a_badly_made_library_message_shows_nothing_of_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(logging.getLogger(), "handlers", [])  # pytest's own handler would raise
        configure_logging("info", "console", stream)
        logging.getLogger("aiohttp").warning("%d tries", "https://node.example/KEY")
    assert "KEY" not in stream.getvalue()
    assert "could not be made" in stream.getvalue()


def test_logging_to_a_closed_stream_does_not_raise() -> None:
    stream = io.StringIO()
    configure_logging("info", "console", stream)
    stream.close()
    structlog.get_logger().info("nobody hears this")


def test_a_stream_without_unicode_gets_escapes() -> None:
    raw = io.BytesIO()
    configure_logging("info", "console", io.TextIOWrapper(raw, encoding="ascii"))
    structlog.get_logger().info("café")
    assert b"caf\\xe9" in raw.getvalue()


def test_configuring_twice_logs_once() -> None:
    first = io.StringIO()
    configure_logging("info", "json", first)
    assert len(log_to_text("json", "event").splitlines()) == 1
    assert first.getvalue() == ""


def test_auto_is_json_where_there_is_no_terminal() -> None:
    assert json.loads(log_to_text("auto", "event"))["event"] == "event"


def on_a_terminal(log_format: LogFormat, environ: dict[str, str]) -> str:
    reader, writer = pty.openpty()
    with closing(open_writer(writer)) as stream:
        configure_logging("info", log_format, stream, environ)
        structlog.get_logger().info("event", value="\x1b[2J")
        text = os.read(reader, 4096).decode()
    os.close(reader)
    return text


def open_writer(descriptor: int) -> TextIO:
    return os.fdopen(descriptor, "w")


def test_auto_is_coloured_console_on_a_terminal() -> None:
    assert re.search(r"\x1b\[[0-9;]*m", on_a_terminal("auto", {}))


def test_colour_is_the_only_escape_on_a_terminal() -> None:
    assert "\x1b" not in re.sub(r"\x1b\[[0-9;]*m", "", on_a_terminal("console", {}))


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_can_be_refused(environ: dict[str, str]) -> None:
    assert "\x1b" not in on_a_terminal("auto", environ)


def test_json_on_a_terminal_has_no_colour() -> None:
    assert "\x1b" not in on_a_terminal("json", {})
