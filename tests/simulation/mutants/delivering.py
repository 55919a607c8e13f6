"""Mutants that break promise 7: at least once, once if possible."""

from tests.simulation.mutants.mutant import Edit, mutant

DELIVERING = (
    mutant(
        "digest-drops-one",
        7,
        "store/groups.py",
        "    taken = [read_alert(row) for row in rows]\n",
        "    taken = [read_alert(row) for row in rows[1:] or rows]\n",
        "the first alert of those that become one message is not counted in it",
    ),
    mutant(
        "gives-up-retries",
        7,
        "store/deliveries.py",
        'parameters("attempts", "next_attempt_ms", "reason")',
        'parameters("attempts", "next_attempt_ms", "reason") | {"pending": parameter("attempts") < 4}',
        "a message that has failed four times is not sent any more",
    ),
    mutant(
        "digest-gives-up-retries",
        7,
        "store/groups.py",
        'parameters("attempts", "next_attempt_ms", "reason")',
        'parameters("attempts", "next_attempt_ms", "reason") | {"ended": parameter("attempts") >= 4}',
        "the message of a group that has failed four times is not sent any more",
    ),
    mutant(
        "silences-unheard",
        7,
        "alerting/active_silences.py",
        "        return any(silence.covers(alert, self._labels) for silence in self._in_force)\n",
        "        return False\n",
        "what is silenced is told all the same",
    ),
    mutant(
        "silenced-for-ever",
        7,
        "store/silences.py",
        "        news.queue_opening(connection, alert, due, at, anew=silence.ack)\n",
        "        if silence.ack:\n            news.queue_opening(connection, alert, due, at, anew=True)\n",
        "what is still open at a silence's end is not told",
    ),
    mutant(
        "acknowledged-for-ever",
        7,
        "store/silences.py",
        "        news.queue_opening(connection, alert, due, at, anew=silence.ack)\n",
        "        if not silence.ack:\n            news.queue_opening(connection, alert, due, at, anew=False)\n",
        "what was acknowledged is not told again, though it is still open",
    ),
    mutant(
        "unsilenced-unheard",
        7,
        "alerting/active_silences.py",
        "if silence.is_cut_short or (sure and silence.until <= now)}",
        "if sure and silence.until <= now and not silence.is_cut_short}",
        "a silence that somebody has ended goes on",
    ),
    mutant(
        "dead-channel-loses-its-message",
        7,
        "alerting/worker.py",
        "_dead = True\n",
        "_dead = True\n                await message.sent(None, now)\n",
        "what a channel refused for good is not sent after the restart",
    ),
    mutant(
        "one-failure-is-for-good",
        7,
        "alerting/worker.py",
        "await self._record_failure(message, outcome, now)\n",
        "await self._record_failure(message, outcome, now)\n                self.__dict__['_dead'] = True\n",
        "a channel that fails once is left alone until the next start",
    ),
    mutant(
        "sent-again-from-memory",
        7,
        "alerting/alert_queue.py",
        "            self._prefetched.popleft()\n",
        "            pass\n",
        "what was sent is sent again until the queue is read anew",
    ),
    mutant(
        "not-noted-after-retry",
        7,
        "store/deliveries.py",
        '.where(_THIS).values(parameters("reference"',
        '.where(_THIS, deliveries.c.attempts == 0).values(parameters("reference"',
        "a message that is taken at a second attempt is sent again and again",
    ),
    mutant(
        "end-before-opening",
        7,
        "core/holds.py",
        "        if delivery.alert.id in kept:\n            break\n        kept[delivery.alert.id] = delivery\n",
        "        kept[str(delivery.id)] = delivery\n",
        "what waits is sent in the opposite order, an alert's end before its opening",
        Edit(
            "core/holds.py",
            "not delivery.attempts, delivery.id)",
            "not delivery.attempts, -delivery.id)",
        ),
    ),
    mutant(
        "one-channel-at-a-time",
        7,
        "alerting/worker.py",
        "            return await message.send()\n",
        "            loop = asyncio.get_running_loop()\n"
        '            while getattr(loop, "is_sending", False):\n'
        "                await asyncio.sleep(0.5)\n"
        '            setattr(loop, "is_sending", True)\n'
        "            try:\n"
        "                outcome = await message.send()\n"
        "                if not isinstance(outcome, Sent):\n"
        "                    await asyncio.sleep(120.0)\n"
        "                return outcome\n"
        "            finally:\n"
        '                setattr(loop, "is_sending", False)\n',
        "a channel that does not take a message holds up the others",
    ),
    mutant(
        "delivery-not-woken",
        7,
        "alerting/alert_desk.py",
        "        for listener in self._listeners:\n            listener()\n",
        "        pass\n",
        "what is to be sent is only found when the worker looks by itself",
    ),
    mutant(
        "ends-not-told",
        7,
        "store/alerts.py",
        "        news.queue_ends(connection, {alert_id: resolutions[alert_id] for alert_id in resolved}, at)\n",
        "",
        "no channel is told that an alert has ended",
    ),
    mutant(
        "not-noted-at-the-stop",
        7,
        "alerting/worker.py",
        "                await _finish(sending, recording)\n",
        "                recording.cancel()\n                sending.cancel()\n",
        "what a channel takes while the program stops is not noted, and sent again",
    ),
    mutant(
        "failing-channel-not-told",
        11,
        "alerting/provider_watch.py",
        "                await self._fails(name, trouble)\n",
        "                self._troubles.pop(name)\n",
        "nobody is told of a channel that fails",
    ),
    mutant(
        "failing-channel-told-at-once",
        11,
        "alerting/provider_watch.py",
        "        return trouble.dead or now - trouble.since >= self._patience",
        "        return True",
        "every message that is not taken at once has the others told of a channel that fails",
    ),
    mutant(
        "failing-channel-never-recovers",
        11,
        "alerting/provider_watch.py",
        "                await self._recovered(name, now)\n",
        "                self._well.pop(name)\n",
        "a channel that works again is called failing for ever",
    ),
)
