"""What every answer has in common: JSON, errors in words, headers that keep browsers from guessing."""

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.documents.answers import ErrorDocument
from connext_monitor.core.documents.fields import encode
from connext_monitor.reporting.web.parameters import BadValueError

_log = structlog.get_logger(__name__)

_POLICY = "Content-Security-Policy"
_HEADERS = {
    "Cache-Control": "no-store",
    _POLICY: "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # Instead of the library's own, which reveals its version.
    "Server": "connext-monitor",
}


class NotKnownError(Exception):
    """What a request names is not known; the message says so."""


def answer(document: object, status: int = 200) -> web.Response:
    """The document as JSON."""
    return web.Response(text=encode(document) + "\n", status=status, content_type="application/json")


def refuse(status: int, words: str, **headers: str) -> web.Response:
    """An error in words."""
    response = answer(ErrorDocument(words), status)
    response.headers.update(headers)
    return response


@web.middleware
async def errors_in_words(  # noqa: PLR0911 - one answer for each kind of error
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Whatever goes wrong becomes an answer; our own faults are logged and not shown to strangers."""
    try:
        return await handler(request)
    except BadValueError as error:
        return refuse(400, str(error))
    except NotKnownError as error:
        return refuse(404, str(error))
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return refuse(405, f"this is read-only: use {allowed}", Allow=allowed)
    except web.HTTPNotFound:
        return refuse(404, "nothing is served at this path")
    except web.HTTPException as error:
        return refuse(error.status, error.reason.lower())
    except StoreUnavailable as error:
        return refuse(503, str(error))
    except Exception:  # noqa: BLE001 - a request that fails must not take the others with it
        _log.exception("an HTTP request failed", path=request.path)
        return refuse(500, "this could not be answered; the monitor's log says why")


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Give the response the headers that all have; a page says itself what it may load."""
    page_policy = response.headers.get(_POLICY)
    response.headers.update(_HEADERS)
    if page_policy is not None:
        response.headers[_POLICY] = page_policy
