"""``${NAME}`` in a config, filled in from the environment."""

from pathlib import Path

import pytest

from connext_monitor.alerting.providers import check_provider
from connext_monitor.config import (
    ConfigError,
    EndpointUrl,
    load_config,
)
from tests.config.configs import CHAIN, SECRET, keys, load, refused


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


def test_an_empty_default_removes_its_key_or_entry(file: Path) -> None:
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


def test_entries_are_numbered_as_in_the_file(file: Path) -> None:
    text = '[chains.base]\nendpoints = ["${A:-}", "ws://h", "${A:-}", "S3CR3T"]'
    assert keys(refused(file, text)) == ["chains.base.endpoints[3]"]
    text = '[chains.base]\nendpoints = ["${A:-}", "ws://h", "${A:-}", "${B}"]'
    assert keys(refused(file, text, B="S3CR3T")) == ["chains.base.endpoints[3]"]
    error = refused(file, text, B="ws://h")
    assert str(error).startswith(
        f"{file}: chains.base.endpoints[3]: is the same URL as chains.base.endpoints[1] "
        "(it comes from the environment variable B); "
    )


def test_an_emptied_list_names_the_variables_that_would_fill_it(file: Path) -> None:
    error = refused(file, '[chains.base]\nendpoints = ["${A:-}", "${B:-}"]')
    assert "endpoints: has too few entries (the environment variables A, B are not set); give at least 1" in str(error)


def test_removing_a_table_from_a_list_keeps_the_others_numbers(file: Path) -> None:
    # Two keys that are no plain words are one in all words about them; they are two here.
    config = load(file, CHAIN + '[alert_providers.x]\n"a b" = "${A:-}"\n"c d" = "kept"')
    assert dict(config.alert_providers["x"]) == {"c d": "kept"}


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
def test_a_provider_without_its_variables_is_not_configured(file: Path, kind: str) -> None:
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
