"""Writes a configuration with which connext-monitor watches a devnet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.devnet.chain import Chain
from scripts.devnet.errors import DevnetError

FIRST_LINE = "# Written by python -m scripts.devnet, whose next run overwrites it. Delete this line to keep it."


@dataclass(frozen=True, slots=True)
class Deadlines:
    """ISO 8601 durations, from XCalled's block time."""

    execute: str = "PT30S"
    reconcile: str = "PT1M"


def config_toml(chains: Sequence[Chain], deadlines: Deadlines, *tables: str, **monitor: str) -> str:
    """The configuration as TOML; ``monitor`` holds the keys of its ``[monitor]``, others keep their defaults.

    ``tables`` are further ones, each as `table` writes it.
    """
    parts = [
        FIRST_LINE,
        *([table("monitor", **monitor)] if monitor else []),
        table("alerts", execute_deadline=deadlines.execute, reconcile_deadline=deadlines.reconcile),
        *map(_chain, chains),
        table("alert_providers.console", type="console"),
        *tables,
    ]
    return "\n\n".join(parts) + "\n"


def write(path: Path, content: str) -> None:
    """Write the file in one step. Raises `DevnetError` where a file that is not ours exists, or none can be written."""
    try:
        if path.exists() and not path.read_text(encoding="utf-8").startswith(FIRST_LINE):
            raise DevnetError(
                f"{path} exists and was not written by the devnet. Choose another --write-config, or move it."
            )
        making = path.with_name(f".{path.name}.making")
        making.write_text(content, encoding="utf-8")
        making.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise DevnetError(f"{path} cannot be written: {error}") from error


def _chain(chain: Chain) -> str:
    return table(
        f"chains.{chain.name}",
        chain_id=chain.chain_id,
        domain_id=chain.domain_id,
        contract=chain.contract,
        endpoints=[chain.ws_url],
        block_time=f"PT{chain.block_time or 1}S",
        finality=5,
        start_block=chain.start_block,
    )


def table(name: str, /, **values: str | int | list[str]) -> str:
    """A table of TOML."""
    return "\n".join([f"[{name}]", *(f"{key} = {_value(value)}" for key, value in values.items())])


def _value(value: str | int | list[str]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)
