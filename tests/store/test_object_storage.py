"""Copies in S3-compatible storage, on a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from connext_monitor.config import SecretUrl, read_bucket
from connext_monitor.store.backup_copy import BackupError
from connext_monitor.store.object_storage import ObjectStorage
from tests.store.s3 import BUCKET, CREDENTIALS, Bucket, s3
from tests.world.loopback import closed

NAMES = [f"monitor-2026112{day}T000000Z.db" for day in range(4)]


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with s3() as running:
        yield running


def storage(endpoint: str, url: str = f"s3://{BUCKET}/some/prefix") -> ObjectStorage:
    return ObjectStorage(read_bucket(url), SecretUrl(endpoint))


async def test_uploads_arrive_whole_and_the_oldest_go(bucket: Bucket, tmp_path: Path) -> None:
    for key in ("some/prefix/notes.txt", f"some/prefix/deeper/{NAMES[0]}", f"some/{NAMES[0]}"):
        bucket.client.put_object(Bucket=BUCKET, Key=key, Body=b"mine")
    others = bucket.keys()
    there = storage(bucket.endpoint)
    for number, name in enumerate(NAMES):
        # More than one part of a multipart upload.
        (tmp_path / name).write_bytes(bytes([number]) * 9_000_000)
        await there.put(tmp_path / name, stem="monitor", keep=2)
    assert sorted(bucket.keys()) == sorted([*others, *(f"some/prefix/{name}" for name in NAMES[2:])])
    await there.fetch(f"some/prefix/{NAMES[3]}", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == (tmp_path / NAMES[3]).read_bytes()


async def test_credentials_that_end_with_a_line_break_are_taken_without_it(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, f"{CREDENTIALS[name]}\r\n")
    (tmp_path / NAMES[0]).write_bytes(b"x")
    await storage(bucket.endpoint).put(tmp_path / NAMES[0], stem="monitor", keep=2)
    assert bucket.keys() == [f"some/prefix/{NAMES[0]}"]


async def test_a_failed_upload_is_explained_without_a_secret(bucket: Bucket, tmp_path: Path) -> None:
    file = tmp_path / NAMES[0]
    file.write_bytes(b"x")
    with pytest.raises(BackupError, match="s3://elsewhere/x does not exist"):
        await storage(bucket.endpoint, "s3://elsewhere/x").put(file, stem="monitor", keep=2)
    with pytest.raises(BackupError, match="no such object"):
        await storage(bucket.endpoint).fetch("some/prefix/nothing", tmp_path / "fetched")
    with pytest.raises(BackupError, match="could not be reached"):
        await storage("http://127.0.0.1:9").put(file, stem="monitor", keep=2)


async def test_what_a_server_quotes_back_is_not_shown(tmp_path: Path) -> None:
    async def refuse(request: web.Request) -> web.Response:
        said = f"{request.headers['Authorization']} {CREDENTIALS['AWS_SECRET_ACCESS_KEY']}"
        return web.Response(status=403, text=f"<Error><Code>SignatureDoesNotMatch</Code><S>{said}</S></Error>")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    file = tmp_path / NAMES[0]
    file.write_bytes(b"x")
    port = runner.addresses[0][1]
    with pytest.raises(BackupError) as caught:
        await storage(f"http://127.0.0.1:{port}").put(file, stem="monitor", keep=2)
    await closed(runner)
    assert str(caught.value) == f"s3://{BUCKET}/some/prefix is not open to these credentials"
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
