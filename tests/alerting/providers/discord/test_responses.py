"""What Discord's responses mean, and which version of its API is asked."""

from collections.abc import Mapping
from http import HTTPStatus

import pytest

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.providers.discord.provider import DiscordProvider, message_url
from connext_monitor.alerting.providers.discord.responses import ThreadShut, classify, pause_after
from connext_monitor.alerting.providers.replies import EditRefused, MessageGone, Unacceptable
from connext_monitor.core.delivery import ChannelDead, Sent, TryLater
from tests.alerting.providers.discord.samples import answer, config
from tests.alerting.providers.discord.vendor import Discord
from tests.world.alerts import notice


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (answer(200, {"id": "12"}), Sent("12")),
        (answer(200, {"id": "../../evil"}), Sent(None)),
        (answer(204), Sent(None)),
        (answer(200, "no object"), Sent(None)),
        (HttpResponse(200, {}, b"[" * 100_000), Sent(None)),
        (answer(503), TryLater("answered 503 Service Unavailable")),
        (answer(404, {"code": 10008}), MessageGone("answered 404 Not Found, unknown message (code 10008)")),
        (answer(401, {"code": 50027}), ChannelDead("answered 401 Unauthorized, invalid webhook token (code 50027)")),
        (answer(404, {"code": 10015}), ChannelDead("answered 404 Not Found, unknown webhook (code 10015)")),
        (answer(401), TryLater("answered 401 Unauthorized")),
        (answer(403), TryLater("answered 403 Forbidden")),
        (answer(404), TryLater("answered 404 Not Found")),
        (answer(403, {"code": 40333}),
         TryLater("answered 403 Forbidden, blocked in front of Discord (code 40333)")),
        (HttpResponse(403, {}, b" <!DOCTYPE html>error code: 1010"),
         TryLater("answered 403 Forbidden with a web page")),
        (HttpResponse(400, {}, b"<html>"), TryLater("answered 400 Bad Request with a web page")),
        (HttpResponse(200, {}, b"<html>log in</html>"), TryLater("answered 200 OK with a web page")),
        (answer(400, {"code": 50083}), ThreadShut("answered 400 Bad Request, the thread is archived (code 50083)")),
        (answer(404, {"code": 10003}), ThreadShut("answered 404 Not Found, unknown channel or thread (code 10003)")),
        (answer(429, {"code": 30046, "retry_after": 900}),
         EditRefused("answered 429 Too Many Requests, too many edits of messages older than an hour (code 30046)",
                     900.0)),
        (HttpResponse(200, {}, b'{"id": "12", "conte', whole=False), Sent(None)),
        (answer(413), Unacceptable(f"answered 413 {HTTPStatus(413).phrase}")),
        (answer(409), TryLater("answered 409 Conflict")),
        (answer(429, {"retry_after": "NaN"}), TryLater("answered 429 Too Many Requests")),
    ],
)  # fmt: skip
def test_each_answer_has_its_meaning(reply: HttpResponse, meaning: object) -> None:
    assert classify(reply) == meaning


def test_a_pause_follows_only_a_used_up_window() -> None:
    headers = {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset-After": "1.5"}
    assert pause_after(HttpResponse(200, headers)) is None
    assert pause_after(HttpResponse(200, {**headers, "X-RateLimit-Remaining": "0"})) == 1.5


def test_an_edit_keeps_the_operators_own_query() -> None:
    set_up = config("https://discord.example/api/webhooks/1/abc/?key=v", thread_id="5")
    assert str(message_url(set_up, "5", "9")) == (
        "https://discord.example/api/v10/webhooks/1/abc/messages/9?key=v&wait=true&thread_id=5"
    )


@pytest.mark.parametrize(
    ("configured", "used"),
    [
        ("https://discord.com/api/webhooks/1/abc", "https://discord.com/api/v10/webhooks/1/abc"),
        ("https://discordapp.com/api/webhooks/1/abc/", "https://discordapp.com/api/v10/webhooks/1/abc"),
        ("https://ptb.discord.com/api/v6/webhooks/1/abc", "https://ptb.discord.com/api/v10/webhooks/1/abc"),
        ("https://canary.discord.com/api/v10/webhooks/1/abc", "https://canary.discord.com/api/v10/webhooks/1/abc"),
        ("http://127.0.0.1:8080/discord/api/webhooks/1/abc", "http://127.0.0.1:8080/discord/api/v10/webhooks/1/abc"),
        ("https://proxy.example/webhooks/1/abc", "https://proxy.example/webhooks/1/abc"),
    ],
)
def test_one_version_of_the_api_is_asked(configured: str, used: str) -> None:
    assert str(message_url(config(configured), None)) == f"{used}?wait=true"


@pytest.mark.parametrize(
    ("headers", "said", "seconds"),
    [
        ({"X-RateLimit-Reset-After": "1.234"}, 1234, 1.234),
        ({"Retry-After": "2"}, 1234, 2.0),
        ({"Retry-After": "1234", "X-RateLimit-Reset-After": "1.234"}, 1234.0, 1.234),
        ({"Retry-After": "7"}, 6.5, 7.0),
        ({}, 0.65, 0.65),
    ],
)
async def test_a_wait_is_read_in_any_unit(
    discord: Discord, provider: DiscordProvider, headers: Mapping[str, str], said: float, seconds: float
) -> None:
    discord.plan(429, {"retry_after": said, "global": False}, headers)
    outcome = await provider.send(notice(), None)
    assert isinstance(outcome, TryLater)
    assert outcome.after == seconds
