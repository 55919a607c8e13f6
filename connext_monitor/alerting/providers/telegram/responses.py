"""What Telegram's Bot API answers.

Source: Telegram's "Bot API", "Making requests" and "ResponseParameters"; descriptions as its server sends them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connext_monitor.alerting.providers.http.response import HttpResponse
from connext_monitor.alerting.providers.replies import MessageGone, Reply, Unacceptable
from connext_monitor.core.delivery import ChannelDead, Sent, TryLater
from connext_monitor.core.formats import Json
from connext_monitor.core.retry_after import longest_wait, seconds_in


@dataclass(frozen=True, slots=True)
class Moved:
    """The chat has another id by now."""

    reason: str
    chat_id: str


@dataclass(frozen=True, slots=True)
class TopicShut:
    """The forum's topic takes nothing; the chat may."""

    reason: str


# Of Telegram's own words only these are looked for, and none but these is repeated.
_NOT_MODIFIED = "message is not modified"
_PHRASES: Mapping[Callable[[str], MessageGone | TopicShut | TryLater | ChannelDead], tuple[str, ...]] = {
    MessageGone: ("message to edit not found", "message can't be edited", "message_id_invalid"),
    TopicShut: ("thread not found", "topic_closed", "topic_deleted", "topic closed", "topic deleted"),
    # A bot is let in again, or given a right, without a change here.
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


def classify(answer: HttpResponse) -> Reply | Moved | TopicShut:
    """What the Bot API's answer means.

    1. 2xx: taken, unless it says otherwise or is a page; the message's id is the reference, where it can be read. So is
       an edit that changes nothing, without a reference.
    2. 429 and 5xx: come again, after the longer of what header and body ask for.
    3. A group that became a supergroup names its new id.
    4. 400 about the message to be changed: it is no more; about the topic: it takes nothing.
    5. The bot may not write there: come again, as somebody may see to that.
    6. Telegram's own 401, 403, 404, and 400 about the chat: the token is wrong, or the chat is no more. A status
       without its ``ok`` is another's, and passes.
    7. 400 and 413: not as it is written.
    8. Anything else is no answer of Telegram's: come again.
    """
    said = answer.json
    own = said.get("ok") is False
    if answer.ok and not own and not answer.is_page:
        result = said.get("result")
        message_id = result.get("message_id") if isinstance(result, dict) else None
        return Sent(str(message_id) if isinstance(message_id, int) else None)
    parameters = said.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    if answer.later:
        asked = longest_wait(answer.retry_after, seconds_in(parameters.get("retry_after")))
        return TryLater(answer.words, asked, answer.cause)
    if isinstance(moved_to := parameters.get("migrate_to_chat_id"), int):
        return Moved(f"{answer.words}, upgraded to a supergroup", str(moved_to))
    meant = _meant(said, answer) if own else None
    if meant is not None:
        return meant
    return Unacceptable(answer.words) if answer.status in {400, 413} and not answer.is_page else answer.try_later()


def _meant(said: Json, answer: HttpResponse) -> Reply | TopicShut | None:
    """What Telegram's own description means; None where it is none of those that are known."""
    described = said.get("description")
    described = described.lower() if isinstance(described, str) else ""
    for meaning, phrases in _PHRASES.items():
        for words in phrases:
            if words in described:
                return meaning(f"{answer.words}, {words}")
    if _NOT_MODIFIED in described:
        return Sent(None)
    return ChannelDead(answer.words) if answer.status in {401, 403, 404} else None
