"""Any TOML, and any bytes, are a config or a refusal."""

import json
import traceback
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.config import (
    AlertsConfig,
    ChainConfig,
    Config,
    ConfigError,
    MonitorConfig,
    PathwayConfig,
    RouterConfig,
    load_config,
)
from tests.config.configs import SECRET
from tests.world.examples import examples

TABLES = ["monitor", "alerts", "chains", "alert_providers", "stats", "routers"]


WORDS = [
    *TABLES,
    *MonitorConfig.model_fields,
    *AlertsConfig.model_fields,
    *PathwayConfig.model_fields,
    *ChainConfig.model_fields,
    *RouterConfig.model_fields,
]


KEYS = st.one_of(st.sampled_from(WORDS), st.text(st.characters(codec="utf-8"), max_size=5))


STRINGS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.sampled_from(["", "*", "PT5M", "latest", "ws://h/", "https://[::1]/", "${A}", "$${", "${", "0x" + "ab" * 20]),
).map(lambda text: text + SECRET)


LEAVES = st.one_of(
    STRINGS,
    st.integers(-(2**65), 2**65),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.times(),
    st.datetimes(),
)


VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


CHAINS = st.dictionaries(st.sampled_from(["ethereum", "my-devnet"]), st.dictionaries(st.sampled_from(WORDS), VALUES))


DOCUMENTS = st.one_of(
    st.dictionaries(st.one_of(st.sampled_from(TABLES), KEYS), VALUES, max_size=5),
    st.fixed_dictionaries(
        {"chains": CHAINS}, optional=dict.fromkeys({*TABLES} - {"chains"}, st.dictionaries(KEYS, VALUES, max_size=4))
    ),
)


def to_toml(value: object) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{to_toml(key)} = {to_toml(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(to_toml, value)) + "]"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case bool():
            return str(value).lower()
        case datetime() | date() | time():
            return value.isoformat()
    return repr(value)


def outcome(file: Path, content: bytes) -> Config | ConfigError:
    file.write_bytes(content)
    try:
        return load_config(file, {"A": SECRET})
    except ConfigError as error:
        return error


@examples(150)
@given(document=DOCUMENTS)
def test_any_toml_is_a_config_or_a_refusal_that_quotes_nothing(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    result = outcome(file, "\n".join(f"{to_toml(key)} = {to_toml(value)}" for key, value in document.items()).encode())
    assert isinstance(result, Config) or (result.problems and SECRET not in "".join(traceback.format_exception(result)))
    assert isinstance(result, Config) or all(line.isprintable() for line in str(result).split("\n"))


@given(content=st.binary(max_size=60))
def test_any_bytes_are_a_config_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    assert isinstance(outcome(tmp_path_factory.getbasetemp() / "bytes.toml", content), ConfigError)
