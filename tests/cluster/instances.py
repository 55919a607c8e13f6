"""Two instances as processes on one database, which are killed, suspended and started again."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from scripts.devnet import Chain
from tests.alerting.providers.discord.vendor import Discord
from tests.e2e.monitor import PATIENCE, HasUrl, Monitor, Setup, write_config
from tests.soak.evidence import EXECUTE, RECONCILE
from tests.world.waiting import until

TAKEOVER = 2.0
"""Seconds that an owner may be silent: the shortest that there is."""
LEFT, RIGHT = "left", "right"
DURATIONS = {EXECUTE: 4, RECONCILE: 3600}
"""Deadlines, in seconds. The second is for nobody to be told of in a test."""


async def write_configs(
    chains: tuple[Chain, ...],
    webhook: HasUrl,
    folder: Path,
    discord: Discord | None = None,
    *,
    finality: int = 5,
    takeover: float = TAKEOVER,
) -> dict[str, Path]:
    """Those of two instances by their names, which differ in nothing else; the database is ``$DATABASE_URL``."""
    setup = Setup(
        chains,
        {"machines": webhook},
        execute=f"PT{DURATIONS[EXECUTE]}S",
        reconcile=f"PT{DURATIONS[RECONCILE]}S",
        unobserved_after="PT20S",
        finality=finality,
        log_level="info",
        database="${DATABASE_URL}",
        takeover_after=f"PT{takeover:g}S",
    )
    text = (await write_config(setup, folder)).read_text(encoding="utf-8")
    text = text.replace("[alerts]", '[alerts]\ngroup_wait = "PT0.5S"\ngroup_interval = "PT1S"', 1)
    if discord is not None:
        text += f'[alert_providers.ops]\ntype = "discord"\nwebhook_url = "{discord.url}"\n'
    files = {}
    for name in (LEFT, RIGHT):
        (folder / name).mkdir()
        files[name] = folder / name / "config.toml"
        files[name].write_text(text.replace("[cluster]", f'[cluster]\nname = "{name}"'), encoding="utf-8")
    return files


class Instances:
    """By their names, with every process that each of them has been so far."""

    def __init__(self, configs: Mapping[str, Path], before: str = "", skews: Mapping[str, float] | None = None) -> None:
        """``before`` is Python that each process runs first, ``skews`` say by how many seconds whose clock is wrong."""
        self._configs = configs
        self._before = before
        self._skews = {name: _written(seconds, configs[name]) for name, seconds in (skews or {}).items()}
        self._lives: dict[str, list[Monitor]] = {name: [] for name in configs}

    async def __aenter__(self) -> Self:
        """Start them, the first as the owner."""
        for name in self._lives:
            await self.start(name)
            await self[name].ready()
        return self

    async def __aexit__(self, failed: object = None, *_: object) -> None:
        """Kill each while it sends nothing."""
        for lives in reversed(self._lives.values()):
            if lives:
                await lives[-1].__aexit__(failed)

    def __getitem__(self, name: str) -> Monitor:
        """The process that it is now, or was last."""
        return self._lives[name][-1]

    async def start(self, name: str) -> None:
        """Begin a process."""
        monitor = Monitor(self._configs[name], skew=self._skews.get(name), before=self._before)
        await monitor.__aenter__()
        self._lives[name].append(monitor)

    async def kill(self, name: str) -> None:
        """As kill -9 does."""
        self[name].kill()
        await self[name].ended()
        await self[name].__aexit__()

    async def suspend(self, name: str, seconds: float) -> None:
        """Have nothing of it run meanwhile (SIGSTOP)."""
        await self[name].stop()
        await asyncio.sleep(seconds)
        self[name].go_on()

    @property
    def said(self) -> str:
        """All that all of them have said so far."""
        return "\n".join(monitor.said for lives in self._lives.values() for monitor in lives)

    def count(self, event: str) -> int:
        """How often any of them has said this so far."""
        return sum(len(monitor.events(event)) for lives in self._lives.values() for monitor in lives)

    def reasons(self, event: str) -> list[str]:
        """Those that they gave with it."""
        return [line["reason"] for lives in self._lives.values() for monitor in lives for line in monitor.events(event)]

    async def owns(self, name: str) -> None:
        """Wait until this one has begun its work."""
        await until(lambda: self[name].events("monitor.started"), PATIENCE, lambda: self.said)

    async def stands_by(self, name: str) -> None:
        """Wait until this one waits for the work, as it is now."""
        await until(lambda: self[name].events("instance.stands_by"), PATIENCE, lambda: self.said)


def _written(skew: float, config: Path) -> Path:
    """See `tests.e2e.skewed`."""
    file = config.with_name("skew")
    file.write_text(str(skew), encoding="utf-8")
    return file
