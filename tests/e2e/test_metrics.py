"""/metrics of a running monitor, read from outside; and that the dashboard and the alert rules fit it."""

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from prometheus_client.core import Metric, Sample
from prometheus_client.parser import text_string_to_metric_families

from scripts.devnet import Chain, Devnet
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.promql import DOCS, Asked, Expression, asked, dashboard, expressions, rules
from tests.e2e.webhook import SECRET, Receiver
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = "s3cr3t-k3y-0f-th3-3ndp01nt"
# Prometheus gives these to all that it scrapes, and "up" is its own.
FROM_PROMETHEUS = frozenset({"job", "instance"})


class Scrape:
    """What one scrape of a monitor gave: a bridge with one leg late, one in time, and one message delivered."""

    def __init__(self, text: str, webhook_path: str) -> None:
        self.text = text
        self.webhook_path = webhook_path
        self.families: list[Metric] = list(text_string_to_metric_families(text))
        self.samples: list[Sample] = [sample for family in self.families for sample in family.samples]

    def value(self, metric: str, **labels: str) -> float:
        """The one sample of these labels."""
        (value,) = [sample.value for sample in self.samples if sample.name == metric and sample.labels == labels]
        return value

    def total(self, metric: str) -> float:
        """The sum over all labels."""
        return sum(sample.value for sample in self.samples if sample.name == metric)

    def lacks(self, selected: Asked) -> list[str]:
        """What of it no sample has."""
        if selected.metric == "up":
            return [f"up has no {name}" for name in selected.labels - FROM_PROMETHEUS]
        samples = [sample for sample in self.samples if sample.name == selected.metric]
        if not samples:
            return [f"there is no {selected.metric}"]
        names = {name for sample in samples for name in sample.labels} | FROM_PROMETHEUS
        pairs = {pair for sample in samples for pair in sample.labels.items()}
        return [f"{selected.metric} has no label {name}" for name in selected.labels - names] + [
            f'{selected.metric} has no {name}="{value}"' for name, value in selected.values - pairs
        ]


def watched(chain: Chain) -> str:
    """A router whose balance on the chain is asked for."""
    router = f'[routers.ours]\naddress = "{chain.accounts.routers[0]}"'
    return f"{router}\n[routers.ours.min_liquidity.{chain.name}]\n{chain.token} = 1\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scrape(bridge: Devnet, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scrape]:
    alpha, beta, _ = bridge.chains
    folder: Path = tmp_path_factory.mktemp("metrics")
    async with Receiver() as webhook:
        keyed = [chain.ws_url.replace("://", f"://{KEY}@") + f"/?key={KEY}" for chain in (alpha, beta)]
        endpoints = {"alpha": keyed[:1], "beta": keyed[1:]}
        setup = Setup((alpha, beta), {"machines": webhook}, execute="PT2S", endpoints=endpoints)
        config = await write_config(setup, folder)
        config.write_text(
            f'{config.read_text(encoding="utf-8")}\n[backup]\nevery = "P1D"\n{watched(beta)}', encoding="utf-8"
        )
        async with Monitor(config) as monitor:

            async def clock_is_compared() -> bool:
                return (await monitor.get("/api/v1/clock"))[1]["ahead_seconds"] is not None

            async def nonces_are_proven() -> bool:
                return all(chain["nonces_contiguous"] for chain in (await monitor.get("/api/v1/chains"))[1]["items"])

            await monitor.ready()
            prompt, late = await bridge.xcall(alpha, beta), await bridge.xcall(alpha, beta)
            await bridge.execute_fast(prompt)
            await bridge.reconcile(prompt)
            await monitor.knows(prompt, "CompletedFast")
            await webhook.gets("alert.opened", "execute_overdue", late.transfer_id)
            await until(lambda: monitor.events("backup.made"))
            await until(clock_is_compared, why=lambda: monitor.said)
            await until(nonces_are_proven, why=lambda: monitor.said)
            scraped: list[Scrape] = []

            async def has_counted_all() -> bool:
                scraped.append(Scrape(await monitor.text("/metrics"), webhook.url))
                asked = scraped[-1].total("connext_monitor_router_balances_known") > 0
                return asked and scraped[-1].total("connext_monitor_deliveries_total") > 0

            await until(has_counted_all, why=lambda: monitor.said)
            yield scraped[-1]


async def test_what_happened_on_the_bridge_is_in_the_numbers(scrape: Scrape) -> None:
    assert scrape.value("connext_monitor_events_recorded_total", chain="alpha", kind="xcalled") == 2
    assert scrape.value("connext_monitor_events_recorded_total", chain="beta", kind="executed") == 1
    assert scrape.value("connext_monitor_alerts_open", kind="execute_overdue", severity="critical") >= 1
    assert scrape.value("connext_monitor_deliveries_total", provider="machines", outcome="sent") >= 1
    pathway = {"origin": "alpha", "destination": "beta"}
    arrived = scrape.value("connext_monitor_leg_latency_seconds_count", **pathway, leg="execute")
    assert arrived == 1
    assert scrape.value("connext_monitor_deadlines", **pathway, leg="execute", state="overdue") >= 1
    assert scrape.value("connext_monitor_deadlines", **pathway, leg="reconcile", state="pending") == 1
    for chain in ("alpha", "beta"):
        assert scrape.value("connext_monitor_chain_observed", chain=chain) == 1
        assert 0 < scrape.value("connext_monitor_chain_lag_seconds", chain=chain) < 3600
        assert scrape.value("connext_monitor_nonces_contiguous", chain=chain) == 1
    assert abs(scrape.value("connext_monitor_backup_last_success_timestamp_seconds") - time.time()) < 600
    assert scrape.value("connext_monitor_process_resident_memory_bytes") > 2**20


async def test_no_secret_is_in_them(scrape: Scrape) -> None:
    assert "127.0.0.1" in scrape.text
    for secret in (KEY, SECRET, "/hook", scrape.webhook_path):
        assert secret not in scrape.text


@pytest.mark.parametrize("expression", list(expressions()), ids=lambda expression: expression.origin)
async def test_every_documented_metric_and_label_is_in_a_real_scrape(scrape: Scrape, expression: Expression) -> None:
    selectors = asked(expression.text)
    assert selectors
    assert [lack for selected in selectors for lack in scrape.lacks(selected)] == []
    labels = {name for selected in selectors for name in selected.labels} | FROM_PROMETHEUS
    for selected in selectors:
        labels |= {name for sample in scrape.samples if sample.name == selected.metric for name in sample.labels}
    assert expression.told_by <= labels


@pytest.mark.parametrize(
    "wrong",
    [
        "connext_monitor_no_such_metric",
        'connext_monitor_deadlines{state="overdone"}',
        'connext_monitor_chain_observed{name="alpha"}',
        "sum by (network) (connext_monitor_chain_observed)",
        'up{chain="alpha"}',
    ],
)
async def test_a_missing_metric_label_or_value_is_found(scrape: Scrape, wrong: str) -> None:
    assert any(scrape.lacks(selected) for selected in asked(wrong))


async def test_every_panel_says_what_it_shows_and_in_which_unit() -> None:
    panels = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    for panel in panels:
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
        if panel["type"] == "stat":
            assert len(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]) > 1
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(dashboard()["panels"])


async def test_every_rule_says_how_bad_it_is_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "description"}


async def test_every_metric_and_every_rule_is_explained(scrape: Scrape) -> None:
    metrics, operations = ((DOCS / name).read_text(encoding="utf-8") for name in ("api.md", "operations.md"))
    shown = {"counter": "_total", "gauge": "", "histogram": ""}
    names = [family.name.removeprefix("connext_monitor_") + shown[family.type] for family in scrape.families]
    first_cells = [line.split("|")[1] for line in metrics.splitlines() if line.startswith("|")]
    explained = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert [name for name in names if name not in explained] == []
    assert [rule["alert"] for rule in rules() if f"`{rule['alert']}`" not in operations] == []
