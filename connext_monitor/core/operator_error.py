"""Errors whose text is all that the person who started the program needs."""

from typing import ClassVar


class OperatorError(Exception):
    """Says what is wrong and what to do about it, without secrets; nobody needs its traceback."""

    exit_code: ClassVar[int] = 1
    """How the program exits where this is what ends it."""
