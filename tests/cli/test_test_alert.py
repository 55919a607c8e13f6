from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from tests.cli.conftest import OtherLoop, Program
from tests.world.configs import SECRET, chain_table

CONSOLE = '[alert_providers.console]\ntype = "console"\n'


class Channel:
    """A webhook's receiver: keeps what it gets, and answers as it is told to."""

    def __init__(self, elsewhere: OtherLoop) -> None:
        self.status = 200
        self.bodies: list[Any] = []
        self._elsewhere = elsewhere
        self._runner: web.AppRunner = elsewhere.complete(self._start())
        self.table = (
            f'[alert_providers.hook]\ntype = "webhook"\n'
            f'url = "http://127.0.0.1:{self._runner.addresses[0][1]}/{SECRET}"\n'
        )

    async def _start(self) -> web.AppRunner:
        application = web.Application()
        application.router.add_post("/{any:.*}", self._take)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    async def _take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        return web.Response(status=self.status, text=f"go away, \x1b[31m{SECRET}")

    def stop(self) -> None:
        self._elsewhere.complete(self._runner.cleanup())


@pytest.fixture
def channel(elsewhere: OtherLoop) -> Iterator[Channel]:
    channel = Channel(elsewhere)
    yield channel
    channel.stop()


def with_providers(monitor: Program, *tables: str) -> Program:
    monitor.write_config(chain_table("here", 1001), chain_table("there", 1002), *tables)
    return monitor


def test_a_drill_goes_through_the_real_channel_marked_as_one(monitor: Program, channel: Channel) -> None:
    result = with_providers(monitor, channel.table).run("test-alert")
    assert result.exit_code == 0
    assert [body["type"] for body in channel.bodies] == ["test", "test"]
    assert [line.split() for line in result.stdout.splitlines()[1:]] == [
        ["hook", "opened", "accepted"],
        ["hook", "resolved", "accepted"],
    ]


def test_the_drill_speaks_of_configured_chains(monitor: Program) -> None:
    assert "here → there" in with_providers(monitor, CONSOLE).run("test-alert").stdout


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500])
def test_a_channel_that_does_not_take_it_is_a_failure_in_words(monitor: Program, channel: Channel, status: int) -> None:
    channel.status = status
    result = with_providers(monitor, channel.table, CONSOLE).run("test-alert")
    assert result.exit_code == 1
    assert f"answered {status}" in result.stdout
    assert SECRET not in result.output
    assert "\x1b" not in result.output


def test_only_the_named_provider_is_tried(monitor: Program, channel: Channel) -> None:
    result = with_providers(monitor, channel.table, CONSOLE).run("test-alert", "--provider", "console")
    assert result.exit_code == 0
    assert channel.bodies == []


def test_an_unknown_provider_is_a_usage_error_that_lists_the_known(monitor: Program, channel: Channel) -> None:
    result = with_providers(monitor, channel.table, CONSOLE).run("test-alert", "--provider", "ops")
    assert result.exit_code == 2
    assert "Invalid value for --provider: write one of hook, console" in result.stderr


def test_without_a_provider_there_is_nothing_to_test(monitor: Program) -> None:
    result = monitor.run("test-alert")
    assert result.exit_code == 1
    assert "the config has no alert provider" in result.stderr


def test_json_is_all_that_is_on_stdout_even_with_a_console_provider(monitor: Program, channel: Channel) -> None:
    answers = with_providers(monitor, channel.table, CONSOLE).json("test-alert")
    assert [(item["provider"], item["change"], item["taken"]) for item in answers["items"]] == [
        ("hook", "opened", True),
        ("hook", "resolved", True),
        ("console", "opened", True),
        ("console", "resolved", True),
    ]
