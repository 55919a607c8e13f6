"""How many files and sockets the process may have open, and who gets how many of them."""

import resource
from typing import Final

_ENOUGH: Final = 4096
_KEPT: Final = 64
"""For the database, endpoints, channels and backups, before anybody who asks over HTTP gets a connection."""
_MOST_CONNECTIONS: Final = 256
_LEAST_CONNECTIONS: Final = 8


def raise_limit() -> int:
    """Raise the limit of open files to what is enough, as far as it may be; returns what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= _ENOUGH:
        return _ENOUGH
    raised = _ENOUGH if hard == resource.RLIM_INFINITY else min(_ENOUGH, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    except (OSError, ValueError):
        return soft
    return raised


def web_connections(limit: int) -> int:
    """How many connections the web server may have, of so many files that may be open."""
    return max(_LEAST_CONNECTIONS, min(_MOST_CONNECTIONS, (limit - _KEPT) // 2))
