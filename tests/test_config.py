import json
import os
import pickle
import re
import traceback
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, Field

from connext_monitor.alerting.providers import check_provider
from connext_monitor.config import (
    AlertsConfig,
    ChainConfig,
    Config,
    ConfigError,
    Deadlines,
    Duration,
    EndpointUrl,
    ListenAddress,
    MonitorConfig,
    PathwayConfig,
    Problem,
    ProviderTable,
    SecretText,
    SecretUrl,
    Table,
    load_config,
    parse_duration,
    parse_table,
)
from connext_monitor.core.events import ChainId, DomainId
from connext_monitor.deployments import DEPLOYMENTS
from tests.world.examples import examples

SECRET = "S3CR3T"
EXAMPLE = Path(__file__).parent.parent / "docs" / "config.example.toml"
CHAIN = '[chains.ethereum]\nendpoints = ["ws://127.0.0.1:8545"]\n'
DEVNET = """[chains.my-devnet]
chain_id = 31337
domain_id = 1001
contract = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
endpoints = ["ws://127.0.0.1:8546"]
block_time = "PT1S"
finality = 5
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def load(file: Path, text: str, **environ: str) -> Config:
    file.write_text(text, encoding="utf-8")
    return load_config(file, environ)


def refused(file: Path, text: str, **environ: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(file, text, **environ)
    return caught.value


def keys(error: ConfigError) -> list[str]:
    return [problem.key for problem in error.problems]


# --- what loads ---


def test_one_chain_is_enough_and_the_rest_has_its_defaults(file: Path) -> None:
    config = load(file, CHAIN)
    monitor, alerts = config.monitor, config.alerts
    assert (monitor.database, monitor.listen) == (file.parent / "connext-monitor.db", ListenAddress("127.0.0.1", 8088))
    assert (monitor.log_level, monitor.log_format) == ("info", "auto")
    assert alerts.unobserved_after == timedelta(minutes=2)
    assert (alerts.group_wait, alerts.group_interval) == (timedelta(seconds=2), timedelta(minutes=1))
    assert alerts.deadlines("a", "b") == Deadlines(timedelta(minutes=5), timedelta(hours=3))
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
    found = load(file, f'monitor.listen = "{listen}"\n{CHAIN}').monitor.listen
    assert found == address
    assert str(found or "") == listen


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
    assert alerts.deadlines("ethereum", "my-devnet") == Deadlines(timedelta(minutes=5), timedelta(hours=1))
    assert alerts.deadlines("ethereum", "base") == Deadlines(timedelta(minutes=15), timedelta(hours=3))
    assert alerts.deadlines("base", "ethereum") == Deadlines(timedelta(minutes=1), timedelta(hours=3))
    assert alerts.deadlines("base", "mode") == Deadlines(timedelta(minutes=5), timedelta(hours=3))


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
    assert set(config.alert_providers) == {"console", "ops", "desk", "desk-bot", "phone", "pager", "mail", "machines"}
    assert config.heartbeat.url is not None


def test_the_example_shows_the_defaults(file: Path) -> None:
    text = EXAMPLE.read_text()
    shown, bare = load(file, text, **environ_for(text)), load(file, CHAIN)
    assert shown.monitor == bare.monitor
    assert shown.alerts.deadlines("x", "y") == bare.alerts.deadlines("x", "y")


# --- the config at the root, which works as it is ---

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


# --- variables ---


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("${A}", "one"),
        ("x${A}y${B_2}z", "xoney${A}z"),
        ("$${A}", "${A}"),
        ("$A $ $$", "$A $ $$"),
        ("$$${A}", "$${A}"),
    ],
)
def test_a_variable_is_filled_in_at_any_depth_and_not_looked_into(file: Path, written: str, meant: str) -> None:
    text = f'{CHAIN}[alert_providers.x]\nplain = "{written}"\ndeep = [{{ k = "{written}" }}]'
    table = load(file, text, A="one", B_2="${A}").alert_providers["x"]
    assert dict(table) == {"plain": meant, "deep": [{"k": meant}]}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("${A:-two}", "one"),
        ("${UNSET:-two}", "two"),
        ("${EMPTY:-two}", "two"),
        ("${BLANK:-two}", "two"),
        ("${UNSET:-https://h:8/a?b=c&d=:-e/}", "https://h:8/a?b=c&d=:-e/"),
        ("x${UNSET:- two }y", "x two y"),
        ("${UNSET:-$}${UNSET:-$A}", "$$A"),
        ("x${UNSET:-}", "x"),
        ("$${A:-two}", "${A:-two}"),
        ("${EMPTY}", ""),
    ],
)
def test_a_default_stands_where_a_variable_has_nothing(file: Path, written: str, meant: str) -> None:
    text = f'{CHAIN}[alert_providers.x]\nplain = "{written}"\ndeep = [{{ k = "{written}" }}]'
    table = load(file, text, A="one", EMPTY="", BLANK=" \n").alert_providers["x"]
    assert dict(table) == {"plain": meant, "deep": [{"k": meant}]}


def test_an_empty_default_takes_out_the_key_or_the_entry_that_it_leaves_empty(file: Path) -> None:
    text = """monitor.log_level = "${LEVEL:-}"
    heartbeat.url = "${BEAT:-}"
    [chains.base]
    endpoints = ["${A:-}", "ws://one", "${B:-}${C:-}", "ws://two"]
    [alert_providers.x]
    list = [["${A:-}"], "${A:-}", "x"]
    key = "${A:-}"
    """
    config = load(file, text)
    assert (config.monitor.log_level, config.heartbeat.url) == ("info", None)
    assert [url.host for url in config.chains["base"].endpoints] == ["one", "two"]
    assert dict(config.alert_providers["x"]) == {"list": [[], "x"]}
    assert load(file, text, B="ws://three").chains["base"].endpoints[1] == EndpointUrl("ws://three")


def test_what_is_wrong_beside_an_entry_taken_out_is_named_as_the_file_has_it(file: Path) -> None:
    text = '[chains.base]\nendpoints = ["${A:-}", "ws://h", "${A:-}", "S3CR3T"]'
    assert keys(refused(file, text)) == ["chains.base.endpoints[3]"]
    text = '[chains.base]\nendpoints = ["${A:-}", "ws://h", "${A:-}", "${B}"]'
    assert keys(refused(file, text, B="S3CR3T")) == ["chains.base.endpoints[3]"]
    error = refused(file, text, B="ws://h")
    assert str(error).startswith(
        f"{file}: chains.base.endpoints[3]: is the same URL as chains.base.endpoints[1] "
        "(it comes from the environment variable B); "
    )


def test_a_list_that_has_lost_all_its_entries_says_which_variables_would_fill_it(file: Path) -> None:
    error = refused(file, '[chains.base]\nendpoints = ["${A:-}", "${B:-}"]')
    assert "endpoints: has too few entries (the environment variables A, B are not set); give at least 1" in str(error)


def test_a_table_taken_out_of_a_list_leaves_the_others_where_they_were(file: Path) -> None:
    # Two keys that are no plain words are one in all words about them; they are two here.
    config = load(file, CHAIN + '[alert_providers.x]\n"a b" = "${A:-}"\n"c d" = "kept"')
    assert dict(config.alert_providers["x"]) == {"c d": "kept"}


# --- providers that the environment turns on ---

OPTIONAL = {
    "discord": 'webhook_url = "${URL:-}"\nmention = "${MENTION:-}"',
    "slack": 'webhook_url = "${URL:-}"',
    "slack bot": 'token = "${TOKEN:-}"\nchannel = "#alerts"',
    "telegram": 'token = "${TOKEN:-}"\nchat_id = "${CHAT:-}"',
    "pagerduty": 'routing_key = "${TOKEN:-}"',
    "webhook": 'url = "${URL:-}"\nsecret = "${TOKEN:-}"',
    "apprise": 'url = "${URL:-}"',
}


def optional(kind: str, more: str = "") -> str:
    return f'{CHAIN}[alert_providers.ops]\ntype = "{kind.partition(" ")[0]}"\n{OPTIONAL[kind]}\n{more}'


@pytest.mark.parametrize("kind", OPTIONAL)
def test_a_provider_without_any_of_its_variables_is_left_out_and_said_to_be(file: Path, kind: str) -> None:
    file.write_text(optional(kind))
    config = load_config(file, {"UNRELATED": "x"}, check_provider)
    assert dict(config.alert_providers) == {}
    assert config.not_configured["ops"].type == kind.partition(" ")[0]
    assert set(config.not_configured["ops"].variables) <= {"URL", "TOKEN", "CHAT", "MENTION"}


@pytest.mark.parametrize(
    ("kind", "environ", "words"),
    [
        ("telegram", {"TOKEN": "1:" + "x" * 35}, "ops.chat_id: is missing (the environment variable CHAT is not set)"),
        ("telegram", {"CHAT": "1"}, "ops.token: is missing (the environment variable TOKEN is not set)"),
        ("discord", {"MENTION": "<@1>"}, "ops.webhook_url: is missing (the environment variable URL is not set)"),
        ("webhook", {"TOKEN": "whsec_" + "A" * 40}, "ops.url: is missing (the environment variable URL is not set)"),
        ("discord", {"URL": "S3CR3T"}, "ops.webhook_url: is not a URL with a supported scheme (it comes from the "),
    ],
)
def test_half_a_provider_is_a_mistake(file: Path, kind: str, environ: dict[str, str], words: str) -> None:
    file.write_text(optional(kind))
    with pytest.raises(ConfigError) as caught:
        load_config(file, environ, check_provider)
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)


def test_another_mistake_of_a_provider_that_is_left_out_is_told(file: Path) -> None:
    file.write_text(optional("discord", 'min_severity = "loud"'))
    with pytest.raises(ConfigError, match=r"ops\.min_severity"):
        load_config(file, {}, check_provider)


def test_an_empty_variable_without_a_default_leaves_nothing_out(file: Path) -> None:
    file.write_text(f'{CHAIN}[alert_providers.ops]\ntype = "discord"\nwebhook_url = "${{URL}}"')
    with pytest.raises(ConfigError, match=r"ops\.webhook_url: is empty \(it comes from the environment variable URL\)"):
        load_config(file, {"URL": "\n"}, check_provider)


def test_an_unset_variable_is_named(file: Path) -> None:
    error = refused(file, '[chains.ethereum]\nendpoints = ["wss://${HOST_NAME}/S3CR3T", "${HOST_NAME}"]')
    assert keys(error) == ["chains.ethereum.endpoints[0]", "chains.ethereum.endpoints[1]"]
    assert "the environment variable HOST_NAME is not set; set it" in str(error)
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    "written",
    [
        "${}",
        "${A",
        "${A-B}",
        "${1A}",
        "${ A }",
        "x ${",
        "${A:-x",
        "${A:-${B}}",
        "${A:-$${B}",
        "${A:-{}}",
        "${:-x}",
        "${A:=x}",
        "${A:?x}",
        "${A:+x}",
        "${A -x}",
        "${Ä:-x}",
    ],
)
def test_a_malformed_reference_is_refused_without_quoting_it(file: Path, written: str) -> None:
    error = refused(file, f'{CHAIN}[alert_providers.x]\nsecret = "S3CR3T{written}S3CR3T"', A="a")
    assert keys(error) == ["alert_providers.x.secret"]
    assert '"${" that names no variable' in str(error)
    assert SECRET not in str(error)


def test_what_comes_from_the_environment_is_never_shown(file: Path) -> None:
    error = refused(
        file, 'monitor.log_level = "${LEVEL}"\nalerts.execute_deadline = "${LEVEL}"\n' + CHAIN, LEVEL=SECRET
    )
    assert keys(error) == ["monitor.log_level", "alerts.execute_deadline"]
    assert SECRET not in str(error)


def test_a_variable_that_is_not_utf8_is_refused(file: Path) -> None:
    error = refused(file, '[chains.ethereum]\nendpoints = ["${URL}"]', URL="wss://node.example/\udcff")
    assert "the environment variable URL is not valid UTF-8" in str(error)


# --- what is refused: a line of TOML, the key it is refused at, and words of the refusal ---

BAD_VALUES = [
    # unknown keys, with the nearest known one
    ('monitor.databse = "S3CR3T"', "monitor.databse", 'did you mean "database"?'),
    ('monitor.zzz = "S3CR3T"', "monitor.zzz", "database, keep, listen, log_format, log_level"),
    ("[alert]", "alert", 'did you mean "alerts"?'),
    ("[alerts-providers.x]", "alerts-providers", 'did you mean "alert_providers"?'),
    ("[zzz]", "zzz", "monitor"),
    ('[[alerts.pathways]]\norgin = "S3CR3T"', "alerts.pathways[0].orgin", 'did you mean "origin"?'),
    ('[chains.base]\nendpoint = "S3CR3T"\nendpoints = ["ws://h"]', "chains.base.endpoint", 'did you mean "endpoints"?'),
    ('[chains.base]\nname = "S3CR3T"\nendpoints = ["ws://h"]', "chains.base.name", "not a known key"),
    ('monitor."https://h/S3CR3T" = 1', 'monitor."…"', "not a known key"),
    # the table stats
    ('[stats]\nevery = "S3CR3T"', "stats.every", "ISO 8601"),
    ("[stats]\nevery = 1", "stats.every", "must be a string"),
    # the table backup
    ('[backup]\nupload = "S3CR3T"', "backup.upload", "s3://bucket/prefix"),
    ('[backup]\nupload = "s3://key:S3CR3T@bucket/x"', "backup.upload", "credentials come from the environment"),
    ('[backup]\nupload = "s3://bucket/../x"', "backup.upload", "s3://bucket/prefix"),
    ('[backup]\nendpoint = "ftp://S3CR3T"', "backup.endpoint", "scheme"),
    ('[backup]\nevery = "PT0S"', "backup.every", "longer than zero"),
    ("[backup]\nkeep = 0", "backup.keep", "at least 1"),
    ('[backup]\ndirectory = ""', "backup.directory", "not the name of a directory"),
    ('[backup]\ndirectory = "config.toml"', "backup.directory", "not a directory"),
    ('monitor.keep = "PT1H"', "monitor.keep", "P1D"),
    ('monitor.keep = "S3CR3T"', "monitor.keep", "ISO 8601"),
    # what is no table
    ("monitor = 1", "monitor", "must be a table"),
    ("alerts = []", "alerts", "must be a table"),
    ('alert_providers.type = "S3CR3T"', "alert_providers.type", "[alert_providers.NAME]"),
    ('[chains]\nbase = "S3CR3T"', "chains.base", "[chains.NAME]"),
    ("[alerts]\npathways = [1]", "alerts.pathways[0]", "must be a table"),
    ("[alerts]\npathways = {}", "alerts.pathways", "must be a list"),
    # names
    ("[chains.Base]", "chains.Base", "a-z, 0-9 and -"),
    ('[chains."https://h/S3CR3T"]', 'chains."…"', "a-z, 0-9 and -"),
    ('[alert_providers."https://h/S3CR3T"]', 'alert_providers."…"', "rename it"),
    # the table monitor
    ('monitor.log_level = "S3CR3T"', "monitor.log_level", "write 'debug', 'info', 'warning' or 'error'"),
    ('monitor.log_format = "S3CR3T"', "monitor.log_format", "write 'auto', 'console' or 'json'"),
    ("monitor.log_level = 7", "monitor.log_level", "not an allowed value"),
    ('monitor.database = "missing/S3CR3T.db"', "monitor.database", "create the directory first"),
    ('monitor.database = "."', "monitor.database", "is a directory"),
    ('monitor.database = ""', "monitor.database", "not a file name"),
    ('monitor.database = "S3CR3T\\u0000"', "monitor.database", "not a file name"),
    pytest.param(f'monitor.database = "{"S3CR3T" * 900}/x"', "monitor.database", "cannot be entered", id="long-path"),
    ("monitor.database = 1", "monitor.database", "must be a string"),
    *(
        (f'monitor.listen = "{listen}"', "monitor.listen", "is not HOST:PORT")
        for listen in (
            "8088",
            ":8088",
            "S3CR3T",
            "S3CR3T:",
            "h:65536",
            "h:-1",
            "::1:8088",
            "[S3CR3T]:1",
            "[1]:1",
            "h:1 ",
            "h\\n:1",
        )
    ),
    ("monitor.listen = 8088", "monitor.listen", "must be a string"),
    # durations
    *(
        (f'alerts.execute_deadline = "{text}"', "alerts.execute_deadline", words)
        for text, words in {
            "": "ISO 8601",
            "S3CR3T": "ISO 8601",
            "5m": "ISO 8601",
            "P": "ISO 8601",
            "PT": "ISO 8601",
            "P1DT": "ISO 8601",
            "pt5m": "ISO 8601",
            "PT5M ": "ISO 8601",
            "PT1M1H": "ISO 8601",
            "PT1.5M": "ISO 8601",
            "P1S": "ISO 8601",
            "PT٣M": "ISO 8601",
            "P1Y": "years or months",
            "P1M": "years or months",
            "P1Y2DT3H": "years or months",
            "PT0S": "longer than zero",
            "P0D": "longer than zero",
            "-PT5M": "is negative",
            "PT-5M": "is negative",
            "P366D": "longer than 365 days",
            "PT8760H0.1S": "longer than 365 days",
            "P999999999W": "longer than 365 days",
        }.items()
    ),
    ("alerts.reconcile_deadline = 300", "alerts.reconcile_deadline", "must be a string"),
    ('alerts.group_wait = "PT61S"', "alerts.group_wait", "would hold alerts back for more than a minute"),
    ('alerts.group_wait = "2"', "alerts.group_wait", "is not an ISO 8601 duration"),
    ('alerts.group_interval = "PT0S"', "alerts.group_interval", "must be longer than zero"),
    ("alerts.unobserved_after = 12:00:00", "alerts.unobserved_after", "must be a string"),
    (
        '[[alerts.pathways]]\n[[alerts.pathways]]\nexecute_deadline = "PT0S"',
        "alerts.pathways[1].execute_deadline",
        "longer than zero",
    ),
    # pathways
    ('[[alerts.pathways]]\norigin = "etherum"', "alerts.pathways[0].origin", 'did you mean "ethereum"?'),
    ('[[alerts.pathways]]\ndestination = "S3CR3T"', "alerts.pathways[0].destination", 'write "*" for all'),
    ("[[alerts.pathways]]\norigin = 1", "alerts.pathways[0].origin", "must be a string"),
    # endpoints
    ("[chains.base]", "chains.base.endpoints", "is missing"),
    ("[chains.base]\nendpoints = []", "chains.base.endpoints", "give at least 1"),
    ('[chains.base]\nendpoints = "wss://h/S3CR3T"', "chains.base.endpoints", "must be a list"),
    *(
        (f'[chains.base]\nendpoints = ["ws://good", "{url}"]', "chains.base.endpoints[1]", words)
        for url, words in {
            "": "is empty",
            "S3CR3T": "scheme",
            "h.example/S3CR3T": "scheme",
            "ftp://h/S3CR3T": "wss:// or ws:// or https:// or http://",
            "wss:///S3CR3T": "without a usable host",
            "wss:/h/S3CR3T": "without a usable host",
            "wss://S3CR3T@": "without a usable host",
            "wss://h:S3CR3T": "host or port",
            "wss://h:99999/S3CR3T": "host or port",
            "wss://h:0/S3CR3T": "host or port",
            "wss://[S3CR3T": "host or port",
            "wss://hö.example/S3CR3T": "usable host",
            "wss://h/S3CR3T#x": '"#" part',
            " wss://h/S3CR3T": "contains a space",
            "wss://h/S3CR3T\\n": "contains a space",
            "wss://h/S3C\\u0000R3T": "contains a space",
            "wss://h/S3CR3T\\u202e": "contains a space",
            '\\"wss://h/S3CR3T\\"': "contains a space, a quote",
        }.items()
    ),
    ('[chains.base]\nendpoints = ["ws://h", 1]', "chains.base.endpoints[1]", "must be a string"),
    (
        '[chains.base]\nendpoints = ["ws://h/S3CR3T", "ws://h/S3CR3T"]',
        "chains.base.endpoints[1]",
        "same URL as chains.base",
    ),
    ('[chains.base]\nendpoints = ["ws://127.0.0.1:8545"]', "chains.base.endpoints[0]", "same URL as chains.ethereum"),
    # the other keys of a chain
    ('[chains.base]\nendpoints = ["ws://h"]\nchain_id = 1', "chains.base.chain_id", "whose chain id is 8453"),
    ('[chains.base]\nendpoints = ["ws://h"]\nchain_id = "S3CR3T"', "chains.base.chain_id", "must be a whole number"),
    (
        '[chains.base]\nendpoints = ["ws://h"]\ndomain_id = 6648936',
        "chains.base.domain_id",
        "as that of chains.ethereum",
    ),
    ('[chains.base]\nendpoints = ["ws://h"]\ndomain_id = 4294967296', "chains.base.domain_id", "at most 4294967295"),
    ('[chains.base]\nendpoints = ["ws://h"]\ndomain_id = 1.0', "chains.base.domain_id", "must be a whole number"),
    (DEVNET.replace("31337", "1"), "chains.my-devnet.chain_id", "as that of chains.ethereum"),
    (DEVNET.replace("31337", "0"), "chains.my-devnet.chain_id", "at least 1"),
    (DEVNET.replace("31337", "true"), "chains.my-devnet.chain_id", "must be a whole number"),
    (DEVNET.replace("31337", "9223372036854775808"), "chains.my-devnet.chain_id", "at most"),
    *(
        (DEVNET.replace("0x5FbDB2315678afecb367f032d93F642f64180aa3", address), "chains.my-devnet.contract", words)
        for address, words in {
            "S3CR3T": "0x and 40 hex digits",
            "5FbDB2315678afecb367f032d93F642f64180aa3": "0x and 40 hex digits",
            "0x5FbDB2315678afecb367f032d93F642f64180aa": "0x and 40 hex digits",
            "0x5FbDB2315678afecb367f032d93F642f64180aA3": "checksum",
            "0x" + "0" * 40: "zero address",
        }.items()
    ),
    (DEVNET.replace("finality = 5", "finality = -1"), "chains.my-devnet.finality", "is not a valid finality"),
    (DEVNET.replace("finality = 5", "finality = true"), "chains.my-devnet.finality", "is not a valid finality"),
    (DEVNET.replace("finality = 5", 'finality = "latest"'), "chains.my-devnet.finality", '"safe", or "finalized"'),
    (DEVNET + "start_block = -1", "chains.my-devnet.start_block", 'write "latest" or a block number'),
    (DEVNET + 'start_block = "seven"', "chains.my-devnet.start_block", 'write "latest" or a block number'),
    (DEVNET + 'explorer = "S3CR3T"', "chains.my-devnet.explorer", "https://"),
    (DEVNET + 'explorer = "https://h?k=S3CR3T"', "chains.my-devnet.explorer", "must not have"),
    (DEVNET.replace('"PT1S"', '"1s"'), "chains.my-devnet.block_time", "ISO 8601"),
    (
        '[chains.my-net]\nendpoints = ["ws://h"]\nchain_id = 7',
        "chains.my-net",
        "missing domain_id, contract, block_time, finality",
    ),
    ('[chains.etherum]\nendpoints = ["ws://h"]', "chains.etherum", 'did you mean "ethereum"?'),
]


@pytest.mark.parametrize(("toml", "key", "words"), BAD_VALUES)
def test_a_bad_setting_is_refused_at_its_key_with_a_cure_and_no_secret(
    file: Path, toml: str, key: str, words: str
) -> None:
    top, sep, rest = toml.partition("\n[") if not toml.startswith("[") else ("", "\n[", toml[1:])
    error = refused(file, f"{top}\n{CHAIN}{sep}{rest}" if sep else f"{top}\n{CHAIN}")
    assert keys(error) == [key]
    assert str(error).startswith(f"{file}: {key}: ")
    assert words in str(error)
    assert SECRET not in str(error)


def test_all_problems_come_at_once_one_line_each(file: Path) -> None:
    error = refused(
        file,
        'monitor.listen = "x"\nalerts.zzz = 1\n[chains.base]\n[chains.x]\n[backup]\nkeep = 0\n[alert_providers]\nt = 1',
    )
    assert keys(error) == [
        "monitor.listen",
        "alerts.zzz",
        "backup.keep",
        "chains.base.endpoints",
        "chains.x",
        "alert_providers.t",
    ]
    assert len(str(error).splitlines()) == 6


def test_no_chains_is_refused(file: Path) -> None:
    error = refused(file, "")
    assert keys(error) == ["chains"]
    assert "add [chains.ethereum]" in str(error)


def test_a_pathway_may_name_a_chain_that_is_itself_wrong(file: Path) -> None:
    error = refused(file, '[[alerts.pathways]]\norigin = "base"\n[chains.base]')
    assert keys(error) == ["chains.base.endpoints"]


# --- the file itself ---


def test_a_missing_file_is_named_with_a_way_to_make_it(file: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    assert str(caught.value).startswith(f"{file}: the config file does not exist; copy docs/config.example.toml there")


@pytest.mark.parametrize("name", ["", "x\0y", "config.toml/below"])
def test_what_is_no_file_is_refused(file: Path, name: str) -> None:
    file.write_text("")
    with pytest.raises(ConfigError) as caught:
        load_config(file.parent / name, {})
    assert "this is not a file" in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(file: Path) -> None:
    file.write_text(CHAIN)
    file.chmod(0)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(file, {})


def test_a_file_the_system_cannot_open_is_refused(file: Path) -> None:
    file.symlink_to(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(file, {})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (CHAIN.encode("utf-16"), "contains NUL bytes, as UTF-16 text does; save it as UTF-8"),
        (CHAIN.encode("utf-16-le"), "contains NUL bytes, as UTF-16 text does; save it as UTF-8"),
        (CHAIN.encode("utf-16-be"), "contains NUL bytes, as UTF-16 text does; save it as UTF-8"),
        (CHAIN.encode() + b"\0", "contains NUL bytes"),
        ((CHAIN + "# é").encode("latin-1"), "not UTF-8 text (line 3)"),
        (b"", "chains: holds no chain"),
        (b"\xef\xbb\xbf", "chains: holds no chain"),
        (b"x = 1\n" * 200_000, "larger than 1 MiB; name the config file itself"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_file_of_another_kind_is_refused(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    assert words in str(caught.value)


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="larger than"):
        load_config(Path("/dev/zero"), {})


def test_line_ends_of_windows_are_line_ends(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + CHAIN.replace("\n", "\r\n").encode())
    assert list(load_config(file, {}).chains) == ["ethereum"]


def test_a_file_that_is_not_utf8_is_refused_with_the_line(file: Path) -> None:
    file.write_bytes(b"\n\nx = 'S3CR3T\xff'")
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    assert "not UTF-8 text (line 3)" in str(caught.value)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("\nx = S3CR3T", "line 2, column 5: a value is not valid (text needs quotes)"),
        ('x = "S3CR3T', "at the end of the file: a string is not closed"),
        ('x = "S3CR3T\n"', "line 1, column 12: a string is not closed"),
        ('S3CR3T "x"', 'line 1, column 8: a key has no "=" after it'),
        ("[S3CR3T]\n[S3CR3T]", "the same table appears twice"),
        ("S3CR3T = 1\nS3CR3T = 2", "the same key appears twice"),
        ("x = {S3CR3T = 1, S3CR3T = 2}", "the same key appears twice"),
        ("x = 1 S3CR3T", "there is something after a value"),
        ('x = ["S3CR3T"', "at the end of the file: a bracket is not closed"),
        ("x = " + "9" * 5000, "not valid TOML"),
        ("x = " + "[" * 5000, "not valid TOML"),
        (".".join("a" * 3000) + " = 1", "far too deeply"),
    ],
)
def test_wrong_toml_is_refused_with_its_place_and_not_quoted(file: Path, toml: str, words: str) -> None:
    error = refused(file, toml)
    assert keys(error) == [""]
    assert words in str(error)
    assert SECRET not in str(error)


def test_a_file_name_with_a_line_break_stays_on_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "a\nb\x1b[2J", {})
    assert str(caught.value).isprintable()


# --- whatever a file holds ---

TABLES = ["monitor", "alerts", "chains", "alert_providers", "stats"]
WORDS = [
    *TABLES,
    *MonitorConfig.model_fields,
    *AlertsConfig.model_fields,
    *PathwayConfig.model_fields,
    *ChainConfig.model_fields,
]
KEYS = st.one_of(st.sampled_from(WORDS), st.text(st.characters(codec="utf-8"), max_size=5))
STRINGS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.sampled_from(["", "*", "PT5M", "latest", "ws://h/", "https://[::1]/", "${A}", "$${", "${", "0x" + "ab" * 20]),
).map(lambda text: text + SECRET)
LEAVES = st.one_of(
    STRINGS,
    st.integers(-(2**65), 2**65),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.times(),
    st.datetimes(),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
CHAINS = st.dictionaries(st.sampled_from(["ethereum", "my-devnet"]), st.dictionaries(st.sampled_from(WORDS), VALUES))
DOCUMENTS = st.one_of(
    st.dictionaries(st.one_of(st.sampled_from(TABLES), KEYS), VALUES, max_size=5),
    st.fixed_dictionaries(
        {"chains": CHAINS}, optional=dict.fromkeys({*TABLES} - {"chains"}, st.dictionaries(KEYS, VALUES, max_size=4))
    ),
)


def to_toml(value: object) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{to_toml(key)} = {to_toml(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(to_toml, value)) + "]"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case bool():
            return str(value).lower()
        case datetime() | date() | time():
            return value.isoformat()
    return repr(value)


def outcome(file: Path, content: bytes) -> Config | ConfigError:
    file.write_bytes(content)
    try:
        return load_config(file, {"A": SECRET})
    except ConfigError as error:
        return error


@examples(300)
@given(document=DOCUMENTS)
def test_any_toml_is_a_config_or_a_refusal_that_quotes_nothing(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    found = outcome(file, "\n".join(f"{to_toml(key)} = {to_toml(value)}" for key, value in document.items()).encode())
    assert isinstance(found, Config) or (found.problems and SECRET not in "".join(traceback.format_exception(found)))
    assert isinstance(found, Config) or all(line.isprintable() for line in str(found).split("\n"))


@given(content=st.binary(max_size=60))
def test_any_bytes_are_a_config_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    assert isinstance(outcome(tmp_path_factory.getbasetemp() / "bytes.toml", content), ConfigError)


# --- durations ---


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("PT0.25S", timedelta(milliseconds=250)),
        ("PT0,000001S", timedelta(microseconds=1)),
        ("PT90M", timedelta(minutes=90)),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("P2W", timedelta(weeks=2)),
        ("P365D", timedelta(days=365)),
    ],
)
def test_a_duration_is_read(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@given(
    st.integers(0, 300), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 999_999)
)  # days, hours, minutes, seconds, microseconds
def test_every_duration_is_read_as_what_it_says(days: int, hours: int, minutes: int, seconds: int, micros: int) -> None:
    meant = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=micros or 1)
    assert parse_duration(f"P{days}DT{hours}H{minutes}M{seconds}.{micros or 1:06}S") == meant


# --- secrets ---


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        (SecretText(SECRET), "***"),
        (SecretUrl(f"https://u:{SECRET}@Hooks.example:444/{SECRET}?{SECRET}"), "https://hooks.example:444"),
        (EndpointUrl(f"WSS://node.example/{SECRET}"), "wss://node.example"),
        (EndpointUrl(f"ws://[::1]:8545/{SECRET}"), "ws://[::1]:8545"),
    ],
)
def test_a_secret_shows_only_what_may_be_shown(secret: SecretText, shown: str) -> None:
    assert str(secret) == shown
    assert SECRET not in f"{secret!r} {secret} {[secret]}"
    assert SECRET in secret.get_secret_value()


def test_a_url_has_a_host_that_may_be_shown() -> None:
    assert EndpointUrl("wss://key@node.example:8546/key").host == "node.example:8546"


def test_secrets_of_different_kinds_are_never_equal() -> None:
    assert SecretUrl("https://h") != EndpointUrl("https://h")
    assert SecretUrl("https://h") == SecretUrl("https://h")


def test_printing_a_config_shows_no_secret(file: Path) -> None:
    chain = f'[chains.base]\nendpoints = ["wss://h/{SECRET}"]\n'
    config = load(file, f'{chain}[alert_providers.x]\nurl = "https://h/{SECRET}"\nrooms = ["{SECRET}"]')
    assert SECRET not in f"{config!r} {config} {config.chains['base'].model_dump()} {config.alert_providers}"


def test_a_dumped_secret_stays_hidden() -> None:
    channel = Channel(type="channel", url=SecretUrl(f"https://h/{SECRET}"), token=SecretText(SECRET))
    assert SECRET not in f"{channel.model_dump()} {channel.model_dump_json()}"


# --- what the providers use ---


def refuse_loudly(value: str) -> str:
    msg = f"do not like {value}"
    raise ValueError(msg)


class Channel(Table):
    type: Literal["channel"]
    url: SecretUrl
    token: SecretText | None = None
    pause: Duration = timedelta(seconds=1)
    rooms: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = ("all",)
    odd: Annotated[str, AfterValidator(refuse_loudly)] = ""


def parse_channel(file: Path, name: str, table: Mapping[str, object]) -> Channel:
    return parse_table(Channel, table, ("alert_providers", name), file=file)


def test_a_provider_parses_its_own_table(file: Path) -> None:
    table = ProviderTable({"type": "channel", "url": "https://h/x", "pause": "PT2S", "rooms": ["a"], "token": "t"})
    channel = parse_channel(file, "ops", table)
    assert (channel.url.host, channel.pause, channel.rooms) == ("h", timedelta(seconds=2), ("a",))
    assert channel.token == SecretText("t")


@pytest.mark.parametrize(
    ("extra", "key", "words"),
    [
        ({"url": f"wss://h/{SECRET}"}, "url", "https:// or http://"),
        ({"tokn": SECRET}, "tokn", 'did you mean "token"?'),
        ({"token": " "}, "token", "is empty"),
        ({"token": 5}, "token", "must be a string"),
        ({"type": SECRET}, "type", "write 'channel'"),
        ({"rooms": [SECRET, 1]}, "rooms[1]", "must be a string"),
        ({"rooms": [1]}, "rooms[0]", "must be a string"),
        ({"rooms": []}, "rooms", "give at least 1"),
        ({"odd": SECRET}, "odd", "is not valid"),
    ],
)
def test_a_provider_refuses_in_the_same_words(file: Path, extra: dict[str, object], key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_channel(file, "ops", {"type": "channel", "url": "https://h", **extra})
    assert keys(caught.value) == [f"alert_providers.ops.{key}"]
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None


def test_problems_of_providers_come_with_those_of_the_rest(file: Path) -> None:
    ops, other = '[alert_providers.ops]\ntype = "channel"\n', '[alert_providers.b]\ntype = "channel"\nurl = "${U}"'
    file.write_text("[chains.base]\n" + ops + other)
    with pytest.raises(ConfigError) as caught:
        load_config(file, {}, check_provider=parse_channel)
    assert keys(caught.value) == ["alert_providers.b.url", "chains.base.endpoints", "alert_providers.ops.url"]


def test_merged_errors_tell_each_problem_once() -> None:
    one, two = Problem("a", "is wrong", "mend it"), Problem("b", "is wrong", "mend it")
    merged = ConfigError(Path("c.toml"), [one]).merge(
        ConfigError(Path("c.toml"), [one, two]), ConfigError(Path("c.toml"), [])
    )
    assert str(merged) == "c.toml: a: is wrong; mend it\nc.toml: b: is wrong; mend it"


def test_an_error_survives_pickling() -> None:
    error = ConfigError(Path("c.toml"), [Problem("a", "is wrong", "mend it")])
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes


def test_a_providers_pathways_name_chains_of_the_file(file: Path) -> None:
    pathways = '[alert_providers.c]\ntype = "console"\npathways = [{ origin = "etherium" }, { destination = "*" }]\n'
    with pytest.raises(ConfigError) as caught:
        load(file, CHAIN + pathways)
    (problem,) = caught.value.problems
    assert problem.key == "alert_providers.c.pathways[0].origin"
    assert problem.what == "is not a chain in this file"


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
