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
)
