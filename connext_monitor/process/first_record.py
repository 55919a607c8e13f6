"""Logging for commands that hardly ever log: it is set up when somebody does."""

import logging
from collections.abc import Callable


class FirstRecord(logging.Handler):
    """Has the log set up by ``configure`` when the first record comes, and hands the record on."""

    def __init__(self, configure: Callable[[], None]) -> None:
        super().__init__()
        self._configure = configure

    def emit(self, record: logging.LogRecord) -> None:
        """Take care of the record."""
        self._configure()
        logging.getLogger().handle(record)


def configure_logging_at_first_record(configure: Callable[[], None]) -> None:
    """Send what libraries log to what ``configure`` sets up, which must remove this: `logs.configure_logging` does."""
    logging.getLogger().addHandler(FirstRecord(configure))
