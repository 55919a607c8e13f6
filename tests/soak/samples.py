"""What a process and its database use, sampled from outside, and what is made of the samples."""

import csv
import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from tests.soak.slopes import Slope, common_slope, slope

MB: Final = 2**20
HOUR: Final = 3600.0
WARM_UP: Final = 120.0
"""Seconds of each life in which caches fill and modules are loaded; no growth is taken from them."""
_RSS = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)
_LAG = re.compile(r"^connext_monitor_loop_lag_max_seconds (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: ``at`` in Unix seconds, ``age`` of the process in seconds, sizes in bytes.

    ``database`` is the size of all its pages, wherever they are now; ``stored`` counts the events in it. ``lag`` is the
    longest delay of the event loop within the last minute, in seconds, None where the process did not say. ``waited``
    is for how many seconds of its life the process could have run, and the machine ran others.
    """

    at: float
    life: int
    age: float
    memory: int
    descriptors: int
    wal: int
    database: int
    stored: int
    lag: float | None
    waited: float = 0.0


def memory_of(pid: int) -> int:
    """A process's resident memory in bytes. Raises `OSError` where it has ended."""
    match = _RSS.search(Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    if match is None:
        raise ProcessLookupError(pid)
    return int(match[1]) * 1024


def descriptors_of(pid: int) -> int:
    """How many files it has open. Raises `OSError` where it has ended."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def waited_by(pid: int) -> float:
    """Seconds for which its first thread has waited for a processor. Raises `OSError` where it has ended."""
    _, waited, _ = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
    return int(waited) / 1e9


def wal_of(database: Path) -> int:
    """Bytes of its write-ahead log; 0 where there is none."""
    try:
        return database.with_name(f"{database.name}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def stored_in(database: Path) -> tuple[int, int]:
    """Bytes of all pages, those included that are still in the write-ahead log, and the number of events in them.

    Raises `sqlite3.Error` where the database cannot be read now.
    """
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (page,) = connection.execute("PRAGMA page_size").fetchone()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (count,) = connection.execute("SELECT count(*) FROM events").fetchone()
    return page * pages, int(count)


def lag_in(metrics: str) -> float | None:
    """What a scrape says of the loop's longest delay lately."""
    match = _LAG.search(metrics)
    return float(match[1]) if match else None


def append_to(file: Path, sample: Sample) -> None:
    """Add a line to a CSV file, which begins with the names of the columns."""
    begins = not file.exists()
    with file.open("a", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, [field.name for field in fields(Sample)])
        if begins:
            writer.writeheader()
        writer.writerow(asdict(sample))


@dataclass(frozen=True, slots=True)
class Growth:
    """How fast things grew within the lives of the process, by the hour; None where no life was long enough.

    ``beyond_stored`` is memory less what the database grew by in the same time, whose pages are kept in memory.
    ``settled`` is the same within the second half of the longest life, where bounded caches have had time to fill: it
    lasted ``settled_seconds``. ``per_event`` is in bytes of the database for each event stored, over the whole run.
    """

    memory: Slope | None
    beyond_stored: Slope | None
    settled: Slope | None
    descriptors: Slope | None
    wal: Slope | None
    database: Slope | None
    per_event: Slope | None
    seconds: float
    settled_seconds: float


def growth(samples: Sequence[Sample], warm_up: float = WARM_UP) -> Growth:
    """From the samples of each life that is older than ``warm_up`` seconds."""
    lives = [[sample for sample in life if sample.age >= warm_up] for life in by_life(samples)]
    late = second_half(longest_life(samples), warm_up)
    return Growth(
        memory=_hourly(lives, lambda sample: sample.memory / MB),
        beyond_stored=_hourly(lives, _beyond_stored),
        settled=_hourly([late], _beyond_stored),
        descriptors=_hourly(lives, lambda sample: sample.descriptors),
        wal=_hourly(lives, lambda sample: sample.wal / MB),
        database=_hourly(lives, lambda sample: sample.database / MB),
        per_event=slope((sample.stored, sample.database) for sample in samples),
        seconds=sum(map(_lasted, lives)),
        settled_seconds=_lasted(late),
    )


def longest_life(samples: Iterable[Sample]) -> list[Sample]:
    """The samples of the life that was sampled for longest; none where there are none."""
    return max(by_life(samples), key=_lasted, default=[])


def second_half(life: Sequence[Sample], warm_up: float = WARM_UP) -> list[Sample]:
    """The later half of a life's samples by time, of those that are older than ``warm_up`` seconds."""
    middle = (life[0].age + life[-1].age) / 2 if life else 0.0
    return [sample for sample in life if sample.age >= max(warm_up, middle)]


def _hourly(lives: Sequence[Sequence[Sample]], value: Callable[[Sample], float]) -> Slope | None:
    common = common_slope([[(sample.at, value(sample)) for sample in life] for life in lives])
    return common.times(HOUR) if common else None


def _beyond_stored(sample: Sample) -> float:
    return (sample.memory - sample.database) / MB


def _lasted(life: Sequence[Sample]) -> float:
    return life[-1].at - life[0].at if life else 0.0


def by_life(samples: Iterable[Sample]) -> list[list[Sample]]:
    """The samples of each life, in order."""
    lives = defaultdict[int, list[Sample]](list)
    for sample in samples:
        lives[sample.life].append(sample)
    return [lives[life] for life in sorted(lives)]
