import io
import json
import sqlite3
from pathlib import Path

import aiohttp
import pytest

from tests.reporting.api_client import TRANSFERS, get


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/transfers/", "/static/page.py", "/x"])
async def test_a_path_that_there_is_not_is_404_in_json(client: aiohttp.ClientSession, path: str) -> None:
    assert await get(client, path, 404) == {"error": "nothing is served at this path"}


@pytest.mark.parametrize("path", ["/", "/transfers", "/alerts", "/pathways/here/there", f"/transfers/0x{'ab' * 32}"])
async def test_a_page_refuses_in_words_on_a_page(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(f"{path}?utm=1") as response:
        assert (response.status, response.content_type) == (400, "text/html")
        assert "Unknown parameter utm" in await response.text()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_another_method_is_405_in_json(client: aiohttp.ClientSession, method: str) -> None:
    async with client.request(method, TRANSFERS) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD"
        assert "read-only" in (await response.json())["error"]


@pytest.mark.parametrize("path", [TRANSFERS, "/x", f"{TRANSFERS}?limit=0", "/healthz"])
async def test_every_answer_forbids_browsers_to_guess_keep_or_run_it(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert response.content_type == "application/json"
        assert "aiohttp" not in response.headers["Server"]


async def test_a_fault_is_500_without_details_and_logged(
    client: aiohttp.ClientSession, database: Path, log: io.StringIO
) -> None:
    with sqlite3.connect(database) as broken:
        broken.execute("ALTER TABLE transfers RENAME TO gone")
    broken.close()
    body = await get(client, TRANSFERS, 500)
    assert body == {"error": "this could not be answered; the monitor's log says why"}
    logged = json.loads(log.getvalue())
    assert logged["event"] == "an HTTP request failed"
    assert "no such table" in logged["exception"]
