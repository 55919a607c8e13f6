"""Mutants that break promises 2 and 8: covered means read, and contiguity is proven."""

from tests.simulation.mutants.mutant import Edit, mutant

_NO_WITNESS = Edit(
    "monitoring/cover_pass.py",
    "        if self._witness.exists and (last := min(final, read.end.number)) >= read.blocks.first:\n",
    "        if False and (last := min(final, read.end.number)) >= read.blocks.first:\n",
)
_NO_BLOOMS = Edit("monitoring/second_look.py", "        if not claimed:\n", "        if True:\n")

COVERAGE = (
    mutant(
        "final-one-block-early",
        2,
        "core/coverage.py",
        "    return BlockNumber(head - depth)",
        "    return BlockNumber(head - depth + 1)",
        "the checkpoint is one block too high, by depth: what a reorg of the whole depth replaces is not read again",
    ),
    mutant(
        "checkpoint-at-the-head",
        2,
        "core/coverage.py",
        "min(final, end.number)",
        "end.number",
        "whatever is read counts as final",
    ),
    mutant(
        "pushed-log-moves-the-checkpoint",
        2,
        "monitoring/push_follower.py",
        "            stored = await self._observations.put(Observation(self._config.domain_id, logs=decoded))\n",
        "            from dataclasses import replace\n"
        "            from connext_monitor.core.batch import ChainProgress\n"
        "            block = decoded[0].block\n"
        "            now = self._state.begun\n"
        "            if now.covered is not None and now.covered.number < block.number:\n"
        "                now = replace(now, covered=block, checkpoint=max(now.checkpoint, block.number))\n"
        "            progress = ChainProgress(self._config.domain_id, now)\n"
        "            moved = Observation(self._config.domain_id, logs=decoded, progress=progress)\n"
        "            stored = await self._observations.put(moved)\n"
        "            self._state.reached(now)\n",
        "a log that is pushed moves coverage and checkpoint to its block",
    ),
    mutant(
        "read-once-only",
        2,
        "core/coverage.py",
        "    if aim is Aim.ADVANCE and coverage.covered is not None:",
        "    if coverage.covered is not None:",
        "blocks that are not final are not read again, and what reorgs change in them is not seen",
    ),
    mutant(
        "lag-counts-as-read",
        2,
        "monitoring/range_reader.py",
        '            raise Unsettled(f"has no block {number}")',
        "            from dataclasses import replace\n"
        "            header = replace(await self._endpoint.head(), number=number)",
        "a range counts as read though its endpoint does not have its last block",
    ),
    mutant(
        "calls-its-head-final",
        2,
        "monitoring/finality.py",
        "        return min(tagged.number, head.number)",
        "        return head.number",
        "where an endpoint names a final block, all blocks count as final",
    ),
    mutant(
        "believes-one-endpoint",
        2,
        "monitoring/cover_pass.py",
        _NO_WITNESS.old,
        _NO_WITNESS.new,
        "no other endpoint is asked about blocks before they become final: logs that one leaves out stay unread",
        _NO_BLOOMS,
    ),
    mutant(
        "other-endpoints-logs-dropped",
        2,
        "monitoring/second_look.py",
        "read.and_logs(added), Comparison.COMPLETED",
        "read, Comparison.COMPLETED",
        "logs that another endpoint has are noticed, and not recorded",
    ),
    mutant(
        "holes-not-fetched",
        8,
        "monitoring/cover_pass.py",
        "            await self._holes.close(upcoming)\n",
        "",
        "nonces that are missing are not fetched",
        _NO_WITNESS,
        _NO_BLOOMS,
    ),
    mutant(
        "holes-skipped",
        8,
        "store/nonces.py",
        "    reached = first_missing(connection, domain, contiguous, upcoming)\n",
        "    reached = upcoming\n",
        "nonces count as contiguous over those that are missing",
        _NO_WITNESS,
        _NO_BLOOMS,
    ),
    mutant(
        "nonce-not-asked",
        8,
        "monitoring/cover_pass.py",
        "upcoming = await self._nonces.upcoming_after(BlockNumber(read.end.number - 1))",
        "upcoming = None",
        "the contract is not asked for its nonce: nothing is proven about what is missing",
    ),
)
