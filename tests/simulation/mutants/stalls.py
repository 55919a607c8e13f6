"""Mutants that get wrong which pathways are stalled."""

from tests.simulation.mutants.mutant import Edit, mutant

STALLS = (
    mutant(
        "stall-of-too-few",
        5,
        "core/stalls.py",
        "evidence.waits.count < evidence.rule.transfers",
        "evidence.waits.count < evidence.rule.transfers - 1",
        "a pathway is called stalled where fewer transfers wait than it takes",
        Edit("alerting/stall_watch.py", "count >= rule.transfers", "count >= rule.transfers - 1"),
    ),
    mutant(
        "stall-of-more",
        11,
        "core/stalls.py",
        "evidence.waits.count < evidence.rule.transfers",
        "evidence.waits.count <= evidence.rule.transfers",
        "nobody is told of a pathway on which just so many transfers wait as it takes",
    ),
    mutant(
        "stall-at-once",
        5,
        "core/stalls.py",
        "Timestamp(since + self.rule.after)",
        "since",
        "a pathway is called stalled as soon as enough transfers are under way",
    ),
    mutant(
        "stall-from-the-newest",
        11,
        "core/stalls.py",
        "self.oldest[0][1] if self.oldest",
        "self.oldest[-1][1] if self.oldest",
        "nobody is told of a stalled pathway while more transfers are sent",
    ),
    mutant(
        "stall-not-covered",
        5,
        "core/stalls.py",
        "evidence.watermark is None or evidence.watermark <= stalled_at:",
        "evidence.watermark is None:",
        "a pathway is called stalled before its destination was read past that",
    ),
    mutant(
        "stall-not-asked",
        5,
        "core/stalls.py",
        "executed = any(done(Leg.EXECUTE, answers[transfer_id]) for transfer_id in ids)",
        "executed = False",
        "a pathway is called stalled whose executions no endpoint shows, though its contract tells of them",
    ),
    mutant(
        "stall-of-the-stuck",
        5,
        "store/stalls.py",
        "after = _BEFORE_ALL if last is None else last",
        "after = _BEFORE_ALL",
        "a pathway is called stalled for a few transfers that never arrive, while others do",
    ),
    mutant(
        "stall-over-unheard",
        3,
        "alerting/stall_watch.py",
        "        if executed and self._alerts:\n",
        "        if False:\n",
        "a pathway on which something was executed is called stalled for minutes more",
    ),
    mutant(
        "stall-taken-back-stands",
        3,
        "alerting/stall_watch.py",
        "        elif waits.count < details.least:\n",
        "        elif waits.count < 0:\n",
        "a pathway is called stalled for ever though what waited there was taken back",
    ),
)
