"""The tables of alert providers, checked by whoever knows them."""

import pickle
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, Field

from connext_monitor.config import (
    ConfigError,
    Duration,
    Problem,
    ProviderTable,
    SecretText,
    SecretUrl,
    Table,
    load_config,
    parse_table,
)
from tests.config.configs import CHAIN, SECRET, keys, load


def refuse_loudly(value: str) -> str:
    msg = f"do not like {value}"
    raise ValueError(msg)


class Channel(Table):
    type: Literal["channel"]
    url: SecretUrl
    token: SecretText | None = None
    pause: Duration = timedelta(seconds=1)
    rooms: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = ("all",)
    odd: Annotated[str, AfterValidator(refuse_loudly)] = ""


def parse_channel(file: Path, name: str, table: Mapping[str, object]) -> Channel:
    return parse_table(Channel, table, ("alert_providers", name), file=file)


def test_a_provider_parses_its_own_table(file: Path) -> None:
    table = ProviderTable({"type": "channel", "url": "https://h/x", "pause": "PT2S", "rooms": ["a"], "token": "t"})
    channel = parse_channel(file, "ops", table)
    assert (channel.url.host, channel.pause, channel.rooms) == ("h", timedelta(seconds=2), ("a",))
    assert channel.token == SecretText("t")


@pytest.mark.parametrize(
    ("extra", "key", "words"),
    [
        ({"url": f"wss://h/{SECRET}"}, "url", "https:// or http://"),
        ({"tokn": SECRET}, "tokn", 'did you mean "token"?'),
        ({"token": " "}, "token", "is empty"),
        ({"token": 5}, "token", "must be a string"),
        ({"type": SECRET}, "type", "write 'channel'"),
        ({"rooms": [SECRET, 1]}, "rooms[1]", "must be a string"),
        ({"rooms": [1]}, "rooms[0]", "must be a string"),
        ({"rooms": []}, "rooms", "give at least 1"),
        ({"odd": SECRET}, "odd", "is not valid"),
    ],
)
def test_a_provider_refuses_in_the_same_words(file: Path, extra: dict[str, object], key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_channel(file, "ops", {"type": "channel", "url": "https://h", **extra})
    assert keys(caught.value) == [f"alert_providers.ops.{key}"]
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None


def test_problems_of_providers_come_with_those_of_the_rest(file: Path) -> None:
    ops, other = '[alert_providers.ops]\ntype = "channel"\n', '[alert_providers.b]\ntype = "channel"\nurl = "${U}"'
    file.write_text("[chains.base]\n" + ops + other)
    with pytest.raises(ConfigError) as caught:
        load_config(file, {}, check_provider=parse_channel)
    assert keys(caught.value) == ["alert_providers.b.url", "chains.base.endpoints", "alert_providers.ops.url"]


def test_merged_errors_tell_each_problem_once() -> None:
    first, second = Problem("a", "is wrong", "mend it"), Problem("b", "is wrong", "mend it")
    merged = ConfigError(Path("c.toml"), [first]).merge(
        ConfigError(Path("c.toml"), [first, second]), ConfigError(Path("c.toml"), [])
    )
    assert str(merged) == "c.toml: a: is wrong; mend it\nc.toml: b: is wrong; mend it"


def test_an_error_survives_pickling() -> None:
    error = ConfigError(Path("c.toml"), [Problem("a", "is wrong", "mend it")])
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes


def test_a_providers_pathways_name_chains_of_the_file(file: Path) -> None:
    pathways = '[alert_providers.c]\ntype = "console"\npathways = [{ origin = "etherium" }, { destination = "*" }]\n'
    with pytest.raises(ConfigError) as caught:
        load(file, CHAIN + pathways)
    (problem,) = caught.value.problems
    assert problem.key == "alert_providers.c.pathways[0].origin"
    assert problem.mistake == "is not a chain in this file"


def test_a_dumped_secret_stays_hidden() -> None:
    channel = Channel(type="channel", url=SecretUrl(f"https://h/{SECRET}"), token=SecretText(SECRET))
    assert SECRET not in f"{channel.model_dump()} {channel.model_dump_json()}"
