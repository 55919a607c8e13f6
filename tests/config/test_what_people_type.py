"""Secrets and addresses as an environment has them: taken, or refused at the start, and never first by an alert."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from connext_monitor.alerting.heartbeat import Heartbeat
from connext_monitor.alerting.providers import PROVIDER_TYPES, build_providers, check_provider, provider_type
from connext_monitor.clock import SystemClock
from connext_monitor.config import BaseUrl, Bucket, Config, ConfigError, SecretText, SecretUrl, ServiceUrl, load_config
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.json_rpc import RpcError
from connext_monitor.store.backup_copy import BackupError
from connext_monitor.store.object_storage import ObjectStorage
from tests.alerting.providers.contract import BASE, SecretKey, contracts
from tests.world.alerts import LABELS, notice
from tests.world.examples import examples

CHAIN = '[chains.ethereum]\nendpoints = ["ws://127.0.0.1:9"]\n'


async def alert(config: Config) -> None:
    """Send an alert through the only channel."""
    [built] = build_providers(config.alert_providers, file=config.file, labels=LABELS, clock=SystemClock())
    try:
        await built.provider.send(notice(), None)
    finally:
        await built.provider.aclose()


async def beat(config: Config) -> None:
    assert config.heartbeat.url is not None
    heart = Heartbeat(config.heartbeat.url, 60, lambda: None, SystemClock())
    await heart.beat()
    await heart.aclose()


async def upload(config: Config) -> None:
    with suppress(BackupError):
        await ObjectStorage(Bucket("bucket", ""), config.backup.endpoint).fetch("x", config.file.parent / "x")


async def ask(config: Config) -> None:
    try:
        async with open_endpoint(config.chains["base"].endpoints[0]) as endpoint:
            await endpoint.chain_id()
    except RpcError:
        pass


@dataclass(frozen=True)
class Slot:
    """A key that takes a secret or an address: the TOML around it, a good value, and what then uses it."""

    key: str
    toml: str
    good: str
    use: Callable[[Config], Awaitable[None]] = alert
    ascii_only: bool = True
    kind: type[SecretText] = SecretUrl

    def load(self, value: str, folder: Path) -> Config:
        file = folder / "config.toml"
        file.write_text(self.toml + CHAIN if self.toml.startswith("heartbeat.") else CHAIN + self.toml)
        return load_config(file, {"VALUE": value}, check_provider)

    def refusal(self, value: str, folder: Path) -> str:
        with pytest.raises(ConfigError) as caught:
            self.load(value, folder)
        return str(caught.value)


def secret_type(field: FieldInfo) -> type[SecretText]:
    """The type of secret that a field of a config takes; raises ValueError where it takes none."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, SecretText):
            return kind
    raise ValueError("takes no secret")


def takes_secret(field: FieldInfo) -> bool:
    with suppress(ValueError):
        return bool(secret_type(field))
    return False


def provider(kind: str, secret: SecretKey) -> Slot:
    toml = f'[alert_providers.ops]\ntype = "{kind}"\n{secret.key} = "${{VALUE}}"\n{secret.more}\n'
    field = provider_type(kind).config.model_fields[secret.key]
    return Slot(
        f"alert_providers.ops.{secret.key}", toml, secret.good, ascii_only=secret.ascii_only, kind=secret_type(field)
    )


PROVIDERS = {
    f"{kind} {secret.key}": provider(kind, secret)
    for kind, contract in contracts().items()
    for secret in contract.secrets
}
SLOTS = {
    **PROVIDERS,
    "heartbeat": Slot("heartbeat.url", 'heartbeat.url = "${VALUE}"\n', f"http://{BASE}/beat", beat),
    "backup": Slot("backup.endpoint", '[backup]\nendpoint = "${VALUE}"\n', f"http://{BASE}", upload, kind=ServiceUrl),
    "http endpoint": Slot(
        "chains.base.endpoints[0]", '[chains.base]\nendpoints = ["${VALUE}"]\n', f"http://{BASE}/v3/key", ask
    ),
    "ws endpoint": Slot(
        "chains.base.endpoints[0]", '[chains.base]\nendpoints = ["${VALUE}"]\n', f"ws://{BASE}/v3/key", ask
    ),
}
_PROVIDER = re.compile(r'\[alert_providers.ops\]\ntype = "(\w+)"\n(\w+) = ')
URLS = {name: slot for name, slot in SLOTS.items() if slot.good.startswith(("http", "ws:"))}


def secret_keys() -> set[tuple[str, str]]:
    """Every provider's type with each of its keys that takes a secret or an address."""
    return {
        (name, key)
        for name in PROVIDER_TYPES
        for key, field in provider_type(name).config.model_fields.items()
        if takes_secret(field)
    }


def test_every_secret_and_address_of_a_provider_is_tried() -> None:
    tried = {(match[1], match[2]) for slot in SLOTS.values() if (match := _PROVIDER.match(slot.toml))}
    assert secret_keys() == tried


@pytest.fixture(params=list(SLOTS))
def slot(request: pytest.FixtureRequest) -> Slot:
    return SLOTS[request.param]


@pytest.fixture(params=list(URLS))
def url_slot(request: pytest.FixtureRequest) -> Slot:
    return URLS[request.param]


AROUND = [
    "{}\n",
    "{}\r\n",
    "{}\r",
    " {}",
    "\t{} \n\n",
    "\ufeff{}\r\n",
    "{}\u00a0",
    "\u200b{}\u200b",
    "{}\u2028",
    "{}\v",
]


@pytest.mark.parametrize("form", AROUND, ids=ascii)
def test_what_echo_and_editors_leave_around_a_value_is_taken_off(slot: Slot, form: str, tmp_path: Path) -> None:
    assert slot.load(form.format(slot.good), tmp_path) == slot.load(slot.good, tmp_path)


@pytest.mark.parametrize(
    "sign", ["\n", "\r\n", "\t", "\x1b[2J", "\x7f", "\u2028", "\u200b", "\u202e", "\x01"], ids=ascii
)
def test_a_character_that_no_request_can_carry_is_refused(slot: Slot, sign: str, tmp_path: Path) -> None:
    words = slot.refusal(slot.good[:-3] + sign + slot.good[-3:], tmp_path)
    assert words.startswith(f"{tmp_path / 'config.toml'}: {slot.key}: ")
    assert "(it comes from the environment variable VALUE); " in words
    assert slot.good[-6:-3] not in words.partition(slot.key)[2]


@pytest.mark.parametrize("value", ["", " ", "\n", "\ufeff"], ids=ascii)
def test_nothing_at_all_is_refused(slot: Slot, value: str, tmp_path: Path) -> None:
    assert f"{slot.key}: " in slot.refusal(value, tmp_path)


@pytest.mark.parametrize("quote", "\"'")
def test_quotes_that_belong_to_the_shell_are_refused(slot: Slot, quote: str, tmp_path: Path) -> None:
    assert f"{slot.key}: " in slot.refusal(f"{quote}{slot.good}{quote}", tmp_path)


def test_letters_beyond_ascii_are_refused(slot: Slot, tmp_path: Path) -> None:
    if slot.ascii_only:
        assert f"{slot.key}: " in slot.refusal(f"{slot.good}é", tmp_path)


def test_bytes_that_are_no_text_are_refused(slot: Slot, tmp_path: Path) -> None:
    assert "VALUE is not valid UTF-8" in slot.refusal(f"{slot.good}\udcff", tmp_path)


NO_HOSTS = [
    "", ":1", "user@", "user@:1", ".", "a..b", "-a", "a-", "a.-b.c", "a" * 64, ".".join(["abcdefgh"] * 30), "1.2.3",
    "256.1.1.1", "1.2.3.4.5", "[::1", "::1", "fe80::1", "[fe80::1%25eth0]", "[v1.x]", "[127.0.0.1]", "[::1]x", "[]",
    "x[::1]", "a%20b", "a,b", "a b", "höst", "\u2488com", "h:99999", "h:-1", "h:x", "h:0", "h:\u0663", "a@b@h", "%@h",
    "u:p%0Aq@h", "u%3A:p@h", "ü:p@h", "%C4%80@h",
]  # fmt: skip


@pytest.mark.parametrize("host", NO_HOSTS, ids=ascii)
def test_a_host_that_cannot_be_asked_is_refused(url_slot: Slot, host: str, tmp_path: Path) -> None:
    slot = url_slot
    words = slot.refusal(slot.good.replace(BASE, host), tmp_path)
    assert f"{slot.key}: " in words


@pytest.mark.parametrize("host", ["localhost", "[::1]:8", "a_b", "xn--hst-sna.example", "h.", "H"])
def test_any_other_host_is_taken(url_slot: Slot, host: str, tmp_path: Path) -> None:
    url_slot.load(url_slot.good.replace(BASE, host), tmp_path)


@pytest.mark.parametrize("user", ["key@", "u:p%C3%A9@"])
def test_a_user_name_is_taken_where_nothing_else_says_who_asks(url_slot: Slot, user: str, tmp_path: Path) -> None:
    value = url_slot.good.replace("://", f"://{user}")
    if issubclass(url_slot.kind, ServiceUrl):
        assert "has a user name or a password" in url_slot.refusal(value, tmp_path)
    else:
        url_slot.load(value, tmp_path)


@pytest.mark.parametrize("end", ["#", "#x", "?a=b#", "|", "^", "`", "{}", "\\", "<", ">", '"', " "], ids=ascii)
def test_an_address_with_what_no_url_has_is_refused(url_slot: Slot, end: str, tmp_path: Path) -> None:
    assert f"{url_slot.key}: " in url_slot.refusal(f"{url_slot.good}{end}x", tmp_path)


@pytest.mark.parametrize("name", [name for name, slot in SLOTS.items() if issubclass(slot.kind, BaseUrl)])
def test_an_address_that_a_path_is_added_to_has_no_query(name: str, tmp_path: Path) -> None:
    assert 'has a "?" part' in SLOTS[name].refusal(f"{SLOTS[name].good}?a=b", tmp_path)


def test_credentials_that_no_request_can_carry_are_refused_where_something_is_uploaded(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'{CHAIN}[backup]\nupload = "s3://bucket/x"')
    with pytest.raises(ConfigError, match="AWS_SECRET_ACCESS_KEY contains characters that no request can carry"):
        load_config(file, {"AWS_SECRET_ACCESS_KEY": "a\nb"})
    load_config(file, {"AWS_SECRET_ACCESS_KEY": "a/b+c=\n"})


# --- whatever passes is put into a real request ---


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
