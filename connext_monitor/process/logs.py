"""Logging: one line for each event, on a terminal for people, else as JSON.

Chain data and vendors' answers are logged too, and are hostile: no value of theirs may begin a line of its own, move a
terminal's cursor or turn its text around. URLs are cut to scheme and host, as a second net: endpoints and webhooks
carry secrets in their paths, and a library may put one into an error's text. The first net is that nobody logs a
secret.
"""

import json
import logging
import math
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from connext_monitor.core.database_trouble import is_store_unavailable
from connext_monitor.core.printable import escape, redact
from connext_monitor.process import standard_streams
from connext_monitor.process.first_record import FirstRecord

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "console", "json"]

# The keys that structlog gives to a traceback and to a stack: the only values of more than one line.
_BLOCKS = frozenset({"exception", "stack"})


def configure_logging(
    log_level: LogLevel,
    log_format: LogFormat,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Send the program's log from ``log_level`` on, and the libraries' from warnings on, to ``stream`` (stderr).

    ``auto`` is ``console`` on a terminal and ``json`` elsewhere. Colour only on a terminal, and not with NO_COLOR.
    Calling it again replaces what the last call set. A line that cannot be written is lost: logging never stops the
    program, nor does it ever wait once stderr is ours (`standard_streams`).
    """
    stream = sys.stderr if stream is None else stream
    terminal = stream.isatty()
    level = logging.getLevelNamesMapping()[log_level.upper()]
    if log_format == "console" or (log_format == "auto" and terminal):
        last = _console(colors=terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb")
    else:
        last = [_redacted, _json_line]
    handler = _LineHandler(stream, last)
    _replace_handler(handler, level)
    standard_streams.stderr_outlet.notice = handler.dropped
    structlog.configure(
        processors=[
            _spoken_for,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_names: logging.getLogger("connext_monitor"),
        cache_logger_on_first_use=False,
    )


class _LineHandler(logging.Handler):
    """Writes a line for each record, and never raises: neither for odd values nor for a stream that is gone."""

    def __init__(self, stream: TextIO, last: list[Processor]) -> None:
        super().__init__()
        self._stream = stream
        self.setFormatter(
            ProcessorFormatter(
                foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name],
                processors=[
                    ProcessorFormatter.remove_processors_meta,
                    structlog.processors.TimeStamper(fmt="iso", utc=True),
                    structlog.processors.StackInfoRenderer(),
                    structlog.processors.format_exc_info,
                    *last,
                ],
            )
        )

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception as error:  # noqa: BLE001 - whatever a value does when it is printed, the program goes on
            line = self.format(_lost(record, error))
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        with suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
            self._stream.flush()

    def dropped(self, lines: int) -> str:
        """The line that says how many could not be written."""
        words = f"{lines} log lines were dropped because stderr was not read"
        values = {"name": "connext_monitor", "levelname": "WARNING", "levelno": logging.WARNING, "msg": words}
        return self.format(logging.makeLogRecord(values)) + "\n"


def _spoken_for(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Leave out that some part could not use the database: the database watch says so for all of them, once a minute.

    There are twenty such parts, and some try four times a second.
    """
    error = event.get("exc_info")
    if is_store_unavailable(sys.exc_info()[1] if error is True else error):
        raise structlog.DropEvent
    return event


def _lost(record: logging.LogRecord, error: Exception) -> logging.LogRecord:
    """What is logged in the place of a record that cannot be: its logger and level, nothing of its contents."""
    message = f"a log line could not be made ({type(error).__name__})"
    return logging.makeLogRecord({"name": record.name, "levelname": record.levelname, "msg": message})


def _replace_handler(handler: _LineHandler, level: int) -> None:
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, _LineHandler | FirstRecord)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("connext_monitor").setLevel(level)


def _console(*, colors: bool) -> list[Processor]:
    # Exceptions come as text already; should one not, structlog's own default would show the values of locals.
    plain = structlog.dev.plain_traceback
    return [_redacted, _on_lines, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]


def _redacted(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {redact(key): _plain(value) for key, value in event.items()}


def _plain(value: object) -> object:
    """The value as text, numbers, lists and mappings, its URLs cut."""
    if isinstance(value, Mapping):
        return {redact(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    # JSON has no infinity, and nothing that is not a number.
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return redact(_text(value))


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    return f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else str(value)


def _on_lines(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {escape(key): _block(value) if key in _BLOCKS else _on_line(value) for key, value in event.items()}


def _on_line(value: object) -> object:
    if isinstance(value, str):
        return escape(value)
    return value if value is None or isinstance(value, int | float) else escape(repr(value))


def _block(value: object) -> str:
    # Each line of a traceback stands behind a bar, so that no text in an error can pass for a line of the log.
    return "\n".join(f"    | {escape(line)}" for line in str(value).split("\n"))


def _json_line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    # Everything but printable ASCII is escaped, so that nothing is left for a terminal to act upon.
    return json.dumps(event, ensure_ascii=True)
