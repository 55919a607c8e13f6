"""Mutants that break promise 12: one owner at a time."""

from tests.simulation.mutants.mutant import Edit, mutant

OWNERS = (
    mutant(
        "two-owners",
        12,
        "store/lock.py",
        "                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)\n",
        "a second instance works on the database while the first one does",
        Edit("store/lock.py", "            _lock_byte(file)\n", "            pass\n"),
    ),
    mutant(
        "lets-go-of-the-lock",
        12,
        "assembly/opened_store.py",
        "            stack.enter_context(self.lock)\n            store = await self._opened()\n",
        "            with self.lock:\n                store = await self._opened()\n",
        "the database is locked only while it is opened",
    ),
    mutant(
        "refused-yet-heard",
        12,
        "store/lock.py",
        "        return DatabaseInUseError.of(self._database, by, elsewhere=elsewhere)\n",
        "        words = str(DatabaseInUseError.of(self._database, by, elsewhere=elsewhere))\n"
        "        return DatabaseNotOpenedError(words, by_errno(OSError(errno.EAGAIN, words)))\n",
        "who is refused the database tells the channels that it fails",
    ),
    mutant(
        "turn-not-checked",
        12,
        "store/turn.py",
        "        if self._moved is None or self._moved.rowcount == 0:\n",
        "        if self._moved is None or self._moved.rowcount < 0:\n",
        "whoever was deposed writes on",
    ),
    mutant(
        "writes-not-counted",
        12,
        "store/turn.py",
        'turn.c.n == parameter("left_at"))',
        'turn.c.n >= parameter("left_at") - 1_000_000)',
        "an owner goes on as if the server still had what it has lost",
    ),
    mutant(
        "beats-by-the-wall-clock",
        12,
        "cluster/member.py",
        "self._candidacy.saw(seen.lease, self._clock.elapsed())",
        "self._candidacy.saw(seen.lease, self._clock.now().timestamp())",
        "whoever sets a machine's clock has it take over from an owner that is well",
        Edit(
            "cluster/member.py",
            "self._candidacy.takeable(self._clock.elapsed(), self.times, self.me.name)",
            "self._candidacy.takeable(self._clock.now().timestamp(), self.times, self.me.name)",
        ),
    ),
    mutant(
        "takes-over-too-soon",
        12,
        "core/ownership.py",
        "now - self.unchanged_since >= times.takeover_after else None",
        "now >= self.unchanged_since else None",
        "an instance takes over from an owner that is well",
    ),
    mutant(
        "sends-without-the-lease",
        12,
        "cluster/member.py",
        "return self.ownership is not None and self.ownership.may_send(self._clock.elapsed())",
        "return self.ownership is not None",
        "an owner that stood still sends what another one sends too",
    ),
    mutant(
        "lease-kept-while-standing-still",
        12,
        "cluster/member.py",
        "self.ownership.may_send(self._clock.elapsed())",
        "self.ownership.may_send(self._clock.monotonic())",
        "the time in which an owner stood still does not count",
        Edit(
            "cluster/member.py",
            "            asked_at = self._clock.elapsed()\n",
            "            asked_at = self._clock.monotonic()\n",
        ),
        Edit(
            "cluster/member.py",
            "self._new_token(), self._clock.elapsed()",
            "self._new_token(), self._clock.monotonic()",
        ),
    ),
)
