"""What a request about a message can come to, and how a message is told in the form that its channel takes."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from connext_monitor.alerting.notice import Notice
from connext_monitor.core.delivery import Change, FailureCause, Outcome, Refused, TryLater
from connext_monitor.core.formats import Json

_EDITS_TRIED = 2
_FORMS_TO_EDIT = 2


@dataclass(frozen=True, slots=True)
class Unacceptable:
    """The channel does not take the message as it is written; a plainer form may pass."""

    reason: str


@dataclass(frozen=True, slots=True)
class MessageGone:
    """The message that was to be changed is no more; a new one can be posted."""

    reason: str


@dataclass(frozen=True, slots=True)
class EditRefused:
    """The message may not be changed now, for ``after`` seconds if that is said; a new one can be posted."""

    reason: str
    after: float | None = None


Reply = Outcome | Unacceptable | MessageGone | EditRefused
"""What a request about a message came to."""


async def _post_with_fallbacks(
    forms: Iterable[Json], send: Callable[[Json], Awaitable[Reply]]
) -> Outcome | MessageGone | EditRefused:
    """Send one form after the other until the channel does not object to it; refused where it objects to all."""
    reason = ""
    for form in forms:
        reply = await send(form)
        if not isinstance(reply, Unacceptable):
            return reply
        reason = reply.reason
    return Refused(reason)


async def edit_or_post(
    notice: Notice,
    forms: Callable[[], Iterable[Json]],
    edit: Callable[[Json], Awaitable[Reply]] | None,
    post: Callable[[Json], Awaitable[Reply]],
) -> Outcome:
    """Change the message where there is one to ``edit``, else post.

    An end is posted where its message is gone, may not be changed, takes no form, or could not be changed twice: that
    it is over is worth a second message. A count that has changed is not, unless the message is gone.
    """
    if edit is not None:
        # Not the barest: what stands there says more.
        reply = await _post_with_fallbacks(islice(forms(), _FORMS_TO_EDIT), edit)
        if not isinstance(reply, MessageGone) and not (
            notice.change is Change.RESOLVED and _not_changed(reply, notice)
        ):
            return (
                TryLater(reply.reason, reply.after, FailureCause.RATE_LIMITED)
                if isinstance(reply, EditRefused)
                else reply
            )
    posted = await _post_with_fallbacks(forms(), post)
    return Refused(posted.reason) if isinstance(posted, MessageGone | EditRefused) else posted


def _not_changed(reply: Outcome | EditRefused, notice: Notice) -> bool:
    tired = isinstance(reply, TryLater) and notice.attempts >= _EDITS_TRIED
    return tired or isinstance(reply, Refused | EditRefused)
