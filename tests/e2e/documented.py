"""The commands that README.md and docs/operations.md tell people to type."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = (ROOT / "README.md", ROOT / "docs" / "operations.md")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_PROGRAM = "connext-monitor"


@dataclass(frozen=True, slots=True)
class Documented:
    """One command, as its words."""

    words: tuple[str, ...]

    @property
    def ours(self) -> tuple[str, ...] | None:
        """The arguments to our own program; None for any other."""
        return self.words[1:] if self.words[0] == _PROGRAM else None

    def __str__(self) -> str:
        return shlex.join(self.words)


def documented() -> list[Documented]:
    """All of them, each once, in their order."""
    words = [words for file in FILES for words in commands(file.read_text(encoding="utf-8"))]
    return [Documented(command) for command in dict.fromkeys(words)]


def commands(text: str) -> Iterator[tuple[str, ...]]:
    """The commands of a text, as words: the lines of blocks without a language, and the tables headed "command"."""
    for language, block in _BLOCK.findall(text):
        if not language:
            yield from (_words(line) for line in block.splitlines() if line.strip())
    in_table = False
    for line in text.splitlines():
        if not line.startswith("|"):
            in_table = False
        elif line.startswith("| command |"):
            in_table = True
        elif in_table:
            first = line.replace(r"\|", "\0").split("|")[1]
            yield from (_of_program(_words(code)) for code in _CODE.findall(first.replace("\0", "|")))


def _words(line: str) -> tuple[str, ...]:
    first, *rest = shlex.split(line)
    return (first.removeprefix(".venv/bin/"), *rest)


def _of_program(words: tuple[str, ...]) -> tuple[str, ...]:
    """A table may leave the program's name out."""
    return words if words[0] == _PROGRAM else (_PROGRAM, *words)
