"""Ports for servers that a test starts later."""

import os
import random
import socket

_PORTS = range(10_000, 32_000)
"""Below those that a kernel gives to clients, which would take a free one before its server does."""

_APART = 16
"""Processes of tests begun one after the other never draw the same port: a server takes its own only later."""


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    while True:
        port = random.choice(_PORTS[os.getpid() % _APART :: _APART])  # noqa: S311 - several runs at once shall meet seldom
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
