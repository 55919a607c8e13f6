"""Aimed at channels that do not take what they are sent."""

from tests.simulation.acts import Act
from tests.simulation.mutants.aimed.aim import Aim
from tests.simulation.mutants.aimed.made import CHAT, HERE, THERE, back, call, calls, story, trouble
from tests.simulation.story import ChannelFault, Deadlines, Kill
from tests.simulation.troubles import ChannelTrouble, EndpointTrouble, KillManner

_LATE = calls(100.0, 2400.0, 150.0, (450.0, 700.0))

FAILING = story(
    5400.0,
    [*calls(100.0, 4200.0, 150.0, (450.0, 700.0))],
    channel_faults=(
        ChannelFault("discord", 400.0, 300.0, ChannelTrouble.FAIL),
        ChannelFault("webhook", 2400.0, 300.0, ChannelTrouble.FAIL),
    ),
)
"""Each channel fails for some minutes."""

BRIEFLY = story(
    3600.0,
    _LATE,
    channel_faults=tuple(
        ChannelFault(name, at, 12.0, ChannelTrouble.FAIL)
        for name, at in (("webhook", 448.0), ("discord", 598.0), ("webhook", 748.0))
    ),
)
"""A channel fails for a few seconds, just when something is to be told."""

RETRIED = story(
    1300.0,
    [call(100.0, 450.0, 470.0)],
    channel_faults=(ChannelFault("webhook", 448.0, 12.0, ChannelTrouble.FAIL),),
)
"""One message is taken at a second attempt."""

GONE = story(
    4200.0,
    [*calls(100.0, 3000.0, 150.0, (450.0, 700.0))],
    channel_faults=(
        ChannelFault("webhook", 600.0, 200.0, ChannelTrouble.REFUSE),
        ChannelFault("discord", 1500.0, 200.0, ChannelTrouble.REFUSE),
    ),
    kills=(Kill(0, 1200.0, 20.0, KillManner.STOP), Kill(0, 2100.0, 20.0, KillManner.STOP)),
)
"""A channel says that it is gone for good, and is there again after a restart."""

BURST_UNTOLD = story(
    3900.0,
    [*(call(300.0 + number, 2500.0, 2600.0) for number in range(8)), *calls(60.0, 1500.0, 50.0, (25.0, 400.0))],
    channel_faults=(ChannelFault("discord", 700.0, 300.0, ChannelTrouble.FAIL),),
    kills=(Kill(0, 400.0, 400.0, KillManner.STOP),),
)
"""A channel fails while one message is to tell of all that became late while the monitor was away.

Others arrive meanwhile: a stalled pathway would be the cause of it, and its message would count them.
"""

ASKED_TO_WAIT = story(
    4200.0,
    calls(60.0, 1800.0, 100.0, (60.0, 1330.0)),
    channel_faults=(ChannelFault("webhook", 1250.0, 200.0, ChannelTrouble.LIMIT, 600.0),),
)
"""A channel asks for a wait in which alerts open and end."""

SILENCED = story(
    4200.0,
    [*calls(60.0, 3000.0, 50.0, (25.0, 400.0)), *(call(90.0 + 400.0 * number, None, None) for number in range(6))],
    deadlines=Deadlines(execute=300.0, reconcile=7200.0, unobserved_after=120.0),
    acts=(
        Act(700.0, 700.0, "execute_overdue"),
        Act(1800.0, 300.0, "execute_overdue", acknowledges=True),
        Act(2300.0, 3600.0, "execute_overdue", ended_after=500.0),
    ),
)
"""People silence what is late, acknowledge an alert, and end a silence early."""

COUNTED_AND_ACKNOWLEDGED = story(
    2000.0,
    [*calls(60.0, 1300.0, 40.0), *(call(100.0, None, None) for _ in range(8))],
    channels=(CHAT,),
    acts=(Act(700.0, 400.0, "execute_overdue", acknowledges=True),),
)
"""One of a burst is acknowledged, which a digest counts. Others are executed meanwhile: where nothing is, the pathway's
stall is told, and counts the burst."""

_BOTH_WAYS = [
    *calls(60.0, 3000.0, 50.0, (25.0, 400.0)),
    *(call(90.0 + 400.0 * number, None, None) for number in range(6)),
]
PATHWAYS_SILENCED = story(
    4200.0,
    [*_BOTH_WAYS, *map(back, _BOTH_WAYS)],
    deadlines=Deadlines(execute=300.0, reconcile=7200.0, unobserved_after=120.0),
    acts=(
        Act(500.0, 700.0, None, origin=HERE),
        Act(1300.0, 600.0, "execute_overdue", destination=HERE),
        Act(2300.0, 700.0, None, origin=HERE, destination=THERE),
    ),
    endpoint_faults=(trouble(2350.0, 300.0, EndpointTrouble.DISCONNECT, domain=HERE),),
)
"""What is late on one pathway is silenced, while the other way things are late, too, and a chain is out of sight."""

STOPPED_WHILE_SENDING = story(
    3000.0,
    calls(100.0, 1500.0, 150.0, (450.0, 700.0)),
    channel_faults=(ChannelFault("webhook", 0.0, 2300.0, ChannelTrouble.SLOW, 1.5),),
    kills=tuple(Kill(0, 451.0 + 150.0 * number, 10.0, KillManner.STOP) for number in range(8)),
)
"""Asked to stop while a channel takes its time to say that it took a message."""

AIMS = (
    Aim("counted, acknowledged", COUNTED_AND_ACKNOWLEDGED, ("repeat-joins-its-digest",)),
    Aim("asked to wait", ASKED_TO_WAIT, ("end-before-opening",)),
    Aim("retried", RETRIED, ("not-noted-after-retry",)),
    Aim(
        "failing",
        FAILING,
        (
            "failing-channel-not-told",
            "failing-channel-never-recovers",
            "one-channel-at-a-time",
            "gives-up-retries",
        ),
    ),
    Aim(
        "briefly",
        BRIEFLY,
        (
            "one-failure-is-for-good",
            "failing-channel-told-at-once",
        ),
    ),
    Aim(
        "gone",
        GONE,
        ("dead-channel-loses-its-message",),
    ),
    Aim(
        "burst untold",
        BURST_UNTOLD,
        ("digest-gives-up-retries",),
    ),
    Aim(
        "pathways silenced",
        PATHWAYS_SILENCED,
        (
            "silence-of-any-origin",
            "silence-of-any-destination",
            "silence-of-the-other-end",
            "silence-of-pathways-covers-chains",
            "silenced-pathway-for-ever",
        ),
    ),
    Aim("silenced", SILENCED, ("silences-unheard", "silenced-for-ever", "acknowledged-for-ever", "unsilenced-unheard")),
    Aim(
        "stopped while sending",
        STOPPED_WHILE_SENDING,
        ("not-noted-at-the-stop",),
    ),
)
