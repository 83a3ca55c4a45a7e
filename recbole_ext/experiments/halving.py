"""Successive halving: all candidates get a little training, the better half of them more, and on.

Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization",
AISTATS 2016. A rung is a number of epochs that its candidates may train for; the last rung trains
them to their end. There is a limit of time too: every rung gets an equal part of the time that is
left when it begins, and every candidate of a rung an equal part of the rung's, so that

    seconds of a run = time left / (rungs left * candidates left in the rung)

where the rung and the run itself count. What a run does not use is left for the others.
"""

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

# Of the candidates of a rung, one in so many goes on to the next.
FACTOR = 2


class Turn(NamedTuple):
    """The next run.

    Attributes:
        rung: from 0 on.
        candidate: its number.
        seconds: that it may take; None without a limit, for the first run that has a score.
    """

    rung: int
    candidate: int
    seconds: float | None


def turns(
    n_candidates: int,
    n_rungs: int,
    score: Callable[[int, int], float | None],
    bigger: bool,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    late: Collection[int] = (),
) -> Iterator[Turn]:
    """The runs, one after another; each has ended when the next one is asked for.

    Args:
        n_candidates, n_rungs: at least 1.
        score: the validation score of a rung and a candidate; None where it has none: it has not
            run, or has failed. A run that has a score before its turn is left out.
        bigger: whether a bigger score is better.
        seconds: for all runs, from the first call on.
        clock: the time in seconds.
        late: candidates that are in the last rung alone, for their first epochs say little.
    """
    end = clock() + seconds
    alive: Sequence[int] = [number for number in range(n_candidates) if number not in late]
    has_score = False
    for rung in range(n_rungs):
        if rung == n_rungs - 1:
            alive = [*alive, *late]
        waiting = [candidate for candidate in alive if score(rung, candidate) is None]
        has_score = has_score or len(waiting) < len(alive)
        for place, candidate in enumerate(waiting):
            left = end - clock()
            if left <= 0 and has_score:
                return
            share = left / ((n_rungs - rung) * (len(waiting) - place))
            yield Turn(rung, candidate, share if has_score else None)
            has_score = has_score or score(rung, candidate) is not None
        alive = survivors(alive, [score(rung, candidate) for candidate in alive], bigger)


def survivors(
    candidates: Sequence[int], scores: Sequence[float | None], bigger: bool
) -> Sequence[int]:
    """The better half of some candidates, best first; of equal ones the first.

    Args:
        candidates: their numbers.
        scores: of each; one without a score is left out.
        bigger: whether a bigger score is better.
    """
    sign = -1 if bigger else 1
    ranked = sorted(
        (sign * score, place) for place, score in enumerate(scores) if score is not None
    )
    kept = math.ceil(len(ranked) / FACTOR)
    return [candidates[place] for _, place in ranked[:kept]]
