"""The numbers that the front page shows are those of the API."""

import re
from html.parser import HTMLParser

import aiohttp

from connext_monitor.core.deadline import Leg
from connext_monitor.reporting.web.site import percent
from connext_monitor.store.store import Store
from tests.reporting.api_client import STATS, get
from tests.world.kinds import overdue
from tests.world.two_chains import AT, DESTINATION, ORIGIN, ROUTER, START, Sample, covered, fill

Row = dict[str, str]


class Tables(HTMLParser):
    """The rows of all tables, each cell's text under its label."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self._label: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append({})
        if tag in {"td", "th"}:
            self._label = dict(attrs).get("data-label")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self._label = None

    def handle_data(self, data: str) -> None:
        if self._label is not None and self.rows:
            said = f"{self.rows[-1].get(self._label, '')} {data}"
            self.rows[-1][self._label] = re.sub(r"\s+", " ", said).strip()


async def rows(client: aiohttp.ClientSession, label: str) -> list[Row]:
    """The rows of the front page that have such a cell."""
    async with client.get("/") as response:
        tables = Tables()
        tables.feed(await response.text())
    return [row for row in tables.rows if label in row]


async def test_a_hole_in_the_nonces_is_shown_here_and_by_the_api(client: aiohttp.ClientSession, store: Store) -> None:
    await fill(store, [Sample(5).xcalled(), Sample(7).xcalled()], progress=[covered(ORIGIN, first=5, upcoming=8)])
    shown = {row["Chain"].strip(): row["Nonces"].strip() for row in await rows(client, "Nonces")}
    assert shown == {"here": "a hole", "there": "not known yet"}
    said = {chain["name"]: chain["nonces_contiguous"] for chain in (await get(client, "/api/v1/chains"))["items"]}
    assert said == {"here": False, "there": None}


async def make_traffic(store: Store) -> None:
    """Twenty executed after 10, 20 … 200 s, every fourth by the slow path, the first seven reconciled; one overdue."""
    sent = [Sample(nonce, START - 4000 - nonce) for nonce in range(1, 21)]
    stuck = Sample(21, START - 400)
    records = [stuck.xcalled(), *(sample.xcalled() for sample in sent)]
    records += [sample.executed(10 * sample.nonce, routers=(ROUTER,) if sample.nonce % 4 else ()) for sample in sent]
    records += [sample.reconciled(1000 + sample.nonce) for sample in sent[:7]]
    await fill(store, records, progress=[covered(ORIGIN), covered(DESTINATION)])
    await store.alerts.open(overdue(stuck.id, Leg.EXECUTE, START - 100, AT, (ORIGIN, DESTINATION)), [])


async def test_the_matrix_says_what_the_api_says(client: aiohttp.ClientSession, store: Store) -> None:
    await make_traffic(store)
    (row,) = await rows(client, "Execute p50 / p95")
    (pathway,) = (await get(client, STATS))["pathways"]
    assert pathway["execute"]["latency_seconds"] == {"p50": 100, "p95": 190, "p99": 200}
    assert row["Execute p50 / p95"] == "1 min 40 s / 3 min 10 s"
    assert pathway["reconcile"]["latency_seconds"] == {"p50": 1004, "p95": 1007, "p99": 1007}
    assert row["Reconcile p50 / p95"] == "16 min 44 s / 16 min 47 s"
    assert row["To be executed"] == "1 oldest 6 min 40 s ago"
    assert row["To be reconciled"] == f"{pathway['open']} oldest 1 h 7 min ago"
    assert row["Overdue"] == f"{pathway['execute']['overdue_now']} to execute"
    assert row["Fast"].split() == percent(pathway["fast_share"]).split() == ["75", "%"]


async def test_routers_and_chains_are_those_of_the_api(client: aiohttp.ClientSession, store: Store) -> None:
    await make_traffic(store)
    (row,) = await rows(client, "Fills in a day")
    (router,) = (await get(client, STATS))["routers"]
    assert (row["Fills in a day"], row["Share"]) == (str(router["fills"]), "100 %") == ("15", "100 %")
    assert row["Not reconciled"].startswith(f"{router['owed'][0]['amount']} base units of ")
    here, _ = await rows(client, "Watermark")
    chain = (await get(client, "/api/v1/chains"))["items"][0]
    assert (here["Chain"], here["Lag"]) == (chain["name"], f"{chain['lag_seconds']} s")
    assert (here["Head"].replace(" ", ""), here["Endpoint in use"]) == (str(chain["head"]), chain["endpoint"])
