"""The URL of a PostgreSQL database, as PostgreSQL's own programs take it; only its hosts and its name may be shown.

It is refused wherever a password that was not percent-encoded could have cut it at the wrong place: what counts as the
host or the name of the database then would be a part of the password, and would be shown.
"""

import re
from typing import ClassVar
from urllib.parse import unquote

from connext_monitor.config.problems import bad_value
from connext_monitor.config.secret import SecretText
from connext_monitor.config.url import is_host

_CURE = (
    'write it as "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"; in user name and password, percent-encode whatever '
    "is not a letter or digit (% and two hex digits)"
)
_URL = re.compile(
    r"(?:[^@/?#\s]*@)?(?P<hosts>[^@/?#\s]*)/(?P<name>[^@/?#\s]+)(?:\?(?P<query>[^@?#\s]*))?", re.ASCII
)  # fmt: skip
_HOST = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<name>[^\[\]:]*))(?::(?P<port>[0-9]{1,5}))?")
_FOLDER = re.compile(r"%2F[^:]*", re.IGNORECASE)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_LONGEST = 4000
# Source: PostgreSQL 18, "Parameter Key Words" of libpq. Not among them: what the monitor itself decides, such as
# target_session_attrs, and what reads other files with secrets in them by name alone (service).
_PARAMETERS = frozenset({
    "channel_binding", "gssencmode", "gsslib", "host", "hostaddr", "krbsrvname", "load_balance_hosts", "options",
    "passfile", "password", "port", "require_auth", "ssl_max_protocol_version", "ssl_min_protocol_version", "sslcert",
    "sslcertmode", "sslcompression", "sslcrl", "sslcrldir", "sslkey", "sslmode", "sslnegotiation", "sslpassword",
    "sslrootcert", "sslsni", "user",
})  # fmt: skip


class DatabaseUrl(SecretText):
    """A URL of PostgreSQL's form; printing it shows the hosts and the name of the database."""

    __slots__ = ()

    SCHEMES: ClassVar[tuple[str, ...]] = ("postgresql", "postgres")

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` unless it names a database, and nothing of it can be taken for something else."""
        super().check(secret)
        if len(secret) > _LONGEST:
            raise bad_value(f"is longer than {_LONGEST} characters", _CURE)
        _read(secret)

    def __repr__(self) -> str:
        return f"{type(self).__name__}('{self}')"

    def __str__(self) -> str:
        hosts, name = _read(self._secret)
        return f"postgresql://{hosts}/{name}"


def is_database_url(text: str) -> bool:
    """Whether it is meant as one, right or wrong: no file is called so by anybody."""
    return re.match(r"postgres(?:ql)?:|.*\b(?:host|dbname|user|password)\s*=", text, re.IGNORECASE) is not None


def _read(text: str) -> tuple[str, str]:
    """Its hosts and the name of its database. Raises `bad_value`."""
    scheme, _, rest = text.partition("://")
    match = _URL.fullmatch(rest)
    if scheme not in DatabaseUrl.SCHEMES or match is None:
        raise bad_value("is not the whole URL of a PostgreSQL database", _CURE)
    if not text.isascii() or _BROKEN_ESCAPE.search(text):
        raise bad_value('contains a "%" or another character that such a URL cannot contain by itself', _CURE)
    hosts, parameters = match["hosts"], _parameters(match["query"] or "")
    if not all(map(_is_host, hosts.split(","))):
        raise bad_value("is a URL with an invalid host or port", _CURE)
    if not hosts and "host" not in parameters and "hostaddr" not in parameters:
        raise bad_value("is a URL without a host", f"{_CURE}; of a socket, write the folder as ?host=/run/postgresql")
    name = unquote(match["name"])
    if not name.isprintable():
        raise bad_value("is a URL in which the name of the database has an unprintable character", _CURE)
    return hosts.lower(), name


def _parameters(query: str) -> frozenset[str]:
    """The names of what stands behind the question mark; their values are never shown."""
    pairs = [part.partition("=") for part in query.split("&")] if query else []
    if any(name not in _PARAMETERS or not equals for name, equals, _ in pairs):
        raise bad_value(
            'has a parameter after its "?" that is not supported here',
            "remove it (sslmode, sslrootcert, passfile and the like are supported), or percent-encode the password "
            "before it",
        )
    return frozenset(name for name, _, _ in pairs)


def _is_host(text: str) -> bool:
    match = _HOST.fullmatch(text)
    if match is None or (match["port"] is not None and not 0 < int(match["port"]) < 65536):
        return False
    if match["six"] is not None:
        return is_host(match["six"], bracketed=True)
    return not match["name"] or _FOLDER.fullmatch(match["name"]) is not None or is_host(match["name"])
