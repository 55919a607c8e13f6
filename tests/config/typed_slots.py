"""Every place of a config where somebody types a secret or an address, and what puts it into a request."""

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest
from pydantic.fields import FieldInfo

from connext_monitor.alerting.heartbeat import Heartbeat
from connext_monitor.alerting.providers import check_provider, provider_type
from connext_monitor.alerting.providers.configured import build_providers
from connext_monitor.clock import SystemClock
from connext_monitor.config import Bucket, Config, ConfigError, SecretText, SecretUrl, ServiceUrl, load_config
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.json_rpc import RpcError
from connext_monitor.store.backup_copy import BackupError
from connext_monitor.store.object_storage import ObjectStorage
from tests.alerting.providers.contract import BASE, SecretKey, contracts
from tests.world.alerts import LABELS, notice

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
        try:
            self.load(value, folder)
        except ConfigError as error:
            return str(error)
        pytest.fail(f"{self.key} takes {value!r}")


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
PROVIDER_TABLE = re.compile(r'\[alert_providers.ops\]\ntype = "(\w+)"\n(\w+) = ')
URLS = {name: slot for name, slot in SLOTS.items() if slot.good.startswith(("http", "ws:"))}
