"""Whatever opens and ends in whatever order: what is open is to be read somewhere, and once (promises 6, 7 and 11)."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.alerting.alert_history import STEPS, History
from tests.world.examples import examples

_BURST = {1, 3, 5, 7, 9}


@settings(examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=10, max_size=25))
# Before anybody is told: one of a burst becomes critical, ends, and is late again; or that, and its second end.
@example([("late", _BURST), ("escalates", {1}), ("arrives", _BURST), ("late", {1})])
@example([("late", set(range(10))), ("escalates", {2}), ("arrives", {2}), ("late", {2}), ("arrives", {2})])
# The same beside a cause: both ends are those of a group's member, and the first waits for the second.
@example([("late", {1}), ("escalates", {1}), ("pause", {"stays"}), ("arrives", {1}), ("late", {1}), ("arrives", {1})])
# And where the group was formed between the two.
@example(
    [("late", {1}), ("arrives", {1}), ("late", {1}), ("pause", {"stays"}), *[("takes", "stays")] * 2, ("arrives", {1})]
)
# The end of what has a message of its own, for having become critical, waits to be counted when the cause ends.
@example(
    [("pause", {"stays"}), ("late", {2}), ("takes", "stays"), ("escalates", {2}), ("arrives", {2}), ("takes", "stays"),
     ("unpause", None)]
)  # fmt: skip
# The same where it is counted in a digest besides, is late again, or both.
@example(
    [("pause", {"changes"}), ("late", _BURST), ("escalates", _BURST), ("arrives", {1}), *[("takes", "changes")] * 2,
     ("late", {1}), ("unpause", None)]
)  # fmt: skip
# An end that the message of a cause counts is told by another message too: it is known there that it is over.
@example(
    [("late", {1}), ("escalates", {1}), ("pause", {"changes"}), ("takes", "changes"), ("arrives", {1}),
     ("takes", "changes"), ("late", {1}), ("passes", 61.0), ("takes", "changes"), ("arrives", {1})]
)  # fmt: skip
async def test_at_rest_each_open_alert_is_to_be_read_in_one_message(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, object]]
) -> None:
    history = History(tmp_path_factory.mktemp("history") / "monitor.db")
    await history.live(steps)
    await history.check()
