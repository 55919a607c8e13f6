"""How tokens call themselves."""

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import Insert, insert

from connext_monitor.core.events import Address, DomainId
from connext_monitor.core.token import Token
from connext_monitor.store.connection import Connection
from connext_monitor.store.prepared import Prepared, parameters
from connext_monitor.store.schema import tokens


def _keep() -> Insert:
    row = insert(tokens).values(parameters("domain", "asset", "symbol", "decimals"))
    replaced = {"symbol": row.excluded.symbol, "decimals": row.excluded.decimals}
    return row.on_conflict_do_update(index_elements=["domain", "asset"], set_=replaced)


_SELECT = Prepared(lambda: select(tokens))
_KEEP = Prepared(_keep)


def every(connection: Connection) -> dict[tuple[DomainId, Address], Token]:
    """All that are known."""
    rows = _SELECT.rows(connection)
    return {(DomainId(row.domain), Address(row.asset)): Token(row.symbol, row.decimals) for row in rows}


def keep(connection: Connection, domain: DomainId, asset: Address, token: Token) -> None:
    """One of them."""
    _KEEP.execute(connection, domain=domain, asset=asset, symbol=token.symbol, decimals=token.decimals)
