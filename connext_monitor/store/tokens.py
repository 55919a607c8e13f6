"""How tokens call themselves."""

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.events import Address, DomainId
from connext_monitor.core.token import Token
from connext_monitor.store.schema import tokens


def every(connection: Connection) -> dict[tuple[DomainId, Address], Token]:
    """All that are known."""
    rows = connection.execute(select(tokens))
    return {(DomainId(row.domain), Address(row.asset)): Token(row.symbol, row.decimals) for row in rows}


def keep(connection: Connection, domain: DomainId, asset: Address, token: Token) -> None:
    """One of them."""
    values = {"symbol": token.symbol, "decimals": token.decimals}
    row = insert(tokens).values(domain=domain, asset=asset, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["domain", "asset"], set_=values))
