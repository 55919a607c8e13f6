"""What an observed chain makes of questions that nobody answers: the fakes of the alerting tests do the same."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

from structlog.testing import capture_logs

from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.events import Timestamp, TransferId
from connext_monitor.monitoring.chain_queries import ChainQueries, Unanswered
from connext_monitor.monitoring.observer import Observer
from connext_monitor.observed_chain import ObservedChain

ID = TransferId(bytes(32))


@dataclass
class Queries:
    """Answers, unless there is a reason not to."""

    refused: str | None = None

    async def transfer_status(self, _transfer_id: TransferId) -> TransferStatus:
        return self._answer(TransferStatus.NONE)

    async def fetch_events(self, _transfer_id: TransferId, _since: Timestamp) -> bool:
        self._answer(TransferStatus.NONE)
        return False

    async def paused(self) -> bool:
        self._answer(TransferStatus.NONE)
        return True

    def _answer(self, status: TransferStatus) -> TransferStatus:
        if self.refused is not None:
            raise Unanswered(self.refused)
        return status


def chain_with(queries: Queries) -> ObservedChain:
    observer = SimpleNamespace(state=SimpleNamespace(config=SimpleNamespace(name="gnosis")))
    return ObservedChain(cast("Observer", observer), cast("ChainQueries", queries))


async def test_an_answer_is_passed_on() -> None:
    chain = chain_with(Queries())
    assert await chain.transfer_status(ID) is TransferStatus.NONE
    assert await chain.fetch_events(ID, Timestamp(0)) is False
    assert await chain.paused() is True
    assert chain.unanswered is None


async def test_an_unanswered_question_is_none_and_says_why() -> None:
    queries = Queries("node.example refused eth_call")
    chain = chain_with(queries)
    assert await chain.transfer_status(ID) is None
    assert await chain.fetch_events(ID, Timestamp(0)) is None
    assert chain.unanswered == "node.example refused eth_call"
    queries.refused = None
    assert await chain.transfer_status(ID) is TransferStatus.NONE
    assert chain.unanswered is None


async def test_each_reason_is_logged_once() -> None:
    queries = Queries("asleep")
    chain = chain_with(queries)
    with capture_logs() as logs:
        for reason in ("asleep", "asleep", "refused"):
            queries.refused = reason
            await chain.transfer_status(ID)
    assert [line["reason"] for line in logs] == ["asleep", "refused"]


async def test_a_circumstance_that_is_not_known_hinders_no_judgement() -> None:
    queries = Queries()
    chain = chain_with(queries)
    queries.refused = "asleep"
    assert await chain.paused() is None
    assert chain.unanswered is None
