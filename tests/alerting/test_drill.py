"""A drill goes through the real channel, and can be taken for nothing else."""

from connext_monitor.alerting.drill import drill
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.discord import DiscordConfig, DiscordUrl
from connext_monitor.alerting.providers.discord.provider import DiscordProvider
from connext_monitor.alerting.providers.slack import SlackConfig, SlackUrl
from connext_monitor.alerting.providers.slack.webhook import SlackWebhook
from connext_monitor.alerting.providers.webhook import WebhookConfig
from connext_monitor.alerting.providers.webhook.provider import WebhookProvider
from connext_monitor.clock import SystemClock
from connext_monitor.config import SecretUrl
from connext_monitor.core.delivery import Change, ChannelDead, Sent
from connext_monitor.core.labels import ChainLabels
from tests.alerting.providers.discord.vendor import Discord
from tests.alerting.providers.slack.vendor import Slack
from tests.alerting.providers.webhook.vendor import Receiver
from tests.world.alerts import LABELS


async def test_a_drill_on_discord_is_one_message(discord: Discord, context: ProviderContext) -> None:
    provider = DiscordProvider("ops", DiscordConfig(type="discord", webhook_url=DiscordUrl(discord.url)), context)
    answers = await drill(provider, LABELS, SystemClock())
    await provider.aclose()
    assert [change for change, _ in answers] == [Change.OPENED, Change.RESOLVED]
    (message,) = discord.messages.values()
    assert message["embeds"][0]["title"].startswith("DRILL · RESOLVED · ")


async def test_a_drill_on_slack_is_two_messages_marked_as_drill(slack: Slack, context: ProviderContext) -> None:
    provider = SlackWebhook("desk", SlackConfig(type="slack", webhook_url=SlackUrl(slack.url)), context)
    assert [outcome for _, outcome in await drill(provider, LABELS, SystemClock())] == [Sent(), Sent()]
    await provider.aclose()
    assert [message["text"].startswith("DRILL") for message in slack.messages] == [True, True]


async def test_a_drill_on_a_webhook_is_of_type_test(receiver: Receiver, context: ProviderContext) -> None:
    provider = WebhookProvider("machines", WebhookConfig(type="webhook", url=SecretUrl(receiver.url)), context)
    await drill(provider, LABELS, SystemClock())
    await provider.aclose()
    assert [body["type"] for body in receiver.taken] == ["test", "test"]
    assert [body["data"]["alert"]["state"] for body in receiver.taken] == ["open", "resolved"]


async def test_a_refused_drill_says_so_and_resolves_nothing(receiver: Receiver, context: ProviderContext) -> None:
    receiver.plan(410)
    provider = WebhookProvider("machines", WebhookConfig(type="webhook", url=SecretUrl(receiver.url)), context)
    answers = await drill(provider, LABELS, SystemClock())
    await provider.aclose()
    assert answers == [(Change.OPENED, ChannelDead("answered 410 Gone"))]


async def test_a_drill_needs_no_chain_to_be_known(receiver: Receiver, context: ProviderContext) -> None:
    provider = WebhookProvider("machines", WebhookConfig(type="webhook", url=SecretUrl(receiver.url)), context)
    answers = await drill(provider, ChainLabels({}), SystemClock())
    await provider.aclose()
    assert len(answers) == 2
