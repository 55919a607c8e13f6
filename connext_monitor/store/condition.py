"""How an open database is: what came of the last write, of the last read, and of the last look at its files."""

import math
from collections.abc import Callable

from connext_monitor.core.database_trouble import DatabaseTrouble
from connext_monitor.store.engine import Files

_FIRST_REST = 0.5
_LONGEST_REST = 5.0
OUTAGE = 10.0
"""Seconds for which writes have failed."""
_ANSWERS_WITHIN = 30.0
"""Seconds that a write, or a look at the files, may take before the disk, or the server, counts as hanging."""
_SURE_AFTER = 2.0
"""Seconds for which nothing may fail before it works again: small changes fit where large ones do not."""


class _Outcomes:
    """What came of the last writes, or of the last reads."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._works_since: float | None = None
        self.trouble: DatabaseTrouble | None = None
        self.since = math.inf

    def failed(self, trouble: DatabaseTrouble) -> None:
        if self.trouble is None:
            self.since = self._time()
        self.trouble, self._works_since = trouble, None

    def succeeded(self) -> bool:
        """Whether that was the end of an outage."""
        if self.trouble is None:
            return False
        if self._works_since is None:
            self._works_since = self._time()
        if self._time() - self._works_since < _SURE_AFTER:
            return False
        self.trouble = None
        return True


class Condition:
    """What keeps a database with these files from being used, if anything does.

    ``running_time`` says for how many seconds this program has run: while it stood still, the disk was not slow.
    """

    def __init__(self, files: Files, running_time: Callable[[], float]) -> None:
        self._time = running_time
        self._writes, self._reads = _Outcomes(self._time), _Outcomes(self._time)
        self._file_trouble: DatabaseTrouble | None = None
        self._files = files
        self._seen_before = False
        self._failures = 0
        self._not_before = -math.inf
        self._written_at = self._mended_at = -math.inf
        self._under_way: dict[str, float] = {}

    @property
    def write_trouble(self) -> DatabaseTrouble | None:
        """What keeps it from being written to."""
        return self._writes.trouble

    @property
    def trouble(self) -> DatabaseTrouble | None:
        """What is wrong now; what only another start mends comes first."""
        candidates = (self._file_trouble, self._writes.trouble, self._reads.trouble, self._hanging())
        known = [trouble for trouble in candidates if trouble is not None]
        return next((trouble for trouble in known if trouble.final), known[0] if known else None)

    @property
    def works_for(self) -> float:
        """Seconds since the last outage was over, infinite where there never was one; 0 while anything is wrong.

        What passes within `OUTAGE` seconds counts as none afterwards.
        """
        return 0.0 if self.trouble is not None else self._time() - self._mended_at

    @property
    def rest(self) -> float:
        """Seconds until the next write is worth trying."""
        return max(0.0, self._not_before - self._time())

    @property
    def idle_for(self) -> float:
        """Seconds since something was written."""
        return self._time() - self._written_at

    def begun(self, work: str) -> None:
        """Something was begun that the disk, or the server, has to answer."""
        self._under_way[work] = self._time()

    def ended(self, work: str) -> None:
        """It was answered."""
        began = self._under_way.pop(work)
        if self._time() - began >= _ANSWERS_WITHIN:
            self._mended_at = self._time()

    def _hanging(self) -> DatabaseTrouble | None:
        longest = self._time() - min(self._under_way.values(), default=math.inf)
        if longest < _ANSWERS_WITHIN:
            return None
        return self._files.unanswered(longest)

    def written(self) -> None:
        """Something was committed."""
        self._written_at = self._time()
        self._not_before = -math.inf
        if self._writes.succeeded():
            self._failures = 0
            if self._time() - self._writes.since >= OUTAGE:
                self._mended_at = self._time()

    def not_written(self, trouble: DatabaseTrouble) -> None:
        """Something could not be committed."""
        self._writes.failed(trouble)
        self._not_before = self._time() + min(_FIRST_REST * 2**self._failures, _LONGEST_REST)
        self._failures = min(self._failures + 1, 10)

    def was_read(self) -> None:
        """Something was read."""
        self._reads.succeeded()

    def not_read(self, trouble: DatabaseTrouble) -> None:
        """Something could not be read."""
        self._reads.failed(trouble)

    def look_at_files(self, look_inside: Callable[[], DatabaseTrouble | None]) -> None:
        """Look whether the path still names the files that are open, and then into the file. Blocks.

        What is wrong is said when it is seen for the second time: somebody may be at it.
        """
        seen = self._files.look() or look_inside()
        trouble = seen if self._seen_before else None
        self._seen_before = seen is not None
        self._file_trouble = trouble
