"""Events as hypothesis draws them: in few places, so that they meet, and not only on the chains where they belong."""

from dataclasses import replace

from hypothesis import strategies as st

from connext_monitor.core.events import DomainId, Reconciled
from connext_monitor.core.transfer import EventRecord
from tests.world.transfers import ALPHA, BETA, GAMMA, ROUTER, executed, info, reconciled, sighting, xcalled


def _from_afar(record: EventRecord, origin: DomainId) -> EventRecord:
    """The record; a Reconciled names this origin, and stands elsewhere: no block holds two of one transfer."""
    event = record.event
    if not isinstance(event, Reconciled):
        return record
    elsewhere = sighting(record.sighting.block.number, fork=f"from {origin}")
    return EventRecord(record.domain, replace(event, origin_domain=origin), elsewhere)


_CHAINS = st.sampled_from([ALPHA, BETA, GAMMA])
_INFOS = st.sampled_from([info(0, *path) for path in ((ALPHA, BETA), (BETA, ALPHA), (ALPHA, GAMMA), (BETA, BETA))])
_PLACES = st.builds(sighting, st.integers(1, 4), fork=st.sampled_from(["", "a"]))
_RIGHT = st.one_of(
    st.builds(xcalled, _INFOS, _PLACES),
    st.builds(executed, _INFOS, _PLACES, st.sampled_from([(), (ROUTER,), (ROUTER, ROUTER)])),
    st.builds(reconciled, _INFOS, _PLACES),
)
_ANYWHERE = st.builds(lambda record, domain: replace(record, domain=domain), _RIGHT, _CHAINS)

drawn_records = st.one_of(_RIGHT, _RIGHT, _ANYWHERE, st.builds(_from_afar, _RIGHT, _CHAINS))
"""Events of few transfers: mostly where they belong, at times where they do not count."""
