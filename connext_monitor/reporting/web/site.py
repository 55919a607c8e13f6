"""How pages are rendered: templates that escape everything, and static files of our own."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from threading import Lock

import jinja2
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from connext_monitor.core.alerts.message import Instant
from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.formats import rfc3339, unix_rfc3339
from connext_monitor.core.words import duration_words
from connext_monitor.reporting.web.compiled_templates import CompiledTemplates

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# Python calls no-break space and line feed unprintable; they are harmless.
_SPACES = "\N{NO-BREAK SPACE}\n"
_STATIC = files("connext_monitor.reporting.web") / "static"
_OF_EVERY_PAGE = ("frame.html", "parts.html")
TEMPLATES = Path(__file__).with_name("templates")


class Site:
    """The templates, of ``folder``, and the static files."""

    def __init__(self, folder: Path = TEMPLATES) -> None:
        self._files = {entry.name: entry.read_bytes() for entry in _STATIC.iterdir() if _suffix(entry.name) in _TYPES}
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            bytecode_cache=CompiledTemplates(folder, _made_by()),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=visible,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            duration=duration_words,
            iso=iso,
            utc=utc,
            tick=tick,
            short=short,
            grouped=grouped,
            percent=percent,
            address=to_checksum_address,
        )
        self._environment.tests["instant"] = lambda value: isinstance(value, Instant)
        self._environment.globals["file"] = self.path_of
        self._compiled = set[str]()
        self._one_compiles = Lock()

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/static/{name}", self.static)]

    async def static(self, request: web.Request) -> web.Response:
        """One of our own files."""
        name = request.match_info["name"]
        if name not in self._files:
            raise web.HTTPNotFound
        return web.Response(body=self._files[name], content_type=_TYPES[_suffix(name)], charset="utf-8")

    async def compile(self, template: str) -> None:
        """Compile a page's templates, once, in a thread: where they are not kept, that takes a tenth of a second."""
        if template not in self._compiled:
            await asyncio.to_thread(self._compile, template)

    def _compile(self, template: str) -> None:
        with self._one_compiles:
            for name in (*_OF_EVERY_PAGE, template):
                self._environment.get_template(name)
            self._compiled.add(template)

    def path_of(self, name: str) -> str:
        """A file's path, which changes with its content."""
        return f"/static/{name}?{sha256(self._files[name]).hexdigest()[:8]}"

    def page(self, template: str, values: Mapping[str, object], status: int = 200) -> web.Response:
        """A rendered template; every value is text, whatever it looks like."""
        text = self._environment.get_template(template).render(values)
        return web.Response(
            text=text, status=status, content_type="text/html", headers={"Content-Security-Policy": _POLICY}
        )


def _made_by() -> bytes:
    """What decides about what becomes of a template, beside its source: Jinja, and what it is told in this module."""
    return sha256(jinja2.__version__.encode() + Path(__file__).read_bytes()).digest()


@cache
def shared_site() -> Site:
    """The one of this process: to compile its templates takes longer than to render them."""
    return Site()


def visible(value: object) -> object:
    """A value as templates write it: invisible characters, which may hide or reorder text, as escapes."""
    if type(value) is not str or value.isprintable():
        return value
    return "".join(char if char.isprintable() or char in _SPACES else f"\\u{ord(char):04x}" for char in value)


def iso(at: float | datetime) -> str:
    """Unix seconds or an instant as RFC 3339 UTC."""
    return rfc3339(at) if isinstance(at, datetime) else unix_rfc3339(at)


def utc(at: float | datetime, now: float) -> str:
    """The time of day in UTC, with the date where it is not that of ``now`` (Unix seconds)."""
    moment = at.astimezone(UTC) if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    same_day = moment.date() == datetime.fromtimestamp(now, UTC).date()
    return f"{moment:%H:%M:%S} UTC" if same_day else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def tick(at: int, dated: bool) -> str:
    """An instant as short as an axis needs, in UTC: the time of day, or the date at midnight; both if ``dated``."""
    moment = datetime.fromtimestamp(at, UTC)
    if dated:
        return f"{moment:%m-%d %H:%M}"
    return f"{moment:%m-%d}" if moment.hour == moment.minute == 0 else f"{moment:%H:%M}"


def short(text: str) -> str:
    """An id or an address by its ends."""
    return f"{text[:10]}…{text[-6:]}" if len(text) > 20 else text


def grouped(number: int) -> str:
    """``12 345``, with spaces that do not break."""
    return f"{number:,}".replace(",", "\N{NO-BREAK SPACE}")


def percent(share: float) -> str:
    """A share as a percentage that is 0 or 100 only where that is exact."""
    rounded = round(share * 100)
    words = f"{rounded} %"
    if rounded == 100 and share < 1:
        words = "> 99 %"
    elif rounded == 0 and share > 0:
        words = "< 1 %"
    return words.replace(" ", "\N{NO-BREAK SPACE}")


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
