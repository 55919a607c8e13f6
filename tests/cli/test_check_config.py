from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.cli.conftest import OtherLoop, Program
from tests.world.configs import SECRET, chain_table

START = Path(__file__).parents[2] / "config.toml"
CONSOLE = '[alert_providers.console]\ntype = "console"\n'


class Node:
    """An HTTP endpoint that gives the answers that it is told to give."""

    def __init__(self, elsewhere: OtherLoop) -> None:
        self.answers: dict[str, Any] = {
            "eth_chainId": hex(31337 + 1001),
            "eth_getBlockByNumber": {
                "number": "0x10", "hash": f"0x{'11' * 32}", "parentHash": f"0x{'10' * 32}", "timestamp": "0x5",
            },
            "eth_getCode": "0x6000",
            "eth_call": f"0x{1001:064x}",
        }  # fmt: skip
        self._elsewhere = elsewhere
        self._runner: web.AppRunner = elsewhere.complete(self._start())
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/{SECRET}"

    async def _start(self) -> web.AppRunner:
        application = web.Application()
        application.router.add_post("/{any:.*}", self._answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    async def _answer(self, request: web.Request) -> web.Response:
        asked = await request.json()
        answer = self.answers[asked["method"]]
        said = {"error": answer} if isinstance(answer, dict) and "code" in answer else {"result": answer}
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], **said})

    def stop(self) -> None:
        self._elsewhere.complete(self._runner.cleanup())


@pytest.fixture
def node(elsewhere: OtherLoop) -> Iterator[Node]:
    node = Node(elsewhere)
    yield node
    node.stop()


def test_only_a_trailing_line_break_of_a_secret_is_accepted(monitor: Program) -> None:
    table = 'type = "slack"\nchannel = "#a"\ntoken = "${TOKEN}"\n'
    monitor.write_config(chain_table("here", 1001), f"[alert_providers.desk]\n{table}")
    assert monitor.forked("check-config", TOKEN=f"xoxb-{SECRET}\r\n").returncode == 0
    refused = monitor.forked("check-config", TOKEN=f"xoxb-{SECRET}\nmore")
    assert refused.returncode == 2
    assert "config.toml: alert_providers.desk.token: contains a line break" in refused.stderr
    assert "(it comes from the environment variable TOKEN); copy it again without it" in refused.stderr
    assert SECRET not in refused.stderr + refused.stdout


def test_a_provider_that_is_not_configured_is_said_to_be(monitor: Program) -> None:
    table = 'type = "telegram"\ntoken = "${HERE_TOKEN:-}"\nchat_id = "${HERE_CHAT:-}"\n'
    monitor.write_config(chain_table("here", 1001), f"[alert_providers.phone]\n{table}")
    lines = [line.split() for line in monitor.run("check-config").stdout.splitlines()]
    assert ["phone", "telegram", "HERE_TOKEN,", "HERE_CHAT"] in lines
    assert lines[-1] == ["ok"]
    assert monitor.json("check-config")["not_configured"] == [
        {"name": "phone", "type": "telegram", "variables": ["HERE_TOKEN", "HERE_CHAT"]}
    ]


def test_a_named_router_is_shown_with_what_is_expected_of_it(monitor: Program) -> None:
    router = f'[routers.ours]\naddress = "0x{"52" * 20}"\npathways = [{{ origin = "here" }}]\n'
    monitor.write_config(chain_table("here", 1001), f'{router}min_liquidity.here.0x{"a5" * 20} = "0.5"\n')
    lines = [line.split() for line in monitor.run("check-config").stdout.splitlines()]
    [shown] = [words for words in lines if words[:1] == ["ours"]]
    assert {"here", "→", "*", "0.5", "3"} <= {*shown}
    [document] = monitor.json("check-config")["routers"]
    assert document["pathways"] == [{"origin": "here", "destination": "*"}]
    assert (document["silent_after_seconds"], document["silent_transfers"]) == (3600, 3)
    assert [least["amount"] for least in document["min_liquidity"]] == ["0.5"]


def test_the_config_at_the_root_passes_in_an_environment_of_nothing(monitor: Program) -> None:
    (monitor.folder / "config.toml").write_text(START.read_text(encoding="utf-8"))
    passed = monitor.forked("check-config")
    assert (passed.returncode, passed.stderr) == (0, "")
    assert passed.stdout.rstrip().endswith("ok")


def test_the_name_of_the_config_file_may_come_from_echo_too(monitor: Program) -> None:
    assert monitor.forked("check-config", CONNEXT_MONITOR_CONFIG=f"{monitor.config}\n").returncode == 0


def test_a_good_config_is_summed_up_and_ok(monitor: Program) -> None:
    result = monitor.run("check-config")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["here", "32338", "1001", "5", "blocks", "ws://127.0.0.1:9"] in lines
    assert ["*", "*", "5", "min", "3", "h"] in lines
    assert lines[-1] == ["ok"]


def test_the_deadlines_of_each_pathway_are_told(monitor: Program) -> None:
    pathway = '[alerts]\n[[alerts.pathways]]\norigin = "here"\nexecute_deadline = "PT15M"\n'
    monitor.write_config(chain_table("here", 1001), pathway)
    assert ["here", "*", "15", "min", "3", "h"] in [
        line.split() for line in monitor.run("check-config").stdout.splitlines()
    ]


def test_without_a_provider_it_says_what_that_means(monitor: Program) -> None:
    assert "alerts are only stored and shown" in monitor.run("check-config").stdout


def test_all_problems_of_the_config_are_told_at_once(monitor: Program) -> None:
    monitor.write_config(chain_table("here", 0), '[alert_providers.ops]\ntype = "pigeon"\n')
    result = monitor.run("check-config")
    assert result.exit_code == 2
    assert "chains.here.domain_id" in result.stderr
    assert "alert_providers.ops.type" in result.stderr
    assert result.stdout == ""


def online(monitor: Program, node: Node, code: int) -> list[Any]:
    monitor.write_config(chain_table("here", 1001, node.url))
    asked: list[Any] = monitor.json("check-config", "--online", code=code)["asked"]
    return asked


def test_online_an_endpoint_of_the_chain_with_the_contract_is_ok(monitor: Program, node: Node) -> None:
    (asked,) = online(monitor, node, code=0)
    assert asked["ok"] is True
    assert asked["answer"] == "chain id 32338, head 16, contract with domain 1001"


@pytest.mark.parametrize(
    ("method", "answer", "words"),
    [
        ("eth_chainId", "0x1", "serves chain id 1, but the config says 32338"),
        ("eth_chainId", "eight", "something unreadable"),
        ("eth_getBlockByNumber", None, "has no block"),
        ("eth_getCode", "0x", "has no code at the contract's address"),
        ("eth_call", "0x", "is not a Connext diamond"),
        ("eth_call", f"0x{7:064x}", "has a contract with domain 7, but the config says 1001"),
        ("eth_call", {"code": 3, "message": f"execution reverted for /{SECRET}"}, "refused eth_call"),
    ],
)
def test_online_what_the_endpoint_is_not_fails_in_words(
    monitor: Program, node: Node, method: str, answer: object, words: str
) -> None:
    node.answers[method] = answer
    (asked,) = online(monitor, node, code=1)
    assert asked["ok"] is False
    assert words in asked["answer"]
    assert SECRET not in asked["answer"]


def test_online_every_endpoint_is_asked_and_named_by_its_host(monitor: Program, node: Node) -> None:
    dead = f"ws://127.0.0.1:9/{SECRET}"
    monitor.write_config(chain_table("here", 1001, node.url, dead))
    result = monitor.run("check-config", "--online")
    assert result.exit_code == 1
    asked = [line.split() for line in result.stdout.splitlines() if line.startswith("here 127.0.0.1:")]
    assert [line[2] for line in asked] == ["ok", "failed"]
    assert asked[1][1] == "127.0.0.1:9"
    assert SECRET not in result.output


def test_online_a_channel_that_cannot_be_asked_is_left_to_test_alert(monitor: Program, node: Node) -> None:
    monitor.write_config(chain_table("here", 1001, node.url), CONSOLE)
    result = monitor.run("check-config", "--online")
    assert result.exit_code == 0
    assert "can only be tested with a message: test-alert --provider console" in result.stdout
