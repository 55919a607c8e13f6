"""The API's description, checked against real answers and webhook bodies."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from connext_monitor.alerting.notice import AlertNotice, ReportNotice
from connext_monitor.alerting.providers.webhook.provider import report_body, short_body, whole_body
from connext_monitor.config import ListenAddress
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.chain_status import ChainStatus, RequestKind
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change
from connext_monitor.core.documents.reports import report_document
from connext_monitor.core.events import DomainId, Hash32
from connext_monitor.core.report import LegFigures, PathwayFigures, Report, compose_report
from connext_monitor.core.transfer import Provenance
from connext_monitor.reporting.web.openapi import description
from connext_monitor.reporting.web.server import WebServer
from connext_monitor.store.store import Store
from tests.world.alerts import LABELS, NOW, notice
from tests.world.bridge import bridge_record, read_in
from tests.world.kinds import chain_unobserved, overdue
from tests.world.recording import put
from tests.world.two_chains import AT, DESTINATION, ORIGIN, START, Sample, chain_status, covered, fill, out_of_sight

DESCRIPTION: Any = description()
TOGETHER = Hash32(b"t" * 32)


async def asked(client: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with client.get(path) as response:
        return response.status, await response.json()


def validator(*pointer: str) -> Draft202012Validator:
    """Checks a document, its formats too, against the schema at this JSON pointer of the description."""
    registry: Registry[Any] = Registry().with_resource("api:", DRAFT202012.create_resource(DESCRIPTION))
    escaped = "/".join(part.replace("/", "~1") for part in (*pointer, "content", "application/json", "schema"))
    return Draft202012Validator(
        {"$ref": f"api:#/{escaped}"}, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


@pytest.fixture
async def everything(store: Store, statuses: list[ChainStatus]) -> None:
    """Transfers and alerts of every shape."""
    samples = [Sample(nonce, START - 50 * nonce) for nonce in range(6)]
    done, executed, reconciled, alone, far, phantom = samples
    far = Sample(77, destination=DomainId(9))
    together = [Sample(nonce).xcalled(tx_hash=TOGETHER, log_index=nonce) for nonce in (8, 9)]
    records = [done.xcalled(), done.executed(), done.reconciled(), executed.xcalled(), executed.executed(routers=())]
    records += [reconciled.reconciled(), alone.xcalled(), far.xcalled(), phantom.executed(), *together]
    await fill(store, records, progress=[covered(ORIGIN, upcoming=7)])
    await store.alerts.open(overdue(alone.id, Leg.EXECUTE, START, AT, (ORIGIN, DESTINATION)), [])
    chain = chain_unobserved("there", AT, silent_for=1, waiting=2, why="it hangs")
    await store.alerts.open(chain, [])
    await store.alerts.resolve(ResolveAlert.of(chain, Resolution.OBSERVED), AT)
    await put(store, read_in(Provenance.COVERED, *(bridge_record(kind) for kind in ("Paused", "DiamondCut"))))
    counted = {RequestKind("node.example", "eth_getLogs", "answered"): 12}
    statuses[:] = [
        chain_status(ORIGIN),
        out_of_sight(DESTINATION),
        ChainStatus(DomainId(5), "new", statuses[0].chain_id, None, None, False, False, None, None, 0, 0, counted),
    ]


def test_the_description_is_valid_openapi() -> None:
    validate(DESCRIPTION)


CASES = [
    ("/healthz", "", 200),
    ("/readyz", "", 503),
    ("/api/v1/chains", "", 200),
    ("/api/v1/chains", "?x=1", 400),
    ("/api/v1/clock", "", 200),
    ("/api/v1/clock", "?x=1", 400),
    ("/api/v1/instances", "", 200),
    ("/api/v1/instances", "?x=1", 400),
    ("/api/v1/transfers", "", 200),
    ("/api/v1/transfers", "?limit=1", 200),
    ("/api/v1/transfers", f"?address=0x{'aa' * 20}&limit=2", 200),
    ("/api/v1/transfers", "?address=0x12", 400),
    ("/api/v1/transfers", "?status=Gone", 400),
    ("/api/v1/transfers/{id_or_tx}", Sample(0, START).hex_id, 200),
    ("/api/v1/transfers/{id_or_tx}", f"0x{TOGETHER.hex()}", 200),
    ("/api/v1/transfers/{id_or_tx}", f"0x{'ab' * 32}", 404),
    ("/api/v1/transfers/{id_or_tx}", "0x12", 400),
    ("/api/v1/alerts", "", 200),
    ("/api/v1/alerts", "?state=shut", 400),
    ("/api/v1/bridge-events", "", 200),
    ("/api/v1/bridge-events", "?kind=DiamondCut&limit=1", 200),
    ("/api/v1/bridge-events", "?kind=Transfer", 400),
    ("/api/v1/routers", "", 200),
    ("/api/v1/routers", "?since=P7D&limit=1", 200),
    ("/api/v1/routers", "?cursor=x", 400),
    ("/api/v1/stats", "", 200),
    ("/api/v1/stats", "?since=P2D&bucket=PT1H&origin=here", 200),
    ("/api/v1/stats", "?since=soon", 400),
    ("/api/v1/events", "?x=1", 400),
    ("/api/v1/openapi.json", "", 200),
]


@pytest.mark.usefixtures("everything")
async def test_real_answers_are_as_described(client: aiohttp.ClientSession) -> None:
    for path, rest, status in CASES:
        answered, body = await asked(client, path.replace("{id_or_tx}", "") + rest)
        assert answered == status, path + rest
        validator("paths", path, "get", "responses", str(status)).validate(body)


@pytest.mark.parametrize("sent", [notice(), notice(Change.RESOLVED, drill=True), replace(notice(), transfer=None)])
def test_webhook_bodies_are_as_described(sent: AlertNotice) -> None:
    described = validator("webhooks", "alert", "post", "requestBody")
    for body in (whole_body(sent, LABELS, NOW.timestamp()), short_body(sent)):
        described.validate(json.loads(body))


def test_a_webhooks_report_is_as_described() -> None:
    figures = PathwayFigures(ORIGIN, DESTINATION, 128, 120, 3, LegFigures(124, 45, 120, 2), LegFigures())
    report = Report(0, 86_400, (figures,), (figures,))
    sent = ReportNotice(
        key="report",
        thread="report",
        change=Change.OPENED,
        message=compose_report(report, LABELS),
        created_at=NOW,
        document=lambda most: report_document(report, LABELS, most),
    )
    validator("webhooks", "report", "post", "requestBody").validate(json.loads(report_body(sent)))


def test_documents_have_no_properties_but_those_described() -> None:
    objects = [schema for schema in DESCRIPTION["components"]["schemas"].values() if schema.get("type") == "object"]
    assert len(objects) > 20
    assert all(schema["additionalProperties"] is False for schema in objects)


def test_every_path_is_among_the_answers() -> None:
    assert {path for path, _, status in CASES if status < 400} >= set(DESCRIPTION["paths"]) - {
        "/api/v1/events",
        "/readyz",
    }


@pytest.mark.usefixtures("everything")
async def test_every_state_of_a_list_was_among_the_answers(client: aiohttp.ClientSession) -> None:
    """Without them the test above would hold the description against less than it says."""
    _, transfers = await asked(client, "/api/v1/transfers")
    assert {transfer["status"] for transfer in transfers["items"]} >= {
        "XCalled",
        "Executed",
        "Unknown",
        "CompletedFast",
    }
    assert {transfer["deadlines"] is None for transfer in transfers["items"]} == {True, False}
    _, stats = await asked(client, "/api/v1/stats")
    assert stats["pathways"][0]["execute"]["latency_seconds"]["p50"] == 60
    assert stats["routers"][0]["owed"]
    _, alerts = await asked(client, "/api/v1/alerts")
    assert {alert["state"] for alert in alerts["items"]} == {"open", "resolved"}


async def test_the_served_description_is_this_one(client: aiohttp.ClientSession) -> None:
    assert await asked(client, "/api/v1/openapi.json") == (200, json.loads(json.dumps(DESCRIPTION)))


def test_every_route_of_the_api_is_described(server_at: Callable[[ListenAddress], WebServer]) -> None:
    served = server_at(ListenAddress("127.0.0.1", 0)).paths()
    api = {path for path in served if re.match(r"/(api/|healthz|readyz)", path)}
    assert api == set(DESCRIPTION["paths"])


async def test_filters_are_those_that_are_described(client: aiohttp.ClientSession) -> None:
    for path, described in DESCRIPTION["paths"].items():
        if path.startswith("/api/") and "{" not in path:
            named = {
                parameter["name"] for parameter in described["get"].get("parameters", ()) if parameter["in"] == "query"
            }
            _, refused = await asked(client, f"{path}?no-such-thing=1")
            known = refused["error"].partition("valid parameters: ")[2]
            assert set(known.split(", ")) - {"none"} == named, path
