"""What people read in a message: which alert or group it is about, and whether that is over.

Written from what the messages say, not from how they are made; a message that cannot be understood is an error, since
nobody else would understand it either.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tests.simulation.trace import State

_ENDS = r"(?P<origin>.+) → (?P<destination>.+)"
_LONE = {
    "execute_overdue": rf"Execution (?:(?:still )?overdue|arrived late|alert withdrawn): {_ENDS}",
    "reconcile_overdue": rf"Reconciliation (?:(?:still )?overdue|arrived late|alert withdrawn): {_ENDS}",
    "phantom_delivery": rf"(?:Phantom delivery(?: taken back)?|Origin found): {_ENDS}",
    "delivery_mismatch": rf"Delivery mismatch(?: taken back)?: {_ENDS}",
    "chain_unobserved": r"Chain (?P<name>.+) is (?:not observed|observed again)"
    r"|Transfers can(?:not be judged| be judged again): (?P<other>.+)",
    "deep_reorg": r"(?:Reorg below finality|Covered again after a deep reorg): (?P<name>.+)",
    "monitor_started_blind": r"Started without part of the past: (?P<name>.+)"
    r"|The past that was missing has been read: (?P<other>.+)",
    "bridge_paused": r"(?:Bridge paused|Bridge unpaused|Pause taken back): (?P<name>.+)",
    "pathway_stalled": rf"Pathway (?:stalled|executing again|alert withdrawn): {_ENDS}",
    "bridge_changed": r"Bridge change(?:d| acknowledged| noted| taken back): (?P<name>.+)",
    "router_silent": r"Router (?P<name>\S+) is (?:silent|filling again)",
    "router_liquidity_low": r"Router liquidity is (?:low|refilled): (?P<name>.+)",
    "provider_failing": r"Alert provider (?P<name>.+) (?:refuses for good|is failing|is taking alerts again)",
    "database_failing": r"The monitor cannot start|The monitor has lost its database and is stopping"
    r"|The monitor's (?P<name>database) (?:is failing|works again)",
    "backup_failed": r"Backup (?:failed|not uploaded)|Backups (?:succeed|are uploaded) again",
    "owner_changed": r"The monitor (?:runs on (?P<name>.+) now|has gone on running on (?P<other>.+))",
    "report": r"Report on .+",
}
_DIGESTS = {
    "execute_overdue": ("overdue for execution", "no longer overdue for execution"),
    "reconcile_overdue": ("overdue for reconciliation", "no longer overdue for reconciliation"),
    "phantom_delivery": ("without an origin", "explained or taken back"),
    "delivery_mismatch": ("of something other than what was sent", "taken back"),
    "chain_unobserved": ("not observed", "observed again"),
    "deep_reorg": ("reorganised below finality", "covered again after a deep reorg"),
    "monitor_started_blind": ("watched without part of the past", "read after all"),
    "bridge_paused": ("paused", "unpaused"),
    "bridge_changed": ("not acknowledged", "acknowledged or noted"),
    "pathway_stalled": ("stalled", "executing again or withdrawn"),
    "router_silent": ("silent", "filling again"),
    "router_liquidity_low": ("low", "refilled"),
    "provider_failing": ("failing", "taking alerts again"),
    "owner_changed": ("a short time ago", "noted"),
}
_NOUNS = {
    "transfer": ("execute_overdue", "reconcile_overdue"),
    "delivery": ("phantom_delivery", "delivery_mismatch"),
    "deliverie": ("phantom_delivery", "delivery_mismatch"),
    "chain": ("chain_unobserved", "deep_reorg", "monitor_started_blind"),
    "pathway": ("pathway_stalled",),
    "bridge change": ("bridge_changed",),
    "bridge": ("bridge_paused",),
    "router's balance": ("router_liquidity_low",),
    "routers' balance": ("router_liquidity_low",),
    "router": ("router_silent",),
    "alert provider": ("provider_failing",),
    "takeover": ("owner_changed",),
}
_COUNTED = re.compile(
    rf"(?:(?P<open>[\d,]+) of )?(?P<members>[\d,]+) (?P<noun>{'|'.join(_NOUNS)})s? (?P<still>still )?"
    rf"(?P<words>.+?)(?:: {_ENDS})?"
)
_NAMING = {"Longest overdue", "Among the largest", "First", "Also", "Longest out of sight"}


_CARRIES = "Late because of it"
_BECAUSE = re.compile(r'(?:No longer late|Late) because of "(?P<cause>.+)": (?P<counts>.+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a message is about; the fields are those of `tests.simulation.trace.Message`."""

    kind: str
    state: State
    subject: str | None = None
    pathway: tuple[str, str] | None = None
    members: int = 1
    open: int = 1
    named: tuple[str, ...] = ()
    late: tuple[tuple[str, int], ...] = ()


class NotUnderstood(ValueError):
    """Nobody can tell what a message is about."""


def read(headline: str, facts: Iterable[tuple[str, str]]) -> Meaning:
    """The meaning of a chat's message by its headline (``CRITICAL · …``) and its facts (names and values).

    Raises NotUnderstood.
    """
    badge, _, title = headline.partition(" · ")
    state = State.RESOLVED if badge == "RESOLVED" else State.OPEN
    known = list(facts)
    because = _BECAUSE.fullmatch(title)
    if because:
        cause = _alone(because["cause"], state, known)
        return replace(cause, subject=None, members=0, open=0, late=_late(because["counts"]))
    late = next((value for name, value in known if name == _CARRIES), None)
    if late is not None:
        return replace(_alone(title, state, known), late=_late(late))
    try:
        return _alone(title, state, known)
    except NotUnderstood:
        return _digest(title, state, known)


def _alone(title: str, state: State, facts: Iterable[tuple[str, str]]) -> Meaning:
    for kind, words in _LONE.items():
        match = re.fullmatch(words, title)
        if match:
            return Meaning(kind=kind, state=state, subject=_subject(kind, match.groupdict(), dict(facts)))
    raise NotUnderstood(title)


def _late(counts: str) -> tuple[tuple[str, int], ...]:
    """How many of each kind have been counted with their cause."""
    return tuple(_counted(part) for part in counts.split("; "))


def _counted(words: str) -> tuple[str, int]:
    match = _COUNTED.fullmatch(words)
    for kind, wordings in _DIGESTS.items():
        if match and kind in _NOUNS[match["noun"]] and match["words"] in wordings:
            return kind, int(match["members"].replace(",", ""))
    only = re.fullmatch(r"([\d,]+) (transfer|pathway)s?", words)
    if only is None:
        raise NotUnderstood(words)
    return _NOUNS[only[2]][0], int(only[1].replace(",", ""))


def _subject(kind: str, words: Mapping[str, str | None], facts: Mapping[str, str]) -> str | None:
    if kind == "pathway_stalled":
        return f"{words['origin']}/{words['destination']}"
    if "origin" in words:
        return facts["Transfer"]
    if kind == "database_failing":
        return "database"
    if kind == "owner_changed":
        return None
    return words.get("name") or words.get("other")


def _digest(title: str, state: State, facts: Iterable[tuple[str, str]]) -> Meaning:
    match = _COUNTED.fullmatch(title)
    if match is None:
        raise NotUnderstood(title)
    members = int(match["members"].replace(",", ""))
    for kind in _NOUNS[match["noun"]]:
        wrong, right = _DIGESTS[kind]
        if match["words"] not in {wrong, right}:
            continue
        still = members if match["open"] is None else int(match["open"].replace(",", ""))
        return Meaning(
            kind=kind,
            state=state,
            pathway=(match["origin"], match["destination"]) if match["origin"] else None,
            members=members,
            open=still if match["words"] == wrong else 0,
            named=tuple(value.partition(" · ")[0] for name, value in facts if name in _NAMING),
        )
    raise NotUnderstood(title)
