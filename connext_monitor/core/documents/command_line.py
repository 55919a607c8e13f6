"""What commands other than `status` print with ``--json`` where the API has no such document."""

from typing import Annotated

from msgspec import field

from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change
from connext_monitor.core.documents.chains import ChainName
from connext_monitor.core.documents.fields import AddressText, Count, Document, InstantText, says
from connext_monitor.core.documents.router_books import RouterDocument
from connext_monitor.core.documents.stats import PercentilesDocument, StatsDocument
from connext_monitor.core.documents.transfers import TransferDocument


class CheckedChain(Document, frozen=True):
    """A chain that would be watched."""

    name: str
    chain_id: Count
    domain_id: Count
    endpoints: Annotated[str, says("Their schemes and hosts, separated by commas.")]


class CheckedProvider(Document, frozen=True):
    """An alert provider that would be used."""

    name: str
    type: str


class AbsentProvider(Document, frozen=True):
    """An alert provider that is left out because none of its variables is set."""

    name: str
    type: str
    variables: list[str]


class CheckedPathway(Document, frozen=True):
    """Pathways between chains; ``*`` is every chain."""

    origin: str
    destination: str


class CheckedMinimum(Document, frozen=True):
    """What a router is to have of a local asset on a chain."""

    chain: str
    asset: AddressText
    amount: Annotated[str, says("A decimal number of whole tokens.")]


class CheckedRouter(Document, frozen=True):
    """A router that would be watched."""

    name: str
    address: AddressText
    pathways: Annotated[list[CheckedPathway], says("Empty for all.")]
    silent_after_seconds: Annotated[float | None, says("Null where its silence is not alerted about.")]
    silent_transfers: Count
    min_liquidity: list[CheckedMinimum]


class AskedDocument(Document, frozen=True):
    """What a database server, an endpoint or a channel answered."""

    subject: str
    ok: Annotated[bool | None, says("Null where it cannot be asked.")]
    answer: str


class CheckedConfig(Document, frozen=True):
    """A valid config, and what those answered that it refers to."""

    file: str
    database: str
    listen: Annotated[str | None, says("Null where nothing is served.")]
    chains: list[CheckedChain]
    alert_providers: list[CheckedProvider]
    not_configured: list[AbsentProvider]
    routers: list[CheckedRouter]
    asked: Annotated[list[AskedDocument], says("Empty unless asked for.")]


class DrillDocument(Document, frozen=True):
    """What a channel answered to one message of a drill."""

    provider: str
    change: Change
    taken: bool
    answer: str


class StatsFromDatabase(StatsDocument, frozen=True):
    """Statistics, and how fresh they are."""

    live: Annotated[bool, says("Whether a running monitor was asked.")]
    not_live: Annotated[str | None, says("Why none was; null where one was.")]
    known_at: Annotated[InstantText, says("When the database was last written.")]
    router_books: Annotated[
        list[RouterDocument],
        says("The books of these routers and of those in the config; only a running monitor knows of checks."),
    ]


class SilenceDocument(Document, frozen=True):
    """A silence or an acknowledgement; null matches everything."""

    id: int
    until: InstantText
    kind: str | None
    origin: str | None
    destination: str | None
    subject: Annotated[str | None, says("An alert's subject; of an acknowledgement, the alert's id.")]
    reason: str
    ack: Annotated[bool, says("Whether it acknowledges one alert.")]


class MadeBackup(Document, frozen=True):
    """A backup that was made now."""

    file: str
    bytes: Count
    made_at: InstantText
    transfers: Count
    events: Count
    alerts: Count
    uploaded_to: Annotated[str | None, says("Null where it was not uploaded.")]


class RestoredDatabase(Document, frozen=True):
    """A database that was replaced by a backup."""

    database: str
    bytes: Count
    transfers: Count
    events: Count
    alerts: Count
    kept_aside: Annotated[str | None, says("The former database; null where there was none.")]


class MovedDatabase(Document, frozen=True, rename={"source": "from", "destination": "to"}):
    """A database that was copied to another place."""

    source: str
    destination: str
    rows: Annotated[Count, says("Of all tables.")]
    transfers: Count
    events: Count
    alerts: Count


class AlertsAtDeadline(Document, frozen=True):
    """How many alerts a deadline makes."""

    deadline_seconds: Count
    alerts: Count


class ReplayedPathway(Document, frozen=True):
    """One leg of one pathway under several deadlines."""

    origin: ChainName
    destination: ChainName
    transfers: Count
    arrived: Count
    not_judged: Annotated[Count, says("Legs of which the database does not tell whether they arrived.")]
    latency_seconds: PercentilesDocument
    today: Annotated[AlertsAtDeadline, says("Under the config's deadline.")]
    deadlines: list[AlertsAtDeadline]


class ReplayDocument(Document, frozen=True):
    """How many alerts deadlines would have made in a window."""

    since: InstantText
    until: InstantText
    legs: dict[Leg, list[ReplayedPathway]]


class LateLegDocument(Document, frozen=True):
    """A leg that is late now."""

    leg: Leg
    due_at: InstantText
    transfer: TransferDocument


class BackfillDocument(Document, frozen=True):
    """What a backfill came to."""

    chain: str
    first: Count = field(name="from")
    last: Count = field(name="to")
    blocks_read: Count
    blocks_read_before: Count
    events: Count
    xcalled: Count
    malformed: Count
    nonces_proven: Annotated[
        bool | None, says("Whether the contract's count of transfers agrees; null where nothing was read.")
    ]
    late: Annotated[list[LateLegDocument], says("The oldest first.")]
    legs_done_elsewhere: Annotated[Count, says("Done according to their destination, but not recorded here.")]
    legs_not_asked: Annotated[Count, says("That no endpoint could be asked about.")]
