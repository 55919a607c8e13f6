"""The API, asked as a client asks it."""

from typing import Any

import aiohttp

TRANSFERS = "/api/v1/transfers"
STATS = "/api/v1/stats"


async def get(client: aiohttp.ClientSession, path: str, expected: int = 200) -> Any:
    async with client.get(path) as response:
        body = await response.json()
        assert response.status == expected, body
        return body
