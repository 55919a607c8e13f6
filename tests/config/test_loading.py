"""What a config that loads holds: defaults, built-in chains, the examples."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from connext_monitor.alerting.providers import PROVIDER_TYPES, check_provider
from connext_monitor.config import (
    ChainConfig,
    ConfigError,
    EndpointUrl,
    LegDeadlines,
    ListenAddress,
    load_config,
)
from connext_monitor.core.events import ChainId, DomainId
from connext_monitor.deployments import DEPLOYMENTS
from tests.config.configs import CHAIN, DEVNET, EXAMPLE, load


def test_one_chain_is_enough_and_the_rest_has_its_defaults(file: Path) -> None:
    config = load(file, CHAIN)
    monitor, alerts = config.monitor, config.alerts
    assert (monitor.database, monitor.listen) == (file.parent / "connext-monitor.db", ListenAddress("127.0.0.1", 8088))
    assert (monitor.log_level, monitor.log_format, monitor.durability) == ("info", "auto", "full")
    assert alerts.unobserved_after == timedelta(minutes=2)
    assert (alerts.group_wait, alerts.group_interval) == (timedelta(seconds=2), timedelta(minutes=1))
    assert alerts.deadlines("a", "b") == LegDeadlines(timedelta(minutes=5), timedelta(hours=3))
    assert dict(config.alert_providers) == {}


def test_a_built_in_chain_needs_only_its_endpoints(file: Path) -> None:
    assert load(file, CHAIN).chains["ethereum"] == ChainConfig(
        name="ethereum",
        chain_id=ChainId(1),
        domain_id=DomainId(6648936),
        contract=DEPLOYMENTS["ethereum"].contract,
        endpoints=(EndpointUrl("ws://127.0.0.1:8545"),),
        block_time=timedelta(seconds=12),
        finality="finalized",
        start_block="latest",
        explorer="https://etherscan.io",
    )


def test_a_configured_key_overrides_the_built_in_one(file: Path) -> None:
    chain = load(file, CHAIN + 'finality = 64\nexplorer = ""\nchain_id = 1').chains["ethereum"]
    assert (chain.finality, chain.explorer, chain.domain_id) == (64, None, 6648936)


def test_any_other_chain_says_everything(file: Path) -> None:
    chain = load(file, DEVNET).chains["my-devnet"]
    assert (chain.chain_id, chain.domain_id, chain.start_block, chain.explorer) == (31337, 1001, "latest", None)
    assert chain.contract == bytes.fromhex("5FbDB2315678afecb367f032d93F642f64180aa3")


def test_two_chains_may_have_the_same_contract_address(file: Path) -> None:
    # Two devnets made alike have their diamonds at the same place.
    other = (
        DEVNET.replace("my-devnet", "other").replace("31337", "31338").replace("1001", "1002").replace("8546", "8547")
    )
    chains = load(file, DEVNET + other).chains
    assert chains["other"].contract == chains["my-devnet"].contract


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:0", ListenAddress("127.0.0.1", 0)),
        ("[::1]:8088", ListenAddress("::1", 8088)),
        ("localhost:65535", ListenAddress("localhost", 65535)),
        ("", None),
    ],
)
def test_where_to_listen(file: Path, listen: str, address: ListenAddress | None) -> None:
    address_read = load(file, f'monitor.listen = "{listen}"\n{CHAIN}').monitor.listen
    assert address_read == address
    assert str(address_read or "") == listen


def test_a_relative_database_counts_from_the_folder_of_the_file(file: Path) -> None:
    (file.parent / "data").mkdir()
    assert (
        load(file, f'monitor.database = "data/../data/m.db"\n{CHAIN}').monitor.database == file.parent / "data" / "m.db"
    )


def test_an_absolute_database_stays_where_it_is(file: Path) -> None:
    assert load(file, f'monitor.database = "{file.parent}/m.db"\n{CHAIN}').monitor.database == file.parent / "m.db"


def test_a_database_beside_a_relative_config_file_is_absolute(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(CHAIN)
    monkeypatch.chdir(file.parent)
    assert load_config(Path("config.toml"), {}).monitor.database == file.parent / "connext-monitor.db"


def test_the_first_pathway_that_matches_wins(file: Path) -> None:
    text = """
    [[alerts.pathways]]
    origin = "ethereum"
    destination = "my-devnet"
    reconcile_deadline = "PT1H"
    [[alerts.pathways]]
    origin = "ethereum"
    execute_deadline = "PT15M"
    [[alerts.pathways]]
    destination = "ethereum"
    execute_deadline = "PT1M"
    """
    alerts = load(file, text + CHAIN + DEVNET).alerts
    assert alerts.deadlines("ethereum", "my-devnet") == LegDeadlines(timedelta(minutes=5), timedelta(hours=1))
    assert alerts.deadlines("ethereum", "base") == LegDeadlines(timedelta(minutes=15), timedelta(hours=3))
    assert alerts.deadlines("base", "ethereum") == LegDeadlines(timedelta(minutes=1), timedelta(hours=3))
    assert alerts.deadlines("base", "mode") == LegDeadlines(timedelta(minutes=5), timedelta(hours=3))


def test_a_file_that_begins_with_a_byte_order_mark_loads(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + CHAIN.encode())
    assert list(load_config(file, {}).chains) == ["ethereum"]


def test_nothing_of_a_config_can_be_changed(file: Path) -> None:
    config = load(file, CHAIN)
    with pytest.raises(TypeError):
        config.chains["x"] = config.chains["ethereum"]  # type: ignore[index] # that is the claim
    with pytest.raises(ValueError, match="frozen"):
        config.monitor.log_level = "debug"


def environ_for(text: str) -> dict[str, str]:
    schemes = {"HEARTBEAT_URL": "https"}
    return {name: f"{schemes.get(name, 'wss')}://node.example/{name}" for name in re.findall(r"\$\{([A-Z_]+)\}", text)}


def test_the_example_loads(file: Path) -> None:
    text = EXAMPLE.read_text()
    assert list(load(file, text, **environ_for(text)).chains) == ["ethereum", "optimism"]


def test_the_example_loads_with_all_that_is_turned_off_turned_on(file: Path) -> None:
    text = re.sub(r"(?m)^#(?=\S)", "", EXAMPLE.read_text())
    config = load(file, text, **environ_for(text))
    assert set(config.chains) == {*DEPLOYMENTS, "my-devnet"}
    assert set(config.alert_providers) == set(re.findall(r"(?m)^\[alert_providers\.(.+)\]", text))
    assert {table["type"] for table in config.alert_providers.values()} == set(PROVIDER_TYPES)
    assert config.heartbeat.url is not None


def test_the_example_shows_the_defaults(file: Path) -> None:
    text = EXAMPLE.read_text()
    shown, bare = load(file, text, **environ_for(text)), load(file, CHAIN)
    assert shown.monitor == bare.monitor
    assert shown.alerts.deadlines("x", "y") == bare.alerts.deadlines("x", "y")


START = EXAMPLE.parent.parent / "config.toml"


def test_the_config_at_the_root_works_with_nothing_set(file: Path) -> None:
    file.write_text(START.read_text(encoding="utf-8"))
    config = load_config(file, {}, check_provider)
    assert set(config.chains) == set(DEPLOYMENTS)
    for chain in config.chains.values():
        assert len({url.host for url in chain.endpoints}) == 2
        assert {url.scheme for url in chain.endpoints} <= {"wss", "https"}
    assert dict(config.alert_providers) == {"console": {"type": "console"}}
    assert set(config.not_configured) == {"discord", "slack", "telegram", "pagerduty", "webhook"}
    assert config.heartbeat.url is None


def test_the_config_at_the_root_takes_everything_from_the_environment(file: Path) -> None:
    text = START.read_text(encoding="utf-8")
    file.write_text(text)
    given = {name: f"https://own.example/{name}" for name in re.findall(r"\$\{([A-Z_]+):-", text)} | {
        "CONNEXT_MONITOR_LISTEN": "127.0.0.1:1",
        "DISCORD_WEBHOOK_URL": "https://discord.example/api/webhooks/1/x",
        "DISCORD_MENTION": "<@&1>",
        "SLACK_MENTION": "<!here>",
        "TELEGRAM_BOT_TOKEN": "1:" + "x" * 35,
        "TELEGRAM_CHAT_ID": "-1",
        "PAGERDUTY_ROUTING_KEY": "a" * 32,
        "WEBHOOK_SECRET": "whsec_" + "A" * 40,
    }
    config = load_config(file, {name: f"{value}\n" for name, value in given.items()}, check_provider)
    assert {url.host for chain in config.chains.values() for url in chain.endpoints} == {"own.example"}
    assert set(config.alert_providers) == {"console", "discord", "slack", "telegram", "pagerduty", "webhook"}
    assert dict(config.not_configured) == {}
    assert config.heartbeat.url is not None


def test_there_is_no_heartbeat_unless_it_has_a_url(file: Path) -> None:
    assert load(file, CHAIN).heartbeat.url is None
    beating = load(file, CHAIN + '[heartbeat]\nurl = "https://hc.example/s3cret"\nevery = "PT30S"\n').heartbeat
    assert (str(beating.url), beating.every) == ("https://hc.example", timedelta(seconds=30))


def test_backups_are_made_only_where_they_are_asked_for(file: Path) -> None:
    assert load(file, CHAIN).backup.every is None
    asked = load(file, CHAIN + '[backup]\nupload = "s3://bucket/pre/fix/"\n').backup
    assert (asked.every, asked.keep, asked.directory) == (timedelta(hours=6), 28, file.parent / "backups")
    assert (str(asked.upload), asked.endpoint) == ("s3://bucket/pre/fix", None)
    assert load(file, CHAIN + '[backup]\nevery = ""\n').backup.every is None


def test_what_is_settled_is_kept_for_ever_unless_it_is_said_otherwise(file: Path) -> None:
    assert load(file, CHAIN).monitor.keep is None
    assert load(file, CHAIN + '[monitor]\nkeep = "P2000D"').monitor.keep == timedelta(days=2000)


def test_a_report_comes_once_a_day_unless_it_is_said_otherwise(file: Path) -> None:
    assert load(file, CHAIN).stats.every == timedelta(days=1)
    assert load(file, CHAIN + '[stats]\nevery = ""\n').stats.every is None


def test_a_takeover_is_after_a_silence_of_sensible_length(file: Path) -> None:
    assert load(file, CHAIN).cluster.takeover_after == timedelta(seconds=30)
    named = load(file, CHAIN + '[cluster]\ntakeover_after = "PT10S"\nname = "left"\n').cluster
    assert (named.takeover_after, named.name) == (timedelta(seconds=10), "left")
    for wrong in ("PT1S", "PT1H"):
        with pytest.raises(ConfigError, match="takeover_after"):
            load(file, CHAIN + f'[cluster]\ntakeover_after = "{wrong}"\n')
