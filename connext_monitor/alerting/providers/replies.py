"""What a request for a message can come to, and sending a message in a form that its channel accepts."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.wording import bare
from connext_monitor.core.delivery import Change, FailureCause, Outcome, Refused, TryLater
from connext_monitor.core.formats import Json

_EDITS_ATTEMPTED = 2
_FORMS_TO_EDIT = 2


@dataclass(frozen=True, slots=True)
class Unacceptable:
    """The channel rejects this form of the message; a plainer one may pass."""

    reason: str


@dataclass(frozen=True, slots=True)
class MessageGone:
    """The message to edit no longer exists; a new one can be posted."""

    reason: str


@dataclass(frozen=True, slots=True)
class EditRefused:
    """The message may not be edited now, for ``after`` seconds if the channel says so; a new one can be posted."""

    reason: str
    after: float | None = None


Reply = Outcome | Unacceptable | MessageGone | EditRefused
"""What a request for a message came to."""


async def _post_with_fallbacks(
    forms: Iterable[Json], send: Callable[[Json], Awaitable[Reply]]
) -> Outcome | MessageGone | EditRefused:
    """Send one form after the other until the channel accepts one; refused where it rejects all."""
    reason = ""
    for form in forms:
        reply = await send(form)
        if not isinstance(reply, Unacceptable):
            return reply
        reason = reply.reason
    return Refused(reason)


def ever_plainer(
    notice: Notice, whole: Callable[[Notice], Json], plain: Callable[[Notice], Json]
) -> Callable[[], Iterator[Json]]:
    """The forms of a notice from which its channel may choose: with all its make-up, as plain text, the title alone."""

    def forms() -> Iterator[Json]:
        yield whole(notice)
        yield from map(plain, (notice, bare(notice)))

    return forms


async def edit_or_post(
    notice: Notice,
    forms: Callable[[], Iterable[Json]],
    post: Callable[[Json], Awaitable[Reply]],
    edit: Callable[[str, Json], Awaitable[Reply]] | None = None,
    reference: str | None = None,
) -> Outcome:
    """Edit the message of this ``reference``, where the channel can ``edit`` and this is not the opening, else post.

    An end is posted where its message is gone, may not be edited, takes no form, or could not be edited twice: an end
    is worth a second message. A changed count is not, unless the message is gone.
    """
    if edit is not None and reference is not None and notice.change is not Change.OPENED:
        # Not the barest form: the message that stands there says more.
        reply = await _post_with_fallbacks(islice(forms(), _FORMS_TO_EDIT), partial(edit, reference))
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
    given_up = isinstance(reply, TryLater) and notice.attempts >= _EDITS_ATTEMPTED
    return given_up or isinstance(reply, Refused | EditRefused)
