"""What people type into the file, and into the environment for it: understood, or refused with what to do."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from connext_monitor.alerting.providers import check_provider
from connext_monitor.config import Config, ConfigError, load_config
from connext_monitor.config.models import BackupConfig, NotConfigured

CHAIN = '[chains.ethereum]\nendpoints = ["ws://127.0.0.1:9"]\n'
SLACK = '[alert_providers.ops]\ntype = "slack"\n'


def loaded(folder: Path, toml: str, environ: Mapping[str, str] | None = None) -> Config:
    file = folder / "config.toml"
    file.write_text(toml)
    return load_config(file, environ or {}, check_provider)


def refusal(folder: Path, toml: str, environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, toml, environ)
    return str(caught.value)


# --- variables ---


def test_numbers_and_switches_may_come_from_the_environment(tmp_path: Path) -> None:
    toml = """
        [backup]
        keep = "${KEEP}"
        [chains.devnet]
        chain_id = "${CHAIN_ID}"
        domain_id = "${DOMAIN:-1001}"
        contract = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
        endpoints = ["ws://127.0.0.1:9"]
        block_time = "PT1S"
        finality = "${FINALITY:-safe}"
        start_block = "${START:-latest}"
        [alert_providers.phone]
        type = "telegram"
        token = "1:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        chat_id = 1
        thread_id = "${TOPIC}"
        reports = "${REPORTS}"
        """
    environ = {"KEEP": "7\n", "CHAIN_ID": "31337", "FINALITY": "5", "START": "12", "TOPIC": "3", "REPORTS": "false"}
    config = loaded(tmp_path, toml, environ)
    chain = config.chains["devnet"]
    assert (chain.chain_id, chain.domain_id, chain.finality, chain.start_block) == (31337, 1001, 5, 12)
    assert config.backup == BackupConfig(keep=7, directory=tmp_path / "backups")
    assert "backup.keep: must be a whole number (it comes from the environment variable KEEP)" in refusal(
        tmp_path, toml, {**environ, "KEEP": "many"}
    )


def test_a_built_in_chains_id_is_compared_however_it_is_written(tmp_path: Path) -> None:
    loaded(tmp_path, f'{CHAIN}chain_id = "1"')
    assert "contradicts the built-in ethereum" in refusal(tmp_path, f'{CHAIN}chain_id = "2"')


@pytest.mark.parametrize("text", ["$RPC_KEY", "wss://node.example/$RPC_KEY", "${A:-wss://node.example/$RPC_KEY}"])
def test_a_variable_without_braces_is_refused_where_it_is_set(text: str, tmp_path: Path) -> None:
    toml = f'[chains.ethereum]\nendpoints = ["{text}"]\n'
    words = refusal(tmp_path, toml, {"RPC_KEY": "s3cret"})
    assert "chains.ethereum.endpoints[0]: contains $RPC_KEY, which is not expanded; write ${RPC_KEY}" in words
    assert "s3cret" not in words


def test_any_other_dollar_is_itself(tmp_path: Path) -> None:
    url = "wss://node.example/a$b$RPC_KEY"
    config = loaded(tmp_path, '[chains.ethereum]\nendpoints = ["${URL}"]\n', {"URL": url, "RPC_KEY": "x"})
    assert config.chains["ethereum"].endpoints[0].get_secret_value() == url
    loaded(tmp_path, f'[chains.ethereum]\nendpoints = ["{url}"]\n')


def test_white_space_around_an_optional_variable_leaves_nothing(tmp_path: Path) -> None:
    config = loaded(tmp_path, '[chains.ethereum]\nendpoints = [" ${SPARE:-} ", "ws://127.0.0.1:9"]\n')
    assert len(config.chains["ethereum"].endpoints) == 1


def test_a_wrong_default_is_not_blamed_on_the_environment(tmp_path: Path) -> None:
    toml = '[chains.ethereum]\nendpoints = ["${FIRST:-node.example}"]\n'
    assert "(it is the default: the environment variable FIRST is not set)" in refusal(tmp_path, toml)
    assert "(it comes from the environment variable FIRST)" in refusal(tmp_path, toml, {"FIRST": "node.example"})


def test_what_a_channel_lacks_is_named_without_what_it_does_not_need(tmp_path: Path) -> None:
    toml = CHAIN + SLACK + 'webhook_url = "${HOOK:-}"\nmention = "${WHO:-}"\n'
    assert loaded(tmp_path, toml).not_configured == {"ops": NotConfigured("slack", ("HOOK",))}


# --- addresses and tokens ---


@pytest.mark.parametrize("text", ["wss://a/1,wss://b/2", "wss://a;https://b", "https://https://a", "https:///wss://a"])
def test_two_urls_in_one_value_are_refused(text: str, tmp_path: Path) -> None:
    assert "endpoints[0]: " in refusal(tmp_path, f'[chains.ethereum]\nendpoints = ["{text}"]\n')


def test_a_url_within_a_path_is_taken(tmp_path: Path) -> None:
    loaded(tmp_path, '[chains.ethereum]\nendpoints = ["https://proxy.example/https://node.example/?to=ws://a"]\n')


@pytest.mark.parametrize(
    "url",
    [
        "https://discord.com/api/webhooks/1/t0ken",
        "https://app.slack.com/client/T1/C1",
        "https://team.slack.com/archives/C1",
        "https://hooks.slack.com/services/",
        "https://api.slack.com/apps",
    ],
)
def test_another_address_of_a_chat_is_no_slack_webhook(url: str, tmp_path: Path) -> None:
    words = refusal(tmp_path, f'{CHAIN}{SLACK}webhook_url = "{url}"')
    assert "alert_providers.ops.webhook_url: is not the URL of a Slack webhook" in words


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/T1/B1/t0ken",
        "https://hooks.slack.com/workflows/T1/A1/1/t0ken",
        "https://discord.com/api/webhooks/1/t0ken/slack",
        "https://mattermost.example/hooks/t0ken",
    ],
)
def test_whatever_takes_slacks_messages_is_taken(url: str, tmp_path: Path) -> None:
    loaded(tmp_path, f'{CHAIN}{SLACK}webhook_url = "{url}"')


@pytest.mark.parametrize("token", ["xapp-1-A1", "t0ken", "https://hooks.slack.com/services/T1/B1/t0ken"])
def test_another_kind_of_token_is_no_slack_bots(token: str, tmp_path: Path) -> None:
    words = refusal(tmp_path, f'{CHAIN}{SLACK}token = "{token}"\nchannel = "#a"')
    assert "alert_providers.ops.token: is not a Slack bot's token" in words


@pytest.mark.parametrize("host", ["999.1.1.1", "1.2.3", "0", "a..b", "a-.b"])
def test_a_host_that_nothing_can_listen_on_is_refused(host: str, tmp_path: Path) -> None:
    assert "monitor.listen: is not HOST:PORT" in refusal(tmp_path, f'monitor.listen = "{host}:8088"\n{CHAIN}')


# --- files and directories ---


@pytest.mark.parametrize("key", ["monitor.database", "backup.directory"])
@pytest.mark.parametrize("name", ["data\\n", " data", "data\\r\\n", "a\\u0001b", "~/data", "~"])
def test_a_path_that_was_not_meant_is_refused(key: str, name: str, tmp_path: Path) -> None:
    assert f"{key}: " in refusal(tmp_path, f'{key} = "{name}"\n{CHAIN}')


def test_a_path_that_only_a_shell_expands_is_refused(tmp_path: Path) -> None:
    words = refusal(tmp_path, f'backup.directory = "~/backups"\n{CHAIN}')
    assert 'begins with "~", which only a shell expands; write ${HOME} instead' in words


def test_a_backup_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    assert "backup.directory: is not a directory" in refusal(tmp_path, f'backup.directory = "taken/backups"\n{CHAIN}')
    loaded(tmp_path, f'backup.directory = "new/backups"\n{CHAIN}')


@pytest.mark.parametrize("path", ["/dev/null", "/dev/full"])
def test_a_device_is_no_database(path: str, tmp_path: Path) -> None:
    assert "monitor.database: is not a regular file" in refusal(tmp_path, f'monitor.database = "{path}"\n{CHAIN}')
