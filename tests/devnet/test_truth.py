"""What the chains say, and whether a monitor's transfers, and a webhook's alerts, agree with it."""

import aiohttp

from scripts.devnet.inbox import inbox
from scripts.devnet.truth import Truth, truth
from tests.world.made_bridge import made_bridge

TX, OTHER_TX = "0x" + "1" * 64, "0x" + "2" * 64
SENT = Truth({("0xa", "xcalled"): (TX, 1000), ("0xb", "xcalled"): (TX, 1000), ("0xb", "executed"): (TX, 1030)}, 1021)


async def test_what_happened_is_read_from_both_chains() -> None:
    async with made_bridge(block_time=None) as devnet:
        alpha, beta = devnet.chains
        done, waiting = await devnet.xcall(alpha, beta), await devnet.xcall(beta, alpha)
        receipt = await devnet.execute_fast(done)
        said = await truth(devnet.chains)
    assert said.happened == {
        (done.transfer_id, "xcalled"): (done.tx_hash, done.timestamp),
        (waiting.transfer_id, "xcalled"): (waiting.tx_hash, waiting.timestamp),
        (done.transfer_id, "executed"): (receipt.tx_hash, receipt.timestamp),
    }
    assert (said.count("xcalled"), said.count("executed"), said.count("reconciled")) == (2, 1, 0)


def test_what_a_monitor_lacks_or_has_of_another_transaction_is_found() -> None:
    known = {"xcalled": {"tx_hash": TX}, "executed": None}
    assert SENT.unknown_to({"0xa": known, "0xb": {**known, "executed": {"tx_hash": TX}}}) == []
    assert SENT.unknown_to({"0xa": {"xcalled": {"tx_hash": OTHER_TX}}, "0xb": known}) == [
        f"0xa xcalled in {TX}",
        f"0xb executed in {TX}",
    ]
    assert len(SENT.unknown_to({})) == 3


def test_only_what_has_not_happened_is_late() -> None:
    assert SENT.late("executed", deadline=15, margin=5) == {"0xa"}
    assert SENT.late("executed", deadline=15, margin=6) == set()
    assert SENT.late("reconciled", deadline=15, margin=5) == {"0xa", "0xb"}


async def test_a_message_that_comes_again_is_counted_once_and_as_repeated() -> None:
    opened = {"type": "alert.opened", "data": {"alert": {"kind": "execute_overdue", "subject": "0xa"}}}
    async with inbox() as taking, aiohttp.ClientSession() as session:
        for key, body in (("1", opened), ("2", {**opened, "type": "alert.resolved"}), ("1", opened)):
            async with session.post(taking.url, json=body, headers={"webhook-id": key}) as answer:
                assert answer.status == 204
        assert (taking.opened, taking.messages, taking.repeated) == ({("execute_overdue", "0xa")}, 2, 1)
