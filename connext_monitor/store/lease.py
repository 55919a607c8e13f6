"""Taking, keeping and giving back the lease of the work, on a server. Each function is a transaction of its own.

They run on a connection without a turn: beats must not wait for a long write. Who takes the lease moves the turn in the
same transaction, and so waits for whoever is in the midst of a write; from then on, nobody but it writes.
"""

from sqlalchemy import ColumnElement, Delete, Select, Update, delete, exists, null, select, update
from sqlalchemy.dialects.sqlite import Insert, insert

from connext_monitor.core.ownership import Instance, Lease, ListedInstance, SeenLease
from connext_monitor.store.connection import SQLITE, Connection
from connext_monitor.store.dialect import Larger, NowMs
from connext_monitor.store.lease_tables import ONLY_ROW, instances, lease, turn
from connext_monitor.store.opening import wrong_schema
from connext_monitor.store.prepared import Prepared, parameter

_LISTED_FOR = 86_400_000
"""Milliseconds that an instance is listed for after its last sign of life."""
_THE_LEASE, _THE_TURN = lease.c.id == ONLY_ROW, turn.c.id == ONLY_ROW


def _look() -> Select[tuple[str | None, int, str | None, str | None]]:
    return select(lease.c.token, lease.c.beat, lease.c.holder, lease.c.config_hash).where(_THE_LEASE)


def _take() -> Update:
    as_seen = (lease.c.token.is_not_distinct_from(parameter("seen_token")), lease.c.beat == parameter("seen_beat"))
    row = {"holder": parameter("name"), "config_hash": parameter("config"), "since_ms": NowMs(), "beat_ms": NowMs()}
    return update(lease).where(_THE_LEASE, *as_seen).values(token=parameter("mine"), beat=0, **row)


def _take_turn() -> Update:
    return update(turn).where(_THE_TURN).values(token=parameter("mine")).returning(turn.c.n)


def _held() -> ColumnElement[bool]:
    return lease.c.token == parameter("mine")


def _beat() -> Update:
    may_write = exists().where(_THE_TURN, turn.c.token == lease.c.token)
    return update(lease).where(_THE_LEASE, _held(), may_write).values(beat=parameter("number"), beat_ms=NowMs())


def _release() -> Update:
    return update(lease).where(_THE_LEASE, _held()).values(token=null(), beat=lease.c.beat + 1)


def _revoke() -> Update:
    return update(turn).values(token=null())


def _seen() -> Insert:
    ahead = parameter("now_ms") - NowMs()
    row = insert(instances).values(name=parameter("me"), seen_ms=NowMs(), version=parameter("mine"), ahead_ms=ahead)
    replaced = {name: row.excluded[name] for name in ("seen_ms", "version", "ahead_ms")}
    return row.on_conflict_do_update(index_elements=["name"], set_=replaced)


def _gone() -> Delete:
    return delete(instances).where(instances.c.name == parameter("me"))


def _listed() -> Select[tuple[str, str, int | None, int, int]]:
    silent = NowMs() - instances.c.seen_ms
    owned = lease.c.token.is_not(None) & (lease.c.holder == instances.c.name)
    return (
        select(instances.c.name, instances.c.version, lease.c.since_ms, Larger(0, silent), instances.c.ahead_ms)
        .select_from(instances.outerjoin(lease, owned))
        .where(silent < _LISTED_FOR)
        .order_by(instances.c.name)
    )


_LOOK, _SEEN, _GONE, _LISTED = Prepared(_look), Prepared(_seen), Prepared(_gone), Prepared(_listed)
_TAKE, _TAKE_TURN, _BEAT, _RELEASE = Prepared(_take), Prepared(_take_turn), Prepared(_beat), Prepared(_release)
_REVOKE = Prepared(_revoke)


def look(connection: Connection, me: Instance, now_ms: int) -> SeenLease:
    """See it, and say that this instance is there, by its clock (Unix ms)."""
    if (wrong := wrong_schema(connection)) is not None:
        return SeenLease(Lease(None, 0), None, None, wrong)
    ((token, beat, holder, config_hash),) = _LOOK.rows(connection)
    _SEEN.execute(connection, me=me.name, mine=me.version, now_ms=now_ms)
    return SeenLease(Lease(token, beat), holder, config_hash, None)


def take(connection: Connection, me: Instance, token: str, seen: Lease) -> int | None:
    """Take it with a new token where it stands as it was seen; where the turn stands, None where it was not taken."""
    as_seen = {"seen_token": seen.token, "seen_beat": seen.beat}
    if _TAKE.changed(connection, mine=token, name=me.name, config=me.config_hash, **as_seen) == 0:
        return None
    return int(_TAKE_TURN.value(connection, mine=token))


def beat(connection: Connection, me: Instance, token: str, number: int, now_ms: int) -> bool:
    """Say that its owner is alive; False where it is another's, or nobody may write with this token any more."""
    beaten = _BEAT.changed(connection, number=number, mine=token) == 1
    if beaten:
        _SEEN.execute(connection, me=me.name, mine=me.version, now_ms=now_ms)
    return beaten


def revoke(connection: Connection) -> None:
    """Have its owner's term end: with another schema it may write nothing more. The lease is its own to give back."""
    _REVOKE.execute(connection)


def release(connection: Connection, token: str) -> None:
    """Give it back, if it is still held with this token: the next one that looks takes it."""
    _RELEASE.execute(connection, mine=token)


def leave(connection: Connection, me: Instance) -> None:
    """Say that this instance is there no more."""
    _GONE.execute(connection, me=me.name)


def listed(connection: Connection) -> list[ListedInstance]:
    """The instances that share the database, by name; none where it is a file."""
    if connection.engine == SQLITE:
        return []
    return [
        ListedInstance(name, version, None if since is None else since / 1000, silent / 1000, ahead / 1000)
        for name, version, since, silent, ahead in _LISTED.rows(connection)
    ]
