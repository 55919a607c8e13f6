"""Every channel that Apprise reaches (email, Teams, Matrix and a hundred more): it only sends, and edits nothing.

Apprise is an extra, ``pip install 'connext-monitor[apprise]'``. It waits for sockets, so each message has a thread of
its own; one that hangs holds up neither the monitor nor its end.
"""

import asyncio
import re
import threading
from contextlib import suppress

from connext_monitor.alerting.http.timing import LONGEST_TIMEOUT, AdaptiveTimeout, RequestSpacing
from connext_monitor.alerting.notice import Notice, ReportNotice
from connext_monitor.alerting.providers.apprise import AppriseConfig, apprise_channel
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.wording import fact_line, fit, headline, one_line, web_links
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.delivery import FailureCause, Outcome, Sent, TryLater

# A service may take several requests for a message, each of which is waited for.
_REQUESTS_PER_MESSAGE = 3
_BETWEEN_MESSAGES = 1.0
_TITLE, _LINE, _LINES = 200, 300, 25
_NO_WIDTH = "\u200b"
_LIVE = re.compile(r"[@<#\]`]|[.:](?=/|[^\W\d_])|([*_~|])(?=\1)")
_BEGINS_A_BLOCK = frozenset("#>-*+=")


class AppriseProvider:
    """A service that Apprise sends to."""

    digest_mode = DigestMode.DIGEST
    shows_pictures = False

    def __init__(self, name: str, config: AppriseConfig, context: ProviderContext) -> None:
        self.name = name
        self._config = config
        self._clock = context.clock
        self._spacing = RequestSpacing(context.clock, context.sleep)
        # A thread is not ended from outside.
        longest = LONGEST_TIMEOUT if context.longest_send is None else context.longest_send / _REQUESTS_PER_MESSAGE
        self._timeout = AdaptiveTimeout(context.clock, min(context.first_timeout, longest), longest)

    async def send(self, notice: Notice, reference: str | None) -> Outcome:  # noqa: ARG002 - Apprise edits nothing
        """Send it as plain text; Apprise says whether that worked, but not why it failed."""
        await self._spacing.turn()
        title, body = plain(notice)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bool] = loop.create_future()
        began, seconds = self._clock.monotonic(), self._timeout.seconds

        def work() -> None:
            was_taken = False
            try:
                channel = apprise_channel(self._config.url.get_secret_value(), seconds)
                was_taken = bool(channel is not None and channel.notify(title=title, body=body, body_format="text"))
            except Exception:  # noqa: BLE001, S110 - of a hundred plugins, each may fail in its own way
                pass
            finally:
                with suppress(RuntimeError):  # the loop has been closed
                    loop.call_soon_threadsafe(_settle, answer, was_taken)

        # A daemon thread: the program's exit does not wait for a service that hangs.
        threading.Thread(target=work, name=f"apprise to {self.name}", daemon=True).start()
        try:
            async with asyncio.timeout(_REQUESTS_PER_MESSAGE * seconds):
                was_taken = await answer
        except TimeoutError:
            self._timeout.timed_out(seconds)
            return TryLater(
                f"did not answer within {_REQUESTS_PER_MESSAGE * seconds:g} s", cause=FailureCause.TIMED_OUT
            )
        self._spacing.hold(_BETWEEN_MESSAGES)
        return self._outcome(was_taken, self._clock.monotonic() - began, seconds)

    def _outcome(self, was_taken: bool, after: float, seconds: float) -> Outcome:
        """What Apprise's yes or no means, so many seconds after it was asked to wait ``seconds`` for an answer."""
        if was_taken:
            self._timeout.answered(after)
            return Sent()
        if after < seconds:
            return TryLater("did not take it; Apprise does not say why")
        self._timeout.timed_out(seconds)
        return TryLater(f"did not answer within {seconds:g} s", cause=FailureCause.TIMED_OUT)

    async def report(self, notice: ReportNotice) -> Outcome:
        """Send it as text."""
        return await self.send(notice, None)

    async def aclose(self) -> None:
        """Nothing is kept open."""


def plain(notice: Notice) -> tuple[str, str]:
    """Title and body, a fact on each line, no mention live in any service."""
    message = notice.message
    lines = [one_line(message.text), *map(fact_line, message.fields)]
    links = [f"{_dead(fit(link.name, 50))}: {link.url.replace('@', '%40')}" for link in web_links(message.links)]
    body = [_dead(fit(line, _LINE)) for line in lines[:_LINES]] + links[:5]
    return _dead(fit(headline(message), _TITLE)), "\n".join(body)


def _settle(answer: asyncio.Future[bool], was_taken: bool) -> None:
    if not answer.done():
        answer.set_result(was_taken)


def _dead(text: str) -> str:
    """The text with nothing in it that a service would make live; what its characters mean differs by service.

    A mention begins with one of these characters, a link has a dot or a colon before more text, and Markdown's has a
    bracket before its address; doubled characters are Markdown's too, and one at the beginning can make a heading or a
    list.
    """
    apart = _LIVE.sub(lambda match: match[0] + _NO_WIDTH, text)
    return _NO_WIDTH + apart if apart[:1] in _BEGINS_A_BLOCK else apart
