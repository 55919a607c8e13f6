"""What is told is the change as it was made, even where the alert has moved on since; nonces that are taken back."""

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber
from connext_monitor.store.store import Store
from tests.world.recording import NOW, accuse, gone, put, seen
from tests.world.transfers import ALPHA, executed, info, sighting, xcalled

XCALLED = xcalled(info(), sighting(10))
EXECUTED = executed(info(), sighting(20))


async def test_a_waiting_opening_is_sent_as_one_though_it_has_ended(store: Store) -> None:
    await put(store, seen(XCALLED))
    await accuse(store, XCALLED, "ops")
    await put(store, seen(EXECUTED))
    opening = await store.outbox.next_delivery("ops")
    assert opening is not None
    assert (opening.alert.state, opening.alert.resolution) == (AlertState.OPEN, None)


async def test_a_waiting_end_is_sent_as_one_though_it_is_open_again(store: Store) -> None:
    await put(store, seen(XCALLED))
    await accuse(store, XCALLED, "ops")
    await put(store, seen(EXECUTED))
    await put(store, gone(EXECUTED))
    await accuse(store, XCALLED, "ops")
    states = []
    while (delivery := await store.outbox.next_delivery("ops")) is not None:
        states.append((delivery.alert.state, delivery.alert.resolution))
        await store.outbox.delivery_sent(delivery.id, None, NOW)
    assert states == [(AlertState.OPEN, None), (AlertState.RESOLVED, "executed"), (AlertState.OPEN, None)]


async def test_a_nonce_whose_xcalled_is_gone_is_missing_until_it_returns(store: Store) -> None:
    records = [xcalled(info(nonce), sighting(10 + nonce)) for nonce in range(3)]

    async def contiguous() -> int | None:
        said = ChainProgress(ALPHA, Coverage(BlockNumber(0), BlockNumber(9)), first_nonce=0, next_nonce=3)
        await put(store, progress=[said])
        nonces = await store.chains.nonces(ALPHA)
        return nonces.contiguous if nonces else None

    await put(store, seen(*records))
    whole = await contiguous()
    await put(store, gone(records[1]))
    holed = await contiguous()
    await put(store, seen(xcalled(info(1), sighting(15))))
    assert (whole, holed, await contiguous()) == (3, 1, 3)
