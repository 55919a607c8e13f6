"""How long the parts that observe a chain wait: one value, which tests replace by a shorter one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LossProof:
    """What it takes to believe that blocks are lost; ``lasting`` and ``patience`` are in seconds.

    An endpoint must say so ``hearings`` times and for ``lasting``: behind one address there may be nodes that differ.
    Endpoints that cannot be asked are given ``patience``, before the past is taken for lost without their word.
    """

    hearings: int = 3
    lasting: float = 30.0
    patience: float = 60.0


@dataclass(frozen=True, slots=True)
class Intervals:
    """All in seconds.

    - ``calm``: between two covers when nothing asks for one sooner;
    - ``retry``: before the second try of a cover that failed; each further pause is twice as long;
    - ``second_look``: between two second looks at blocks about to become final, once the chain is caught up;
    - ``first_nonce``: between two questions for the nonce before the watch, while the endpoint is too busy for it;
    - ``late_push``: for which a log may be pushed after a cover has read it; no order is promised;
    - ``better``: between two looks whether an endpoint that comes before the one in use can be used again;
    - ``slow_answer``: above which an endpoint's usual response time makes another one preferable;
    - ``question``: for which a request that is not for history waits for its turn and for further tries.
    """

    calm: float = 60.0
    retry: float = 0.25
    second_look: float = 300.0
    first_nonce: float = 10.0
    late_push: float = 5.0
    better: float = 15.0
    slow_answer: float = 3.0
    question: float = 10.0
    loss: LossProof = LossProof()


USUAL: Intervals = Intervals()
