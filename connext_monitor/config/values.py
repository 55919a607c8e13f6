"""The kinds of values a table may hold: each reads what TOML gave, or refuses it with `bad_value`.

All of them take their own type too, so that a model can be made in code as well as from a file.
"""

import importlib.util
import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import BeforeValidator, PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from connext_monitor.config.database_url import DatabaseUrl, is_database_url
from connext_monitor.config.problems import bad_value, text_of
from connext_monitor.config.url import is_host

_LONGEST = timedelta(days=365)
_LONGEST_GROUP_WAIT = timedelta(minutes=1)
_DURATION = re.compile(
    r"P(?=[0-9T])(?:([0-9]{1,9})W)?(?:([0-9]{1,9})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})(?:[.,]([0-9]{1,6}))?S)?)?"
)
_CALENDAR = re.compile(r"[-+]?P[-+0-9.,WD]*[YM]")


def parse_duration(value: object) -> timedelta:
    """Read ISO 8601 ``P[nW][nD][T[nH][nM][nS]]``: more than nothing, 365 days at most; seconds may have a fraction.

    Raises `bad_value`; years and months are refused because they have no fixed length.
    """
    length = value if isinstance(value, timedelta) else _read_duration(text_of(value))
    if length <= timedelta(0):
        raise bad_value("must be longer than zero", 'write a duration such as "PT5M" (five minutes)')
    if length > _LONGEST:
        raise bad_value(
            "is longer than 365 days", 'write a shorter duration such as "PT5M" (five minutes) or "P1D" (a day)'
        )
    return length


def _read_duration(text: str) -> timedelta:
    if _CALENDAR.match(text):
        raise bad_value(
            "uses years or months, which have no fixed length",
            'use days, such as "P30D"; minutes come after a T, such as "PT5M"',
        )
    if re.fullmatch(r"-?P.*", text) and "-" in text:
        raise bad_value("is negative", 'write a duration such as "PT5M" (five minutes)')
    match = _DURATION.fullmatch(text)
    if match is None:
        raise bad_value("is not an ISO 8601 duration", 'write it as "PT30S", "PT5M", "PT3H", "P1D" or "P1DT12H"')
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:5])
    micros = int((match[6] or "").ljust(6, "0"))
    try:
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=micros)
    except OverflowError:
        return timedelta.max


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


def _read_interval(value: object) -> timedelta | None:
    """Read a duration, or "" for never."""
    return None if value is None or value == "" else parse_duration(value)


Interval = Annotated[timedelta | None, BeforeValidator(_read_interval)]

_SOONEST_TAKEOVER, _LATEST_TAKEOVER = timedelta(seconds=2), timedelta(minutes=10)


def _read_takeover(value: object) -> timedelta:
    length = parse_duration(value)
    if not _SOONEST_TAKEOVER <= length <= _LATEST_TAKEOVER:
        raise bad_value("is too short or too long a silence", 'write a duration from "PT2S" to "PT10M"')
    return length


TakeoverAfter = Annotated[timedelta, BeforeValidator(_read_takeover)]

_LEAST_KEPT = timedelta(days=1)
_MOST_KEPT = timedelta(days=3650)


def _read_keep(value: object) -> timedelta | None:
    """Read for how long what is settled is kept, or "" for ever."""
    if value is None or value == "":
        return None
    length = value if isinstance(value, timedelta) else _read_duration(text_of(value))
    if not _LEAST_KEPT <= length <= _MOST_KEPT:
        raise bad_value(
            "is too short or too long a time to keep things",
            'write a duration from "P1D" (a day) to "P3650D", or "" to keep them forever',
        )
    return length


Keep = Annotated[timedelta | None, BeforeValidator(_read_keep)]


def _read_group_wait(value: object) -> timedelta:
    length = parse_duration(value)
    if length > _LONGEST_GROUP_WAIT:
        raise bad_value("would hold alerts back for more than a minute", 'write a shorter duration such as "PT2S"')
    return length


GroupWait = Annotated[timedelta, BeforeValidator(_read_group_wait)]


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen; port 0 lets the system choose one. An IPv6 host stands without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_LISTEN = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9][A-Za-z0-9.-]{0,252})):(?P<port>[0-9]{1,5})")


def _read_listen(value: object) -> ListenAddress | None:
    if value is None or isinstance(value, ListenAddress):
        return value
    text = text_of(value)
    if not text:
        return None
    match = _LISTEN.fullmatch(text)
    if match is None or int(match["port"]) > 65535 or not _is_listened_to(match):
        raise bad_value(
            "is not HOST:PORT",
            'write it as "127.0.0.1:8088" or "[::1]:8088", or as "" to turn page, API and metrics off',
        )
    return ListenAddress(match["six"] or match["name"], int(match["port"]))


def _is_listened_to(match: re.Match[str]) -> bool:
    return is_host(match["six"], bracketed=True) if match["six"] else is_host(match["name"])


Listen = Annotated[ListenAddress | None, PlainValidator(_read_listen)]


def _read_database(value: object, info: ValidationInfo) -> Path | DatabaseUrl:
    """Read a URL, or a file's path from the folder of the config file (the validation's context, else this one)."""
    if isinstance(value, DatabaseUrl) or (isinstance(value, str) and is_database_url(value)):
        url = value if isinstance(value, DatabaseUrl) else DatabaseUrl(value)
        if importlib.util.find_spec("psycopg") is None:
            raise bad_value("needs a package that is not installed", "pip install 'connext-monitor[postgres]'")
        return url
    path = _read_path(value, info, bad_value("is not a file name", 'write one such as "connext-monitor.db"'))
    try:
        is_there, is_folder, has_folder = path.exists(), path.is_dir(), path.parent.is_dir()
        is_file = path.is_file()
    except OSError:
        is_there, is_folder, has_folder, is_file = False, False, False, False
    if is_folder:
        raise bad_value("is a directory", "name a file in it")
    if not has_folder:
        raise bad_value(
            "is in a directory that does not exist or cannot be entered",
            "create the directory first; a relative path is relative to the folder of this file",
        )
    if is_there and not is_file:
        raise bad_value("is not a regular file", "name a regular file, or one that does not exist yet")
    return path


DatabasePlace = Annotated[Path | DatabaseUrl, PlainValidator(_read_database)]


def _read_directory(value: object, info: ValidationInfo) -> Path:
    """Read a directory's path, taken from the folder of the config file; it need not be there yet."""
    path = _read_path(value, info, bad_value("is not the name of a directory", 'write one such as "backups"'))
    try:
        # What is there of the path: the directory, or the one that it is to be made in.
        is_taken = not next(above for above in (path, *path.parents) if above.exists()).is_dir()
    except OSError:
        is_taken = True
    if is_taken:
        raise bad_value("is not a directory", "name another one; it is created if it does not exist")
    return path


def _read_path(value: object, info: ValidationInfo, refusal: PydanticCustomError) -> Path:
    """Make an absolute path of it. Raises the refusal, or for what only a shell would fill in."""
    text = str(value) if isinstance(value, Path) else text_of(value)
    if not text.isprintable() or text != text.strip() or not text:
        raise refusal
    if text.startswith("~"):
        raise bad_value('begins with "~", which only a shell expands', "write ${HOME} instead, or the whole path")
    folder = Path(cast("dict[str, Path]", info.context or {}).get("folder", Path()))
    return Path(os.path.abspath(folder / Path(text)))  # noqa: PTH100 - resolve() would follow symbolic links


DirectoryPath = Annotated[Path, PlainValidator(_read_directory)]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A place in S3-compatible storage; the prefix has no slash at either end and may be empty."""

    name: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}".rstrip("/")

    def key(self, name: str) -> str:
        """The key of the object of this name."""
        return f"{self.prefix}/{name}" if self.prefix else name


_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9!_.*'()=+-]+)*)/?")


def read_bucket(text: str) -> Bucket:
    """Read ``s3://bucket/prefix``. Raises `bad_value`; keys and passwords do not belong in it."""
    match = _BUCKET.fullmatch(text)
    if match is None or {".", ".."} & set(match[2].split("/")):
        raise bad_value(
            "is not a location in S3-compatible storage",
            'write it as "s3://bucket/prefix"; the credentials come from the environment (AWS_ACCESS_KEY_ID …)',
        )
    return Bucket(match[1], match[2].strip("/"))


def _read_upload(value: object) -> Bucket | None:
    if isinstance(value, Bucket):
        return value
    if value is None or value == "":
        return None
    bucket = read_bucket(text_of(value))
    if importlib.util.find_spec("obstore") is None:
        raise bad_value("needs a package that is not installed", "pip install 'connext-monitor[backup]'")
    return bucket


Upload = Annotated[Bucket | None, PlainValidator(_read_upload)]


_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,20}")


def as_number(value: object) -> object:
    """The number that digits between quotes stand for, as what comes from the environment does; else the value."""
    return int(value) if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value) else value


def as_flag(value: object) -> object:
    """The boolean that "true" or "false" between quotes stands for; else the value."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


FromDigits = BeforeValidator(as_number)
Flag = Annotated[bool, BeforeValidator(as_flag)]


BlocksOrTag = int | Literal["safe", "finalized"]
_DEEPEST = 100_000


def _read_finality(value: object) -> BlocksOrTag:
    number = as_number(value)
    if value == "safe" or value == "finalized":  # noqa: PLR1714 - two comparisons narrow the type, a set does not
        return value
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _DEEPEST:
        return number
    raise bad_value(
        "is not a valid finality",
        f'write a number of blocks behind the head from 0 to {_DEEPEST}, or "safe", or "finalized"',
    )


def _read_start_block(value: object) -> int | Literal["latest"]:
    number = as_number(value)
    if value == "latest":
        return "latest"
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**63:
        return number
    raise bad_value("is not a valid start block", 'write "latest" or a block number')


FinalityRule = Annotated[BlocksOrTag, PlainValidator(_read_finality)]
StartBlock = Annotated[int | Literal["latest"], PlainValidator(_read_start_block)]
