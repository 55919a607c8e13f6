"""The file itself: missing, unreadable, not TOML."""

import os
from pathlib import Path

import pytest

from connext_monitor.config import (
    ConfigError,
    load_config,
)
from tests.config.configs import CHAIN, SECRET, keys, refused


def test_a_missing_file_is_named_with_a_way_to_make_it(file: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    assert str(caught.value).startswith(f"{file}: the config file does not exist; copy docs/config.example.toml there")


@pytest.mark.parametrize("name", ["", "x\0y", "config.toml/below"])
def test_what_is_no_file_is_refused(file: Path, name: str) -> None:
    file.write_text("")
    with pytest.raises(ConfigError) as caught:
        load_config(file.parent / name, {})
    assert "this is not a file" in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(file: Path) -> None:
    file.write_text(CHAIN)
    file.chmod(0)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(file, {})


def test_a_file_the_system_cannot_open_is_refused(file: Path) -> None:
    file.symlink_to(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(file, {})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (CHAIN.encode("utf-16"), "contains NUL bytes, as UTF-16 text does; save it as UTF-8"),
        (CHAIN.encode("utf-16-le"), "contains NUL bytes, as UTF-16 text does; save it as UTF-8"),
        (CHAIN.encode("utf-16-be"), "contains NUL bytes, as UTF-16 text does; save it as UTF-8"),
        (CHAIN.encode() + b"\0", "contains NUL bytes"),
        ((CHAIN + "# é").encode("latin-1"), "not UTF-8 text (line 3)"),
        (b"", "chains: holds no chain"),
        (b"\xef\xbb\xbf", "chains: holds no chain"),
        (b"x = 1\n" * 200_000, "larger than 1 MiB; name the config file itself"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_file_of_another_kind_is_refused(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    assert words in str(caught.value)


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="larger than"):
        load_config(Path("/dev/zero"), {})


def test_line_ends_of_windows_are_line_ends(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + CHAIN.replace("\n", "\r\n").encode())
    assert list(load_config(file, {}).chains) == ["ethereum"]


def test_a_file_that_is_not_utf8_is_refused_with_the_line(file: Path) -> None:
    file.write_bytes(b"\n\nx = 'S3CR3T\xff'")
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    assert "not UTF-8 text (line 3)" in str(caught.value)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("\nx = S3CR3T", "line 2, column 5: a value is not valid (text needs quotes)"),
        ('x = "S3CR3T', "at the end of the file: a string is not closed"),
        ('x = "S3CR3T\n"', "line 1, column 12: a string is not closed"),
        ('S3CR3T "x"', 'line 1, column 8: a key has no "=" after it'),
        ("[S3CR3T]\n[S3CR3T]", "the same table appears twice"),
        ("S3CR3T = 1\nS3CR3T = 2", "the same key appears twice"),
        ("x = {S3CR3T = 1, S3CR3T = 2}", "the same key appears twice"),
        ("x = 1 S3CR3T", "there is something after a value"),
        ('x = ["S3CR3T"', "at the end of the file: a bracket is not closed"),
        ("x = " + "9" * 5000, "not valid TOML"),
        ("x = " + "[" * 5000, "not valid TOML"),
        (".".join("a" * 3000) + " = 1", "far too deeply"),
    ],
)
def test_wrong_toml_is_refused_with_its_place_and_not_quoted(file: Path, toml: str, words: str) -> None:
    error = refused(file, toml)
    assert keys(error) == [""]
    assert words in str(error)
    assert SECRET not in str(error)


def test_a_file_name_with_a_line_break_stays_on_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "a\nb\x1b[2J", {})
    assert str(caught.value).isprintable()
