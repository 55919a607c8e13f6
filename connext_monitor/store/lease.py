"""Taking, keeping and giving back the lease of the work, on a server. Each function is a transaction of its own.

They run on a connection without a turn: beats must not wait for a long write. Who takes the lease moves the turn in the
same transaction, and so waits for whoever is in the midst of a write; from then on, nobody but it writes.
"""

from collections.abc import Mapping

import msgspec
from sqlalchemy import ColumnElement, Delete, Select, Update, delete, exists, null, select, update
from sqlalchemy.dialects.sqlite import Insert, insert

from connext_monitor.core.events import BlockNumber
from connext_monitor.core.handover import Handover, StandbySight
from connext_monitor.core.ownership import Instance, Lease, ListedInstance, SeenLease
from connext_monitor.store.connection import SQLITE, Connection
from connext_monitor.store.lease_tables import ONLY_ROW, instances, lease, turn
from connext_monitor.store.opening import wrong_schema
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.sql_functions import Larger, NowMs

_LISTED_FOR = 86_400_000
"""Milliseconds that an instance is listed for after its last sign of life."""
_THE_LEASE, _THE_TURN = lease.c.id == ONLY_ROW, turn.c.id == ONLY_ROW


def _look() -> Select[tuple[str | None, int, str | None, str | None, str | None, bool | None, str | None]]:
    of_lease = (lease.c.token, lease.c.beat, lease.c.offered_to)
    return select(*of_lease, lease.c.holder, lease.c.config_hash, lease.c.sight_wanted, lease.c.unseen).where(
        _THE_LEASE
    )


def _take() -> Update:
    as_seen = (lease.c.token.is_not_distinct_from(parameter("seen_token")), lease.c.beat == parameter("seen_beat"))
    row = {"holder": parameter("name"), "config_hash": parameter("config"), "since_ms": NowMs(), "beat_ms": NowMs()}
    handed_over = dict.fromkeys(("offered_to", "unseen", "sight_wanted"), null())
    return update(lease).where(_THE_LEASE, *as_seen).values(token=parameter("mine"), beat=0, **row, **handed_over)


def _take_turn() -> Update:
    return update(turn).where(_THE_TURN).values(token=parameter("mine")).returning(turn.c.n)


def _held() -> ColumnElement[bool]:
    return lease.c.token == parameter("mine")


def _beat() -> Update:
    may_write = exists().where(_THE_TURN, turn.c.token == lease.c.token)
    return update(lease).where(_THE_LEASE, _held(), may_write).values(beat=parameter("number"), beat_ms=NowMs())


def _release() -> Update:
    return update(lease).where(_THE_LEASE, _held()).values(token=null(), beat=lease.c.beat + 1)


def _hand_over() -> Update:
    offer = {"offered_to": parameter("heir"), "unseen": parameter("chains"), "handed_over_ms": NowMs()}
    return update(lease).where(_THE_LEASE, _held()).values(token=null(), beat=lease.c.beat + 1, **offer)


def _want_sight() -> Update:
    return update(lease).where(_THE_LEASE, _held()).values(sight_wanted=parameter("asks"))


def _handed_over() -> Select[tuple[int | None]]:
    return select(NowMs() - lease.c.handed_over_ms).where(_THE_LEASE)


def _show_sight() -> Update:
    return (
        update(instances).where(instances.c.name == parameter("me")).values(heads=parameter("seen"), looked_ms=NowMs())
    )


def _sights() -> Select[tuple[str, str, int]]:
    others = (instances.c.heads.is_not(None), instances.c.name != parameter("me"))
    age = NowMs() - instances.c.looked_ms
    return select(instances.c.name, instances.c.heads, age).where(*others).order_by(instances.c.name)


def _revoke() -> Update:
    return update(turn).values(token=null())


def _seen() -> Insert:
    ahead = parameter("now_ms") - NowMs()
    row = insert(instances).values(name=parameter("me"), seen_ms=NowMs(), version=parameter("mine"), ahead_ms=ahead)
    replaced = {name: row.excluded[name] for name in ("seen_ms", "version", "ahead_ms")}
    return row.on_conflict_do_update(index_elements=["name"], set_=replaced)


def _gone() -> Delete:
    return delete(instances).where(instances.c.name == parameter("me"))


def _listed() -> Select[tuple[str, str, int | None, int, int, str | None]]:
    silent = NowMs() - instances.c.seen_ms
    owned = lease.c.token.is_not(None) & (lease.c.holder == instances.c.name)
    of_instance = (Larger(0, silent), instances.c.ahead_ms, instances.c.heads)
    return (
        select(instances.c.name, instances.c.version, lease.c.since_ms, *of_instance)
        .select_from(instances.outerjoin(lease, owned))
        .where(silent < _LISTED_FOR)
        .order_by(instances.c.name)
    )


_LOOK, _SEEN, _GONE, _LISTED = Prepared(_look), Prepared(_seen), Prepared(_gone), Prepared(_listed)
_TAKE, _TAKE_TURN, _BEAT, _RELEASE = Prepared(_take), Prepared(_take_turn), Prepared(_beat), Prepared(_release)
_REVOKE, _HAND_OVER, _HANDED_OVER = Prepared(_revoke), Prepared(_hand_over), Prepared(_handed_over)
_WANT_SIGHT, _SHOW_SIGHT, _SIGHTS = Prepared(_want_sight), Prepared(_show_sight), Prepared(_sights)
_names = msgspec.json.Decoder(tuple[str, ...])
_heads = msgspec.json.Decoder(dict[str, BlockNumber])


def look(connection: Connection, me: Instance, now_ms: int | None) -> SeenLease:
    """See it, and with ``now_ms`` say that this instance is there, by its clock (Unix ms)."""
    if (wrong := wrong_schema(connection)) is not None:
        return SeenLease(Lease(None, 0), None, None, wrong)
    ((token, beat, offered_to, holder, config_hash, sight_wanted, unseen),) = _LOOK.rows(connection)
    if now_ms is not None:
        _SEEN.execute(connection, me=me.name, mine=me.version, now_ms=now_ms)
    chains = () if unseen is None else _names.decode(unseen)
    return SeenLease(Lease(token, beat, offered_to), holder, config_hash, None, bool(sight_wanted), chains)


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


def hand_over(connection: Connection, token: str, handover: Handover) -> None:
    """Give it back for this instance to take, if it is still held with this token."""
    _HAND_OVER.execute(connection, mine=token, heir=handover.to, chains=_written(handover.unseen))


def want_sight(connection: Connection, token: str, *, asks: bool) -> None:
    """Ask the instances that stand by, or no longer, to look at the chains, if the lease is held with this token."""
    _WANT_SIGHT.execute(connection, mine=token, asks=asks)


def show_sight(connection: Connection, me: Instance, heads: Mapping[str, BlockNumber]) -> None:
    """Say which chains this instance sees, each with its newest block."""
    _SHOW_SIGHT.execute(connection, me=me.name, seen=_written(heads))


def sights(connection: Connection, me: Instance) -> tuple[list[StandbySight], float | None]:
    """What the others see, and how many seconds ago the work was last handed over, if it ever was."""
    since = _HANDED_OVER.value(connection)
    others = [
        StandbySight(name, _heads.decode(heads), age / 1000)
        for name, heads, age in _SIGHTS.rows(connection, me=me.name)
    ]
    return others, _seconds(since)


def leave(connection: Connection, me: Instance) -> None:
    """Say that this instance is there no more."""
    _GONE.execute(connection, me=me.name)


def listed(connection: Connection) -> list[ListedInstance]:
    """The instances that share the database, by name; none where it is a file."""
    if connection.engine == SQLITE:
        return []
    return [
        ListedInstance(name, version, _seconds(since), silent / 1000, ahead / 1000, _seen_chains(heads))
        for name, version, since, silent, ahead, heads in _LISTED.rows(connection)
    ]


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


def _seen_chains(heads: str | None) -> tuple[str, ...] | None:
    return None if heads is None else tuple(sorted(_heads.decode(heads)))


def _written(names: object) -> str:
    return msgspec.json.encode(names).decode()
