"""Compiled templates, kept as Python keeps its compiled modules: to compile them all takes a sixth of a second.

They lie in ``__pycache__`` beside the templates, or where Python is told to keep such files. Where nothing can be
written, or nothing is to be, each process compiles them anew.
"""

import marshal
import os
import sys
import tempfile
from contextlib import suppress
from hashlib import sha256
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket


class CompiledTemplates(BytecodeCache):
    """Those of ``folder``; what is kept was ``made_by`` the same Jinja and settings, or it is made anew."""

    def __init__(self, folder: Path, made_by: bytes) -> None:
        self._folder = folder
        self._made_by = MAGIC_NUMBER + made_by

    def get_cache_key(self, name: str, filename: str | None = None) -> str:  # noqa: ARG002 - the library's signature
        """The template's name."""
        return name

    def get_source_checksum(self, source: str) -> str:
        """Of the source, and of what else decides about what becomes of it."""
        return sha256(self._made_by + source.encode()).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        """Where it is kept and sound; whatever is wrong with it, the template is compiled."""
        with suppress(OSError):
            kept = self._file(bucket).read_bytes()
            head, body = kept[: len(_head(bucket, b""))], kept[len(_head(bucket, b"")) :]
            if head == _head(bucket, body):
                bucket.code = marshal.loads(body)  # noqa: S302 - written by us, where our modules lie

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Whole or not at all, whoever else does so at the same time."""
        if sys.dont_write_bytecode:
            return
        file, body = self._file(bucket), marshal.dumps(bucket.code)
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            number, unfinished = tempfile.mkstemp(prefix=file.name, dir=file.parent)
            try:
                os.fchmod(number, (self._folder / bucket.key).stat().st_mode & 0o666)  # as Python does
                with os.fdopen(number, "wb") as writing:
                    writing.write(_head(bucket, body) + body)
                Path(unfinished).replace(file)
            except OSError:
                Path(unfinished).unlink(missing_ok=True)

    def _file(self, bucket: Bucket) -> Path:
        return Path(cache_from_source(str(self._folder / bucket.key))).with_suffix(".template")


def _head(bucket: Bucket, body: bytes) -> bytes:
    """What stands before the code: what it was made of, and that it is whole."""
    return f"{bucket.checksum} {sha256(body).hexdigest()}\n".encode()
