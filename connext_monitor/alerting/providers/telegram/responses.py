"""What Telegram's Bot API answers.

Source: Telegram's "Bot API", "Making requests" and "ResponseParameters"; descriptions as its server sends them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.providers.replies import MessageGone, Reply, Unacceptable
from connext_monitor.core.delivery import ChannelDead, Sent, TryLater
from connext_monitor.core.formats import Json
from connext_monitor.core.retry_after import longest_wait, seconds_in


@dataclass(frozen=True, slots=True)
class Moved:
    """The chat has a new id."""

    reason: str
    chat_id: str


@dataclass(frozen=True, slots=True)
class TopicShut:
    """The forum's topic accepts nothing; the chat may."""

    reason: str


# Of Telegram's own words only these are looked for, and only these are repeated.
_NOT_MODIFIED = "message is not modified"
_PHRASES: Mapping[Callable[[str], MessageGone | TopicShut | TryLater | ChannelDead], tuple[str, ...]] = {
    MessageGone: ("message to edit not found", "message can't be edited", "message_id_invalid"),
    TopicShut: ("thread not found", "topic_closed", "topic_deleted", "topic closed", "topic deleted"),
    # Somebody can let the bot in again, or give it a right, without a change here.
    TryLater: (
        "bot was kicked",
        "bot was blocked",
        "bot is not a member",
        "not enough rights",
        "have no rights",
        "need administrator rights",
        "chat_write_forbidden",
    ),
    ChannelDead: (
        "chat not found",
        "upgraded to a supergroup",
        "user is deactivated",
        "group chat was deactivated",
    ),
}


def classify(response: HttpResponse) -> Reply | Moved | TopicShut:
    """What the Bot API's response means.

    1. 2xx: taken, unless it says otherwise or is a page; the message's id is the reference, where it can be read. So is
       an edit that changes nothing, without a reference.
    2. 429 and 5xx: try later, after the longer of what header and body ask for.
    3. A group that became a supergroup names its new id.
    4. 400 about the message to be changed: it no longer exists; about the topic: it takes nothing.
    5. The bot may not write there: try later, as somebody may fix that.
    6. Telegram's own 401, 403, 404, and 400 about the chat: the token is wrong, or the chat no longer exists. A status
       without its ``ok`` comes from something else, and passes.
    7. 400 and 413: rejected in this form.
    8. Anything else is not Telegram's response: try later.
    """
    document = response.json
    own = document.get("ok") is False
    if response.ok and not own and not response.is_page:
        result = document.get("result")
        message_id = result.get("message_id") if isinstance(result, dict) else None
        return Sent(str(message_id) if isinstance(message_id, int) else None)
    parameters = document.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    if response.later:
        wait = longest_wait(response.retry_after, seconds_in(parameters.get("retry_after")))
        return TryLater(response.words, wait, response.cause)
    if isinstance(moved_to := parameters.get("migrate_to_chat_id"), int):
        return Moved(f"{response.words}, upgraded to a supergroup", str(moved_to))
    meaning = _meaning(document, response) if own else None
    if meaning is not None:
        return meaning
    return (
        Unacceptable(response.words) if response.status in {400, 413} and not response.is_page else response.try_later()
    )


def _meaning(document: Json, response: HttpResponse) -> Reply | TopicShut | None:
    """What Telegram's own description means; None where it is unknown."""
    described = document.get("description")
    described = described.lower() if isinstance(described, str) else ""
    for reply_type, phrases in _PHRASES.items():
        for phrase in phrases:
            if phrase in described:
                return reply_type(f"{response.words}, {phrase}")
    if _NOT_MODIFIED in described:
        return Sent(None)
    return ChannelDead(response.words) if response.status in {401, 403, 404} else None
