"""Mutants that break promises 3 and 4: undo only on evidence, and order does not matter."""

from tests.simulation.mutants.mutant import Edit, mutant

_GONE = "(r.domain, r.sighting.block.hash) in change.gone]"

UNDO = (
    mutant(
        "stored-as-it-was-seen",
        3,
        "monitoring/transfer_checker.py",
        "                if self._clock.monotonic() - began >= _OUTAGE:\n"
        "                    await self._outage_over()\n                    raise\n",
        "",
        "what waited through an outage of the database is stored, though a reorg may have dropped it meanwhile",
    ),
    mutant(
        "reorgs-not-looked-for",
        3,
        "monitoring/range_reader.py",
        "        gone = await self._gone(doubtful(stored.blocks, standing))\n",
        "        gone: frozenset[Hash32] = frozenset()\n",
        "what a reorg takes back stays recorded",
    ),
    mutant(
        "left-out-is-gone",
        3,
        "monitoring/range_reader.py",
        "            if standing.hash == block_hash:\n"
        '                raise PartialAnswer(f"left out a log of block {number}, which stands")\n',
        "",
        "a log that an endpoint leaves out is taken back, though its block stands",
        Edit(
            "monitoring/cover_pass.py",
            "            await self._lineage.confirm_gone(number, block_hash)\n",
            "            pass\n",
        ),
    ),
    mutant(
        "missing-block-is-gone",
        3,
        "monitoring/range_reader.py",
        "            standing = await self.header_at(number)\n",
        "            standing = await self._endpoint.header(number)\n"
        "            if standing is None:\n                gone.add(block_hash)\n                continue\n",
        "what stands in a block that an endpoint lacks is taken back",
        Edit(
            "monitoring/cover_pass.py",
            "            await self._lineage.confirm_gone(number, block_hash)\n",
            "            pass\n",
        ),
    ),
    mutant(
        "removed-is-gone",
        3,
        "monitoring/push_follower.py",
        "                    self._requests.hint_reorg()\n            if of_block:\n",
        "                    self._requests.hint_reorg()\n"
        "                    gone = frozenset({pushed.log.block_hash})\n"
        "                    await self._observations.put(Observation(self._config.domain_id, gone=gone))\n"
        "            if of_block:\n",
        "a log that an endpoint calls removed is taken back",
    ),
    mutant(
        "undo-keeps-xcalled",
        3,
        "core/transfer.py",
        _GONE,
        f"{_GONE[:-1]} and r.kind is not EventKind.XCALLED]",
        "an XCalled that a reorg takes back stays recorded",
    ),
    mutant(
        "undo-keeps-legs",
        3,
        "core/transfer.py",
        _GONE,
        f"{_GONE[:-1]} and r.kind is EventKind.XCALLED]",
        "a leg that a reorg takes back stays recorded, and is not awaited again",
    ),
    mutant(
        "undo-keeps-alert",
        3,
        "core/leg_effects.py",
        "    if new.xcalled_at is None:\n        ended = Resolution.REORGED\n",
        "    if new.xcalled_at is None:\n        return\n",
        "the alerts about a transfer whose XCalled is taken back stand for ever",
    ),
    mutant(
        "undo-keeps-mismatch",
        3,
        "core/chain_effects.py",
        "    for transfer_id in sorted({delivery.transfer_id for delivery in changes.taken_back} - claimed):",
        "    for transfer_id in sorted(set[TransferId]() - claimed):",
        "the alert about a false delivery that a reorg takes back stands for ever",
    ),
    mutant(
        "leg-taken-back-is-forgotten",
        3,
        "core/recording.py",
        "            due = _due(old, was_due, new, durations)\n",
        "            lost = old is not None and old.executed is not None and new is not None and new.executed is None\n"
        "            due = None if lost else _due(old, was_due, new, durations)\n",
        "a leg that is taken back has no deadline any more",
    ),
    mutant(
        "deep-reorg-not-told",
        3,
        "core/chain_effects.py",
        "        if chain.replaced is not None:\n",
        "        if chain.replaced is not None and False:\n",
        "nobody is told that a final block was replaced",
    ),
    mutant(
        "deep-reorg-not-looked-for",
        3,
        "monitoring/cover_pass.py",
        "            await self._anchors.verify(head)\n",
        "            pass\n",
        "nobody looks whether final blocks still stand",
    ),
    mutant(
        "deep-reorg-not-read-again",
        3,
        "monitoring/anchors.py",
        "        rewound = replace(coverage, checkpoint=checkpoint)\n",
        "        rewound = replace(coverage, checkpoint=max(checkpoint, coverage.checkpoint))\n",
        "blocks that were final are not read again after another was found in the place of one",
    ),
    mutant(
        "final-with-what-was-recorded-meanwhile",
        3,
        "store/recording.py",
        "    blocks.refuse_unknown(connection, batch)\n",
        "",
        "what is pushed from a block that a reorg took, while its height is read and becomes final, stays recorded",
    ),
    mutant(
        "becomes-final-unsaid",
        3,
        "monitoring/cover_pass.py",
        "            settled=settled,\n",
        "",
        "nobody tells the store which blocks become final, and with what known in them",
    ),
    mutant(
        "destination-must-speak-last",
        4,
        "core/recording.py",
        "        if summary_now is not None:\n",
        "        if summary_now is not None and summary_now.xcalled_at is None:\n            continue\n"
        "        if summary_now is not None:\n",
        "a leg that is seen before its XCalled is lost",
    ),
    mutant(
        "first-one-wins",
        4,
        "core/recording.py",
        "        if summary_now is not None:\n",
        "        had_been = prior.transfers.get(transfer_id)\n"
        "        if had_been is not None and (had_been.executed_at or had_been.reconciled_at):\n            continue\n"
        "        if summary_now is not None:\n",
        "the first leg that is seen is recorded, and none that comes later",
    ),
)
