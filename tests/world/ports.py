"""Ports for servers that a test starts later."""

import random
import socket

_PORTS = range(20_000, 32_000)
"""Below those that a kernel gives to clients, which would take a free one before its server does."""


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    while True:
        port = random.choice(_PORTS)  # noqa: S311 - several runs at once shall meet seldom
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
