"""How often and how many at once legs are judged."""

from dataclasses import dataclass

SETTLES = 60.0
"""Seconds after an alert's end before it opens again: a leg that comes and goes with reorgs is one alert, not many."""


@dataclass(frozen=True, slots=True)
class JudgingPace:
    """Intervals in seconds, and how many legs of one destination each step takes at once."""

    settles: float = SETTLES
    ask_again: float = 2.0
    longest_ask_again: float = 5.0
    """While nobody answers a single leg is asked about, ever more seldom, until somebody does."""
    read_at_first: float = 0.1
    """To the first look whether an origin has been read again; then ever more seldom, until as it is asked again."""
    read_within: float = 5.0
    """Origins are read again for each leg that is late: only what takes longer keeps a leg from being judged."""
    look_again: float = 60.0
    """To the next look at a leg that cannot be judged for a reason of ours, or whose event no endpoint shows."""
    longest_look_again: float = 900.0
    """An event that stays missing is looked for ever more seldom: its delivery may be one that never decodes."""
    causes_within: float = 3.0
    """An alert waits no longer for what can be said of its cause."""
    judged_at_once: int = 64
    asked_at_once: int = 16
    fetched_at_once: int = 4
    """Missing events: those of a single leg may take minutes to be looked for."""

    def pause_after_fetch(self, recorded: bool | None, before: int) -> float:
        """Seconds to the next look at a leg whose missing event was looked for, after so many times ``before``.

        What was ``recorded`` the first time usually closes the gap, which is seen at once.
        """
        if recorded and not before:
            return self.ask_again
        return float(min(self.longest_look_again, self.look_again * 2.0 ** min(max(before - 1, 0), 10)))

    def pause_until_read(self, before: int) -> float:
        """Seconds to the next look whether an origin has been read again, after so many in vain ``before``."""
        return float(min(self.ask_again, self.read_at_first * 2.0 ** min(before, 10)))

    def pause_after(self, fruitless: int) -> float:
        """Seconds to the next question after so many in a row that nobody answered."""
        return float(min(self.longest_ask_again, self.ask_again * 2.0 ** min(fruitless - 1, 10)))
