"""The instances that share a database on a server."""

from collections.abc import Iterable
from typing import Annotated

from connext_monitor.core.documents.fields import Document, InstantText, ListDocument, says
from connext_monitor.core.formats import unix_rfc3339
from connext_monitor.core.ownership import ListedInstance


class InstanceDocument(Document, frozen=True):
    """An instance that shares the database."""

    name: Annotated[str, says("What it calls itself.")]
    version: Annotated[str, says("Its version of connext-monitor.")]
    owns_work: Annotated[bool, says("Whether it observes, judges and alerts; the others stand by.")]
    owns_since: Annotated[InstantText | None, says("Since when; null where it stands by.")]
    silent_seconds: Annotated[float, says("The time since its last sign of life.")]
    clock_ahead_seconds: Annotated[
        float, says("By how much its machine's clock was ahead of the database's then, negative if behind.")
    ]
    sees: Annotated[
        list[str] | None, says("The chains that it saw when it last looked; null where it has not looked yet.")
    ] = None


class InstanceList(ListDocument[InstanceDocument], frozen=True):
    """The instances by name; none where the database is a file."""


def instance_list(instances: Iterable[ListedInstance]) -> InstanceList:
    """All of them."""
    return InstanceList([_document(instance) for instance in instances], None)


def _document(instance: ListedInstance) -> InstanceDocument:
    since = instance.owns_since
    return InstanceDocument(
        name=instance.name,
        version=instance.version,
        owns_work=since is not None,
        owns_since=None if since is None else unix_rfc3339(since),
        silent_seconds=round(instance.silent_for, 1),
        clock_ahead_seconds=round(instance.ahead, 1) + 0.0,  # not -0.0
        sees=None if instance.sees is None else list(instance.sees),
    )
