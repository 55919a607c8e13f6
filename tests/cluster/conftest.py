"""Instances on a real server, and the bridge that they watch."""

from tests.e2e.conftest import bridge
from tests.world.postgres import server

__all__ = ["bridge", "server"]
