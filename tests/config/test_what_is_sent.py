"""Whatever secret or address passes is put into a real request."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.config import ConfigError
from tests.alerting.providers.contract import BASE
from tests.config.typed_slots import PROVIDERS, SLOTS, URLS, Slot
from tests.world.examples import examples


class Listener:
    """Takes requests on loopback, whole heads of HTTP only, and answers each that it has no use for it."""

    def __init__(self) -> None:
        self.heads: list[str] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Listener, int]]:
    listener = Listener()
    server = await asyncio.start_server(listener.take, "127.0.0.1", 0)
    async with server:
        yield listener, server.sockets[0].getsockname()[1]


# Also what is no text at first sight, and what reads like the parts of an address.
PIECES = st.sampled_from(
    [
        "%",
        "%zz",
        "%0d%0a",
        "%00",
        "%ff",
        "%C3%A9",
        "/",
        "//",
        "..",
        "/../",
        "?",
        "&",
        "=",
        "@",
        ":",
        ";",
        "[",
        "]",
        "+",
        "é",
        "\n",
        "~",
        "x",
    ]
)
TEXT = st.lists(PIECES | st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=5).map("".join)


# Without what would begin a path, and so make another host of it.
USER = TEXT.map(lambda text: re.sub(r"[/?#]", "", text) + "@")


async def is_sent(name: str, value: str) -> bool:
    """Whether it passes the check; then a request must come of it."""
    slot = SLOTS[name]
    with TemporaryDirectory() as folder:
        async with listening() as (listener, port):
            here = f"127.0.0.1:{port}"
            placed = Slot(slot.key, slot.toml.replace(BASE, here), slot.good, slot.use)
            try:
                config = placed.load(value.replace(BASE, here), Path(folder))
            except ConfigError:
                return False
            await slot.use(config)
            assert listener.heads, "it passed, and no request came of it"
            assert re.match(r"(GET|POST) /[!-~]* HTTP/1\.1\r\n", listener.heads[0])
            return True


@pytest.mark.parametrize("name", sorted(URLS.keys() - {"backup"}))
@examples(40)
@given(user=st.just("") | USER, rest=TEXT)
async def test_an_address_that_passes_is_asked(name: str, user: str, rest: str) -> None:
    good = SLOTS[name].good
    await is_sent(name, (f"{good}{rest}" if "webhooks" not in good else good).replace("://", f"://{user}"))


@pytest.mark.parametrize("name", [name for name in PROVIDERS if "url" not in name])
@examples(40)
@given(value=TEXT | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40))
async def test_a_token_that_passes_is_sent(name: str, value: str) -> None:
    await is_sent(name, value)


@pytest.mark.parametrize("name", list(SLOTS))
async def test_a_good_value_made_with_echo_is_sent(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(variable, "x")
    assert await is_sent(name, f"{SLOTS[name].good}\r\n")
