"""The last execution of a pathway on which transfers wait, looked for only where no later one is seen at a glance."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connext_monitor.core.events import Address, Timestamp
from connext_monitor.store import stalls
from tests.store.conftest import NewStore
from tests.world.examples import examples
from tests.world.recording import put, seen
from tests.world.transfers import ALPHA, BETA, executed, info, reconciled, sighting, xcalled

_BLOCKS = st.integers(0, 6)


@settings(examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(_BLOCKS, _BLOCKS, st.booleans()), max_size=6), _BLOCKS, st.booleans())
async def test_only_a_later_execution_spares_looking_for_the_last(
    new_store: NewStore, transfers: list[tuple[int, int, bool]], reached: int, waits: bool
) -> None:
    """Of each transfer: when it was sent and executed, and whether it is completed."""
    records = [xcalled(info(99), sighting(5))] if waits else []
    for nonce, (sent, done, completed) in enumerate(transfers):
        routers = (Address(bytes([nonce]) * 20),) if nonce % 2 else ()
        records += [xcalled(info(nonce), sighting(sent)), executed(info(nonce), sighting(done), routers)]
        records += [reconciled(info(nonce), sighting(20))] if completed else []
    last = max((sighting(done).block.timestamp for _, done, _ in transfers), default=None)
    instant = sighting(reached).block.timestamp
    async with new_store() as store:
        await put(store, seen(*records))
        at_a_glance = await store.database.read(lambda rows: stalls.last_before_waiting(rows, {(ALPHA, BETA): instant}))
        every = await store.database.read(
            lambda rows: stalls.last_before_waiting(rows, {(ALPHA, BETA): Timestamp(2**40)})
        )
    assert every == ({(ALPHA, BETA): last} if waits and last is not None else {})
    assert at_a_glance in (every, {})
    # What the retention asks: whether what was executed then is needed.
    assert (at_a_glance.get((ALPHA, BETA), instant + 1) <= instant) == (waits and last is not None and last <= instant)
