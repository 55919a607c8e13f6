"""The summary at the top of the page: whether all is well, and if not, what is wrong and where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from connext_monitor.core.alerts.alert import About
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.clock_agreement import ClockState
from connext_monitor.core.coverage import Nonces
from connext_monitor.core.delivery_records import ChannelRow, ChannelState
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.selection import OpenAlerts
from connext_monitor.reporting.web.health import not_usable, why_not_ready

_LONGEST = 160


class Level(StrEnum):
    """How bad things are, the mildest first, in the page's words."""

    FINE = "fine"
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the mildest."""
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class SummaryProblem:
    """One thing that is wrong, in words that stand alone, and the part of the page that shows it."""

    level: Level
    text: str
    part: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole in one level; ``problems`` the worst first, none where all is well."""

    level: Level
    problems: tuple[SummaryProblem, ...]

    @property
    def headline(self) -> str:
        """One sentence."""
        if not self.problems:
            return "Every chain is observed and caught up, no alert is open, and every channel takes alerts."
        return _sentence(self.problems[0].text)


def summarize(
    open_alerts: Sequence[OpenAlerts],
    chains: Sequence[tuple[ChainStatus, Nonces | None]],
    channels: Sequence[ChannelRow],
    labels: ChainLabels,
    clock: ClockState | None = None,
    database_trouble: str | None = None,
    unowned: Sequence[str] = (),
) -> Summary:
    """What is wrong, the worst first.

    ``database_trouble`` is what keeps the database from being used, ``unowned`` why the work may be nobody's.
    """
    problems = (
        [] if database_trouble is None else [SummaryProblem(Level.CRITICAL, not_usable(database_trouble), "chains")]
    )
    problems += [SummaryProblem(Level.CRITICAL, reason, "instances") for reason in unowned]
    problems += [*_of_alerts(open_alerts, chains, channels, labels), *_of_chains(chains), *_of_channels(channels)]
    if clock is not None and clock.words is not None:
        problems.append(SummaryProblem(Level.WARNING, clock.words, "chains"))
    problems = [replace(problem, text=_cut(problem.text)) for problem in problems]
    problems.sort(key=lambda problem: -problem.level.rank)
    return Summary(problems[0].level if problems else Level.FINE, tuple(problems))


def of_severity(severity: Severity) -> Level:
    """An alert's severity as a level."""
    return Level(severity.value)


def topic_words(topic: OpenAlerts, labels: ChainLabels) -> str:
    """What these alerts say together: ``3 transfers are not executed in time: alpha → beta``."""
    return f"{topic.kind.headline.of(topic.count)}{_where(topic, labels)}"


def _where(topic: OpenAlerts, labels: ChainLabels) -> str:
    if topic.pathway is not None:
        return f": {labels.display_name(topic.pathway[0])} → {labels.display_name(topic.pathway[1])}"
    return f": {topic.subject}" if topic.subject else ""


def _of_alerts(
    open_alerts: Sequence[OpenAlerts],
    chains: Sequence[tuple[ChainStatus, Nonces | None]],
    channels: Sequence[ChannelRow],
    labels: ChainLabels,
) -> Iterator[SummaryProblem]:
    """The alerts, without those that repeat the present state of a chain or channel."""
    in_trouble = {
        (About.CHAIN, status.name) for status, _ in chains if not status.observed or status.unjudged is not None
    }
    in_trouble |= {(About.PROVIDER, channel.provider) for channel in channels if channel.state is not ChannelState.OK}
    for topic in open_alerts:
        if not topic.kind.repeats_status or (topic.kind.about, topic.subject) not in in_trouble:
            yield SummaryProblem(of_severity(topic.severity), topic_words(topic, labels), "alerts")


def _of_chains(chains: Sequence[tuple[ChainStatus, Nonces | None]]) -> Iterator[SummaryProblem]:
    for words in why_not_ready(chains):
        yield SummaryProblem(Level.WARNING, words, "chains")


def _of_channels(channels: Sequence[ChannelRow]) -> Iterator[SummaryProblem]:
    bad = [channel for channel in channels if channel.state is not ChannelState.OK]
    for channel in bad:
        # While one of them works, somebody still gets every alert that matters.
        level = Level.CRITICAL if len(bad) == len(channels) else Level.WARNING
        why = f" ({channel.reason})" if channel.reason else ""
        yield SummaryProblem(level, f"channel {channel.provider} takes no alerts{why}", "channels")


def _cut(words: str) -> str:
    """Short enough for a first line; what was cut stands in the part of the page that the problem points to."""
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith(('.', '…')) else '.'}"
