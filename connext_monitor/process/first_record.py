"""Logging for commands that hardly ever log: it is set up when somebody does."""

import logging


class FirstRecord(logging.Handler):
    """Sets the log up when the first record comes, and hands the record on."""

    def emit(self, record: logging.LogRecord) -> None:
        """Take care of the record."""
        from connext_monitor.process.logs import configure_logging  # noqa: PLC0415 - loads structlog, and rich with it

        configure_logging("warning", "auto")
        logging.getLogger().handle(record)


def configure_logging_at_first_record() -> None:
    """Send what libraries log, from warnings on, to stderr, with the secrets and control characters cut from it."""
    logging.getLogger().addHandler(FirstRecord())
