"""Mutants that break promise 5: absence is established, not assumed."""

from tests.simulation.mutants.mutant import Mutant

ABSENCE = (
    Mutant(
        name="due-is-past",
        promise=5,
        file="core/absence.py",
        old="evidence.watermark <= evidence.due_at:",
        new="evidence.watermark < evidence.due_at:",
        breaks="a leg in a block stamped exactly at its deadline, which is in time, is called overdue",
    ),
    Mutant(
        name="contract-not-asked",
        promise=5,
        file="core/absence.py",
        old="    if evidence.answer is None:\n        return LegRuling.NOT_ANSWERED\n",
        new="",
        breaks="the destination's contract is not asked before a leg is called overdue",
    ),
    Mutant(
        name="contracts-yes-ignored",
        promise=5,
        file="core/absence.py",
        old="    if done(leg, evidence.answer):",
        new="    if False:",
        breaks="a leg whose event is missing here, though the contract says it happened, is called overdue",
    ),
)
