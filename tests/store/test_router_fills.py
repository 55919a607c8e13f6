"""When routers executed something last, up to an instant."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connext_monitor.core.events import Address, Timestamp
from tests.store.conftest import NewStore
from tests.world.examples import examples
from tests.world.recording import put, seen
from tests.world.transfers import ALPHA, BETA, executed, info, sighting, xcalled

_ROUTERS = tuple(Address(bytes([byte]) * 20) for byte in (7, 8))
_SETS = st.sampled_from([(), _ROUTERS[:1], _ROUTERS])


@settings(examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(2, 9), _SETS), min_size=1, max_size=6), st.integers(1, 10))
async def test_the_last_until_an_instant_is_that_of_the_same_routers(
    new_store: NewStore, fills: list[tuple[int, tuple[Address, ...]]], reached: int
) -> None:
    until = sighting(reached).block.timestamp
    records = []
    for nonce, (done, routers) in enumerate(fills):
        records += [xcalled(info(nonce), sighting(1)), executed(info(nonce), sighting(done), routers)]
    async with new_store() as store:
        await put(store, seen(*records))
        for last in await store.router_fills.last_by_routers():
            assert last.pathway == (ALPHA, BETA)
            at = [Timestamp(sighting(done).block.timestamp) for done, routers in fills if routers == last.routers]
            earlier = max((each for each in at if each <= until), default=None)
            assert await store.router_fills.last_until(last, until) == earlier
