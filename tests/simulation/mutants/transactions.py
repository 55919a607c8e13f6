"""Mutants that break promises 1 and 6: one transaction, from which all else can be rebuilt."""

from tests.simulation.mutants.mutant import Edit, mutant

_SPLIT = 'connection.run("COMMIT")\n    connection.run("BEGIN IMMEDIATE")\n'

_FINAL_AT_ONCE = Edit("monitoring/cover_pass.py", "        if cover.settles:\n", "        if True:\n")
"""Blocks become final as they are read first: else a later cover reads again what was lost of them."""

TRANSACTIONS = (
    mutant(
        "alerts-end-in-a-second-transaction",
        1,
        "store/recording.py",
        "    resolved = alerts.resolve_all(",
        f"    {_SPLIT}    resolved = alerts.resolve_all(",
        "events are committed before the alerts that end with them: killed in between, these stand for ever",
    ),
    mutant(
        "checkpoint-before-events",
        1,
        "store/recording.py",
        "    transfer_changes.save(connection, changes, known)\n",
        "    for chain in batch.progress:\n        _save_progress(connection, chain)\n"
        f"    {_SPLIT}    transfer_changes.save(connection, changes, known)\n",
        "the checkpoint is committed before the events that it stands for: killed in between, these are never read",
        _FINAL_AT_ONCE,
    ),
    mutant(
        "news-in-a-second-transaction",
        1,
        "store/alerts.py",
        "    news.queue_openings(connection, [",
        '    connection.run("COMMIT")\n    connection.run("BEGIN IMMEDIATE")\n    news.queue_openings(connection, [',
        "an alert is committed before what the channels are to be told of it: killed in between, nobody is told",
    ),
    mutant(
        "ends-in-a-second-transaction",
        1,
        "store/alerts.py",
        "        news.queue_ends(connection, {alert_id:",
        '        connection.run("COMMIT")\n        connection.run("BEGIN IMMEDIATE")\n'
        "        news.queue_ends(connection, {alert_id:",
        "an alert's end is committed before what the channels are to be told of it",
    ),
    mutant(
        "no-rollback",
        1,
        "store/connection.py",
        "    except BaseException:\n        connection.rollback()\n        raise\n    return done\n",
        "    except BaseException:\n        connection.driver.commit()\n        raise\n    return done\n",
        "what a transaction wrote before it failed is committed",
    ),
    mutant(
        "checkpoint-never-stored",
        1,
        "store/recording.py",
        "    chains.save_coverage(connection, chain.domain, chain.coverage)\n",
        "    if chains.coverage(connection, chain.domain) is None:\n"
        "        chains.save_coverage(connection, chain.domain, chain.coverage)\n",
        "how far a chain has been read is kept in memory only",
    ),
    mutant(
        "alerts-do-not-end-with-the-leg",
        1,
        "store/recording.py",
        "alerts.resolve_all(connection, changes.ended, at, route)",
        "alerts.resolve_all(connection, [], at, route)",
        "a leg that arrives does not end its alert",
    ),
    mutant(
        "batch-lost-on-a-full-disk",
        1,
        "monitoring/transfer_checker.py",
        "                if self._clock.monotonic() - began >= _OUTAGE:\n"
        "                    await self._outage_over()\n                    raise\n",
        "                from connext_monitor.core.structs import replace\n"
        "                from connext_monitor.core.transfer import ObservedChange\n"
        "                nothing = ObservedChange((), frozenset())\n"
        "                batch = [replace(part, change=nothing) for part in batch]\n",
        "of what could not be stored because the disk was full, only how far was read is stored later",
        _FINAL_AT_ONCE,
    ),
    mutant(
        "timers-not-rebuilt",
        1,
        "alerting/scheduler.py",
        "                for awaited in part:\n                    self._arm(awaited)\n",
        "",
        "deadlines from before a restart get no timer",
        Edit(
            "core/unjudged.py",
            "lasts or (ripe and at - self._ripe_since[blamed] >= self.time_to_judge)\n",
            "lasts\n",
        ),
    ),
)
