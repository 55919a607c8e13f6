"""Taking, keeping and giving back the lease of the work, on a server. Each function is a transaction of its own.

They run on a connection without a turn: beats must not wait for a long write. Who takes the lease moves the turn in the
same transaction, and so waits for whoever is in the midst of a write; from then on, nobody but it writes.
"""

from connext_monitor.core.ownership import Instance, Lease, ListedInstance, SeenLease
from connext_monitor.store.connection import SQLITE, Connection
from connext_monitor.store.opening import wrong_schema

_NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_LOOK = "SELECT token, beat, holder, config_hash FROM lease WHERE id = 1"
_TAKE = (
    f"UPDATE lease SET token = ?, beat = 0, holder = ?, config_hash = ?, since_ms = {_NOW}, beat_ms = {_NOW}"  # noqa: S608
    " WHERE id = 1 AND token IS NOT DISTINCT FROM ? AND beat = ?"
)
_TAKE_TURN = "UPDATE turn SET token = ? WHERE id = 1 RETURNING n"
_BEAT = (
    f"UPDATE lease SET beat = ?, beat_ms = {_NOW} WHERE id = 1 AND token = ?"  # noqa: S608
    " AND EXISTS (SELECT 1 FROM turn WHERE turn.id = 1 AND turn.token = lease.token)"
)
_REVOKE = "UPDATE turn SET token = NULL"
_RELEASE = "UPDATE lease SET token = NULL, beat = beat + 1 WHERE id = 1 AND token = ?"
_SEEN = (
    f"INSERT INTO instances (name, seen_ms, version, ahead_ms) VALUES (?, {_NOW}, ?, ? - {_NOW})"  # noqa: S608
    " ON CONFLICT (name) DO UPDATE SET seen_ms = excluded.seen_ms, version = excluded.version,"
    " ahead_ms = excluded.ahead_ms"
)
_LISTED = (
    f"SELECT i.name, i.version, l.since_ms, greatest(0, {_NOW} - i.seen_ms), i.ahead_ms FROM instances AS i"  # noqa: S608
    " LEFT JOIN lease AS l ON l.token IS NOT NULL AND l.holder = i.name"
    f" WHERE {_NOW} - i.seen_ms < ? ORDER BY i.name"
)
_LISTED_FOR = 86_400_000
"""Milliseconds that an instance is listed for after its last sign of life."""
_GONE = "DELETE FROM instances WHERE name = ?"


def look(connection: Connection, me: Instance, now_ms: int) -> SeenLease:
    """See it, and say that this instance is there, by its clock (Unix ms)."""
    if (wrong := wrong_schema(connection)) is not None:
        return SeenLease(Lease(None, 0), None, None, wrong)
    token, beat, holder, config_hash = connection.run(_LOOK).fetchone()
    connection.run(_SEEN, (me.name, me.version, now_ms))
    return SeenLease(Lease(token, beat), holder, config_hash, None)


def take(connection: Connection, me: Instance, token: str, seen: Lease) -> int | None:
    """Take it with a new token where it stands as it was seen; where the turn stands, None where it was not taken."""
    taken = connection.run(_TAKE, (token, me.name, me.config_hash, seen.token, seen.beat)).rowcount == 1
    return int(connection.run(_TAKE_TURN, (token,)).fetchone()[0]) if taken else None


def beat(connection: Connection, me: Instance, token: str, number: int, now_ms: int) -> bool:
    """Say that its owner is alive; False where it is another's, or nobody may write with this token any more."""
    beaten = connection.run(_BEAT, (number, token)).rowcount == 1
    if beaten:
        connection.run(_SEEN, (me.name, me.version, now_ms))
    return beaten


def revoke(connection: Connection) -> None:
    """Have its owner's term end: with another schema it may write nothing more. The lease is its own to give back."""
    connection.run(_REVOKE)


def release(connection: Connection, token: str) -> None:
    """Give it back, if it is still held with this token: the next one that looks takes it."""
    connection.run(_RELEASE, (token,))


def leave(connection: Connection, me: Instance) -> None:
    """Say that this instance is there no more."""
    connection.run(_GONE, (me.name,))


def listed(connection: Connection) -> list[ListedInstance]:
    """The instances that share the database, by name; none where it is a file."""
    if connection.engine == SQLITE:
        return []
    return [
        ListedInstance(name, version, None if since is None else since / 1000, silent / 1000, ahead / 1000)
        for name, version, since, silent, ahead in connection.run(_LISTED, (_LISTED_FOR,))
    ]
