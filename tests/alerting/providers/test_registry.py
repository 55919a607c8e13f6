"""From the config's tables to providers, or to words about what is wrong with them."""

import pytest

from connext_monitor.alerting.providers import PROVIDER_TYPES, check_provider
from connext_monitor.alerting.providers.configured import ConfiguredProvider, build_providers
from connext_monitor.alerting.providers.discord.provider import DiscordProvider
from connext_monitor.alerting.providers.webhook.provider import WebhookProvider
from connext_monitor.clock import SystemClock
from connext_monitor.config import ConfigError, ProviderTable
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.deadline import Leg
from tests.world.alerts import DESTINATION, DUE_AT, LABELS, NOW, ORIGIN, TRANSFER_ID, UNOBSERVED
from tests.world.configs import FILE
from tests.world.kinds import overdue, provider_failing

HOOK = "https://discord.example/api/webhooks/1/s3cret"


def build(**tables: dict[str, object]) -> list[ConfiguredProvider]:
    made = {name: ProviderTable(table) for name, table in tables.items()}
    return build_providers(made, file=FILE, labels=LABELS, clock=SystemClock())


def refusal(**tables: dict[str, object]) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        build(**tables)
    return caught.value


def test_each_table_becomes_its_provider_in_the_files_order() -> None:
    built = build(
        console={"type": "console"},
        ops={"type": "discord", "webhook_url": HOOK, "mention": "<@&1>", "thread_id": "5"},
        desk={"type": "slack", "webhook_url": "https://slack.example/services/s3cret", "mention": "<!here>"},
        machines={"type": "webhook", "url": "https://machine.example", "secret": "whsec_" + "A" * 40},
    )
    assert [configured.provider.name for configured in built] == ["console", "ops", "desk", "machines"]
    assert isinstance(built[1].provider, DiscordProvider)
    assert isinstance(built[3].provider, WebhookProvider)


def test_a_provider_is_told_everything_unless_it_says_otherwise() -> None:
    quiet, loud = build(quiet={"type": "console", "min_severity": "critical"}, loud={"type": "console"})
    assert (quiet.min_severity, loud.min_severity) == (Severity.CRITICAL, Severity.INFO)


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    error = refusal(ops={"type": "fax"})
    (problem,) = error.problems
    assert problem.key == "alert_providers.ops.type"
    assert all(known in problem.cure for known in PROVIDER_TYPES)
    assert "fax" not in str(error)


def test_a_missing_type_is_refused() -> None:
    assert refusal(ops={"webhook_url": HOOK}).problems[0].mistake == "is missing"


def test_a_type_that_is_no_text_is_refused() -> None:
    assert refusal(ops={"type": ["discord"]}).problems[0].key == "alert_providers.ops.type"


def test_the_problems_of_all_providers_are_told_together() -> None:
    error = refusal(
        one={"type": "nothing"},
        two={"type": "discord"},
        three={"type": "console", "colour": "red", "min_severity": "loud"},
    )
    assert {problem.key for problem in error.problems} == {
        "alert_providers.one.type",
        "alert_providers.two.webhook_url",
        "alert_providers.three.colour",
        "alert_providers.three.min_severity",
    }


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"type": "discord", "webhook_url": "https://discord.example/s3cret"}, "webhook_url"),
        ({"type": "discord", "webhook_url": HOOK + "/slack"}, "webhook_url"),
        ({"type": "discord", "webhook_url": "s3cret"}, "webhook_url"),
        ({"type": "discord", "webhook_url": HOOK, "mention": "@everyone s3cret"}, "mention"),
        ({"type": "discord", "webhook_url": HOOK, "thread_id": 5}, "thread_id"),
        ({"type": "slack", "webhook_url": "ftp://s3cret"}, "webhook_url"),
        ({"type": "slack", "webhook_url": "https://slack.example/s3cret", "mention": "<@&1>"}, "mention"),
        ({"type": "webhook", "url": "https://machine.example", "secret": "s3cret"}, "secret"),
        ({"type": "slack", "token": "s3cret", "channel": "#a"}, "token"),
        ({"type": "slack", "token": "xoxb-s3cret", "channel": "#a b"}, "channel"),
        ({"type": "telegram", "token": "s3cret", "chat_id": "1"}, "token"),
        ({"type": "telegram", "token": "1:" + "x" * 35, "chat_id": "s3cret"}, "chat_id"),
        ({"type": "telegram", "token": "1:" + "x" * 35, "chat_id": 1, "mention": "s3cret"}, "mention"),
        ({"type": "pagerduty", "routing_key": "s3cret"}, "routing_key"),
        ({"type": "pagerduty", "routing_key": "a" * 32, "source": "\n"}, "source"),
    ],
)
def test_a_bad_value_is_refused_by_its_key_and_never_quoted(table: dict[str, object], key: str) -> None:
    error = refusal(ops=table)
    assert [problem.key for problem in error.problems] == [f"alert_providers.ops.{key}"]
    assert "s3cret" not in str(error)
    assert "not valid" not in str(error)


def test_a_check_finds_what_building_would() -> None:
    with pytest.raises(ConfigError, match=r"alert_providers\.ops"):
        check_provider(FILE, "ops", ProviderTable({"type": "slack"}))


def test_printing_a_provider_or_its_config_shows_no_secret() -> None:
    (built,) = build(ops={"type": "discord", "webhook_url": HOOK})
    assert isinstance(built.provider, DiscordProvider)
    assert "s3cret" not in repr(vars(built.provider)) + repr(built)


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"token": "xoxb-s3cret"},
        {"channel": "#alerts"},
        {"webhook_url": "https://slack.example/s3cret", "token": "xoxb-s3cret", "channel": "#alerts"},
        {"webhook_url": "https://slack.example/s3cret", "channel": "#alerts"},
    ],
)
def test_slack_is_reached_in_one_way_and_not_in_two(table: dict[str, object]) -> None:
    error = refusal(ops={"type": "slack", **table})
    assert "must have either a webhook_url, or a token and a channel" in str(error)
    assert "s3cret" not in str(error)


def asked(*pathways: dict[str, object]) -> ConfiguredProvider:
    (built,) = build(ops={"type": "console", "pathways": list(pathways)})
    return built


LATE_ALERT = overdue(TRANSFER_ID, Leg.EXECUTE, DUE_AT, NOW, (ORIGIN, DESTINATION))


@pytest.mark.parametrize(
    ("pathways", "is_sent"),
    [
        ([], True),
        ([{"origin": "ethereum"}], True),
        ([{"origin": "gnosis"}], False),
        ([{"destination": "gnosis"}], True),
        ([{"origin": "ethereum", "destination": "base"}], False),
        ([{"origin": "base"}, {"origin": "*", "destination": "*"}], True),
    ],
)
def test_a_transfers_alert_goes_to_those_who_want_its_pathway(pathways: list[dict[str, object]], is_sent: bool) -> None:
    assert asked(*pathways).wants(LATE_ALERT, LABELS) is is_sent


@pytest.mark.parametrize(
    ("pathways", "is_sent"),
    [
        ([], True),
        ([{"origin": "gnosis", "destination": "base"}], True),
        ([{"origin": "base", "destination": "gnosis"}], True),
        ([{"origin": "base", "destination": "ethereum"}], False),
        ([{"origin": "base"}], True),
    ],
)
def test_a_chains_alert_goes_where_a_pathway_touches_it(pathways: list[dict[str, object]], is_sent: bool) -> None:
    assert asked(*pathways).wants(UNOBSERVED, LABELS) is is_sent


def test_a_failing_channel_is_told_to_all_whatever_their_pathways() -> None:
    failing = provider_failing("desk", NOW, reason="answered 404 Not Found", dead=True)
    assert asked({"origin": "base", "destination": "ethereum"}).wants(failing, LABELS)
    (picky,) = build(ops={"type": "console", "min_severity": "critical"})
    assert not picky.wants(failing, LABELS)
    (itself,) = build(desk={"type": "console"})
    assert not itself.wants(failing, LABELS)
