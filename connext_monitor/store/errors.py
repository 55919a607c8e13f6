"""What keeps the database from being used, as errors for people: each message names the file and says what to do."""

from typing import Self

from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable
from connext_monitor.core.operator_error import OperatorError


class DatabaseError(OperatorError):
    """The database file cannot be used; the message names it and says what to do."""


class DatabaseInUseError(DatabaseError):
    """Another monitor works on the database; the message says what to do.

    ``elsewhere`` is True where it knows the file by another name, and keeps another log of changes beside that.
    """

    def __init__(self, message: str, *, elsewhere: bool = False) -> None:
        super().__init__(message)
        self.elsewhere = elsewhere

    @classmethod
    def of(cls, database: object, by: str = "another monitor", *, elsewhere: bool = False) -> Self:
        """That ``by`` works on it."""
        words = f"{database} is in use by {by}; stop that one, or name another monitor.database"
        return cls(words, elsewhere=elsewhere)


class DatabaseUnavailableError(DatabaseError, StoreUnavailable):
    """The database cannot be used now: the disk is full, or another program holds its lock."""


class TermOverError(DatabaseUnavailableError):
    """This instance may not write any more: another one owns the work, or it is not known what the server has kept.

    What it remembers is to be thrown away, and everything read anew.
    """


class DatabaseNotOpenedError(DatabaseError, StoreUnavailable):
    """The database cannot be opened; the message names it and says what to do."""

    def __init__(self, message: str, trouble: DatabaseTrouble) -> None:
        super().__init__(trouble)
        self.args = (message,)
