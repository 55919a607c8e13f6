"""Copies in S3-compatible storage, put there and fetched by obstore: an extra, ``connext-monitor[backup]``.

The credentials come from the environment as obstore reads it (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
``AWS_SESSION_TOKEN``, ``AWS_REGION``, web identity, container and instance roles). What obstore says of a failure may
quote the server's answer, in which key ids and signatures stand, so nothing of its text is shown.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from connext_monitor.config import CREDENTIALS, Bucket, SecretUrl, trimmed
from connext_monitor.core.backups import made_at, superseded
from connext_monitor.store.backup_copy import BackupError

if TYPE_CHECKING:
    from obstore.store import S3Store

_RETRIED_FOR = timedelta(minutes=1)
_CHUNK = 8 << 20

T = TypeVar("T")


class ObjectStorage:
    """One prefix of a bucket. ``endpoint`` is that of a store other than AWS. Raises BackupError only."""

    def __init__(self, bucket: Bucket, endpoint: SecretUrl | None) -> None:
        self._bucket = bucket
        self._endpoint = endpoint
        self._opened: S3Store | None = None

    async def put(self, file: Path, *, stem: str, keep: int) -> None:
        """Store the file under its own name, see that it is there whole, and remove all but the newest ``keep``."""
        import obstore  # noqa: PLC0415 - an extra

        key = self._bucket.key(file.name)
        await self._ask(lambda store: obstore.put_async(store, key, file, chunk_size=_CHUNK, max_concurrency=2))
        there = await self._ask(lambda store: obstore.head_async(store, key))
        if there["size"] != await asyncio.to_thread(lambda: file.stat().st_size):
            raise BackupError(f"{self._bucket} has {file.name} in a different size from the one sent")
        now = made_at(file.name, stem)
        names = superseded(await self._names(), stem, keep, now) if now is not None else []
        old = [self._bucket.key(name) for name in names]
        if old:
            await self._ask(lambda store: obstore.delete_async(store, old))

    async def fetch(self, key: str, target: Path) -> None:
        """Write the object of this key (the whole of it, prefix and all) into a new file."""
        import obstore  # noqa: PLC0415 - an extra

        async def copy(store: "S3Store") -> None:
            answer = await obstore.get_async(store, key)
            with target.open("wb") as file:
                async for chunk in answer.stream(min_chunk_size=_CHUNK):
                    file.write(chunk)

        await self._ask(copy)

    async def _names(self) -> list[str]:
        import obstore  # noqa: PLC0415 - an extra

        async def listed(store: "S3Store") -> list[str]:
            return [item["path"] async for page in obstore.list(store, self._bucket.prefix or None) for item in page]

        # Those at the prefix itself, not below it.
        paths = await self._ask(listed)
        return [name for path in paths if path == self._bucket.key(name := Path(path).name)]

    async def _ask(self, work: "Callable[[S3Store], Awaitable[T]]") -> T:
        try:
            return await work(self._store())
        except BackupError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold what must not be shown
            reason = _words(error)
        raise BackupError(f"{self._bucket} {reason}")

    def _store(self) -> "S3Store":
        if self._opened is None:
            try:
                from obstore.store import S3Store  # noqa: PLC0415 - an extra
            except ImportError:
                raise BackupError("needs pip install 'connext-monitor[backup]'") from None
            options: dict[str, Any] = dict(_trimmed_credentials(os.environ))
            if self._endpoint is not None:
                options["endpoint"] = self._endpoint.get_secret_value()
                options["client_options"] = {"allow_http": self._endpoint.scheme == "http"}
            retry = {"max_retries": 6, "retry_timeout": _RETRIED_FOR}
            self._opened = S3Store(self._bucket.name, retry_config=retry, **options)  # type: ignore[arg-type]
        return self._opened


def _trimmed_credentials(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What of the environment obstore is not to read as it is: a line break after a key, say."""
    for name in CREDENTIALS:
        value = environ.get(name, "")
        if value != trimmed(value):
            yield name.lower(), trimmed(value)


_REASONS = {
    "NotFoundError": "does not exist, or has no such object",
    "FileNotFoundError": "does not exist, or has no such object",
    "PermissionDeniedError": "is not open to these credentials",
    "PermissionError": "is not open to these credentials",
    "UnauthenticatedError": "does not accept these credentials",
    "OSError": "could not be written from or to this machine's disk",
    "GenericError": "could not be reached, or did not answer as it should, or the credentials are incomplete",
}


def _words(error: Exception) -> str:
    """What went wrong, by the kind of the error alone."""
    for kind in type(error).__mro__:
        if kind.__name__ in _REASONS:
            return _REASONS[kind.__name__]
    return f"could not be used ({type(error).__name__})"
