"""``backup`` and ``restore``: a copy of the database now, and one put in its place."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import click
from pydantic_core import PydanticCustomError

from connext_monitor.cli.failure import Failure
from connext_monitor.cli.interruptible import complete
from connext_monitor.cli.output import print_json, print_line, say, size_words
from connext_monitor.cli.settings import load
from connext_monitor.clock import SystemClock
from connext_monitor.config import Bucket, Config, read_bucket
from connext_monitor.core.backups import Backup
from connext_monitor.core.documents.command_line import MadeBackup, RestoredDatabase
from connext_monitor.core.formats import rfc3339
from connext_monitor.core.operator_error import OperatorError
from connext_monitor.store.backup_copy import BackupError
from connext_monitor.store.backup_folder import folder_of
from connext_monitor.store.lock import refuse_other_name
from connext_monitor.store.object_storage import ObjectStorage
from connext_monitor.store.restore import Restore, Restored


class ServersAffair(OperatorError):
    """The database is on a PostgreSQL server, whose own ``program`` is to be used."""

    exit_code = 2

    def __init__(self, program: str) -> None:
        super().__init__(
            f"the database is on a PostgreSQL server, and its backups are the server's: use {program}; "
            'docs/operations.md, "Backups of a PostgreSQL database", says how'
        )


@dataclass(frozen=True, slots=True)
class _BackupMade:
    """A backup made by hand: where it is, and whether it was uploaded (None where no upload is configured)."""

    backup: Backup
    path: Path
    uploaded: bool | None
    trouble: str | None


def make_backup(*, as_json: bool) -> None:
    """Make a backup and print where it is. Raises Failure where it could not be uploaded."""
    config = load()
    made = complete(_back_up(config))
    if as_json:
        print_json(_made_document(made, config))
    else:
        counts = f"{made.backup.transfers:,} transfers, {made.backup.alerts:,} alerts"
        print_line(f"{made.path}  {size_words(made.backup.size)}, verified: {counts}")
        if made.uploaded:
            print_line(f"{config.backup.upload}/{made.backup.name}  uploaded")
    if made.trouble is not None:
        raise Failure(f"the copy was made but not uploaded: {made.trouble}")


async def _back_up(config: Config) -> _BackupMade:
    table = config.backup
    refuse_other_name(config.monitor.database)
    folder = folder_of(config)
    if folder is None:
        raise ServersAffair("pg_dump")
    backup = await asyncio.to_thread(folder.make, SystemClock().now())
    path = folder.path(backup.name)
    if table.upload is None:
        return _BackupMade(backup, path, None, None)
    try:
        await ObjectStorage(table.upload, table.endpoint).put(path, stem=folder.stem, keep=table.keep)
    except BackupError as error:
        return _BackupMade(backup, path, uploaded=False, trouble=str(error))
    return _BackupMade(backup, path, uploaded=True, trouble=None)


def restore_backup(file: str, *, as_json: bool) -> None:
    """Replace the database with the backup, and print what it holds."""
    config = load()
    restored = complete(_restore(config, file))
    if as_json:
        print_json(_restored_document(restored))
        return
    transfers, _, alerts = restored.contents.counts
    print_line(
        f"Restored {restored.database}: {size_words(restored.size)}, verified: "
        f"{transfers:,} transfers, {alerts:,} alerts"
    )
    if restored.aside is not None:
        print_line(f"The database as it was is kept as {restored.aside}")
    say("start the monitor again: it continues from the copy's checkpoints, and may repeat alerts that were sent since")


async def _restore(config: Config, file: str) -> Restored:
    if not isinstance(config.monitor.database, Path):
        raise ServersAffair("pg_restore")
    with Restore(config.monitor.database) as restoring:
        backup = Path(file)
        if file.startswith("s3://"):
            bucket, name = _object(file)
            backup = restoring.fetched
            say(f"fetching {file} …")
            await ObjectStorage(bucket, config.backup.endpoint).fetch(bucket.key(name), backup)
        return await asyncio.to_thread(restoring.put_in_place, backup, SystemClock().now())


def _object(url: str) -> tuple[Bucket, str]:
    try:
        whole = read_bucket(url)
    except PydanticCustomError as error:
        raise click.BadParameter(error.message(), param_hint="FILE") from None
    prefix, _, name = whole.prefix.rpartition("/")
    if not name:
        raise click.BadParameter("names only a bucket; write s3://bucket/prefix/name", param_hint="FILE")
    return Bucket(whole.name, prefix), name


def _made_document(made: _BackupMade, config: Config) -> MadeBackup:
    backup = made.backup
    return MadeBackup(
        file=str(made.path),
        bytes=backup.size,
        made_at=rfc3339(backup.made_at),
        transfers=backup.transfers,
        events=backup.events,
        alerts=backup.alerts,
        uploaded_to=f"{config.backup.upload}/{backup.name}" if made.uploaded else None,
    )


def _restored_document(restored: Restored) -> RestoredDatabase:
    transfers, events, alerts = restored.contents.counts
    return RestoredDatabase(
        database=str(restored.database),
        bytes=restored.size,
        transfers=transfers,
        events=events,
        alerts=alerts,
        kept_aside=str(restored.aside) if restored.aside else None,
    )
