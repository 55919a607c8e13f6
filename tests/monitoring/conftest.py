"""Both transports, for the claims that hold for either."""

import pytest

from tests.monitoring.nodes import Transport


@pytest.fixture(params=["ws", "http"])
def transport(request: pytest.FixtureRequest) -> Transport:
    return Transport(request.param)
