"""Slack's errors, which are single words.

Source: Slack's documentation, "Sending messages using incoming webhooks", "Rate limits", ``chat.postMessage`` and
``chat.update``.
"""

import re

from connext_monitor.alerting.http.response import HttpResponse

ERROR_WORD = re.compile(rb"[a-z_]{1,64}")
IS_ERROR = re.compile(r"(invalid|no|too_many|msg|action|channel|is|team|rate)_|ratelimited|.*_error$")
LIMITED_WORDS = frozenset({"message_limit_exceeded", "rate_limited", "ratelimited"})
DEAD_WORDS = frozenset(
    {
        "account_inactive",
        "action_prohibited",
        "channel_is_archived",
        "channel_not_found",
        "invalid_auth",
        "invalid_token",
        "is_archived",
        "no_active_hooks",
        "no_service",
        "no_service_id",
        "no_team",
        "team_disabled",
        "token_revoked",
    }
)


def error_word(response: HttpResponse) -> str:
    """The error that Slack names, as plain text or in JSON; empty for ``ok`` and for anything but a single word."""
    document = response.json
    if document.get("ok") is False or "error" in document:
        error = document.get("error")
        body = error.encode(errors="replace") if isinstance(error, str) else b""
    else:
        body = response.body.strip()
    named = ERROR_WORD.fullmatch(body)
    return named[0].decode() if named and named[0] != b"ok" else ""
