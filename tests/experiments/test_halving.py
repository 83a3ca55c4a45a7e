"""Successive halving, by a clock that the test turns."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_ext.experiments import halving
from recbole_ext.experiments.halving import Turn


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def carried_out(n, rungs, seconds, taken, scores, bigger=False, known=None):
    """The turns of a schedule whose runs take given seconds and have given scores."""
    clock, reached = Clock(), dict(known or {})
    turns = []
    schedule = halving.turns(n, rungs, lambda *place: reached.get(place), bigger, seconds, clock)
    for turn in schedule:
        turns.append(turn)
        place = turn.rung, turn.candidate
        clock.now += taken.get(place, 1.0)
        if scores.get(place) is not None:
            reached[place] = scores[place]
    return turns


TAKEN = {(0, 0): 10, (0, 1): 15, (0, 2): 5, (0, 3): 35, (1, 2): 17.5, (1, 1): 10}
SCORES = {(0, 0): 0.9, (0, 1): 0.8, (0, 2): 0.7, (0, 3): 0.95, (1, 2): 0.6, (1, 1): 0.65}


def test_the_hand_worked_example():
    """Four candidates, two rungs, 100 s.

    Rung 1: the first run has no limit and takes 10 s, so that 90 s are left for two rungs and three
    runs: 90 / (2 * 3) = 15. Then 75 / (2 * 2), and 70 / (2 * 1). Candidates 2 and 1 are the better
    half. Rung 2: 35 s for one rung and two runs; 17.5 s for the last.
    """
    assert carried_out(4, 2, 100, TAKEN, SCORES) == [
        Turn(0, 0, None),
        Turn(0, 1, 15.0),
        Turn(0, 2, 18.75),
        Turn(0, 3, 35.0),
        Turn(1, 2, 17.5),
        Turn(1, 1, 17.5),
    ]


def test_a_bigger_score_is_better_where_it_is():
    turns = carried_out(4, 2, 100, {}, SCORES, bigger=True)
    assert [turn.candidate for turn in turns if turn.rung == 1] == [3, 0]


def test_no_run_begins_when_the_time_is_over():
    turns = carried_out(4, 2, 25, TAKEN, SCORES)
    assert [(turn.rung, turn.candidate) for turn in turns] == [(0, 0), (0, 1)]


@pytest.mark.parametrize("seconds", [0.001, 1, 9.9])
def test_one_run_at_least_has_no_limit(seconds):
    assert carried_out(4, 2, seconds, TAKEN, SCORES) == [Turn(0, 0, None)]


def test_a_run_that_fails_leaves_the_next_without_a_limit_and_does_not_go_on():
    turns = carried_out(3, 2, 5, {(0, 0): 10}, {(0, 1): 0.5, (0, 2): 0.6, (1, 1): 0.4})
    assert turns == [Turn(0, 0, None), Turn(0, 1, None)]
    turns = carried_out(3, 2, 100, {}, {(0, 1): 0.5, (0, 2): 0.6, (1, 1): 0.4})
    assert [(turn.rung, turn.candidate) for turn in turns] == [(0, 0), (0, 1), (0, 2), (1, 1)]


def test_if_all_fail_all_are_tried():
    assert carried_out(3, 2, 1, {}, {}) == [Turn(0, number, None) for number in range(3)]


def test_what_has_a_score_is_not_run_again():
    known = {(0, 0): 0.9, (0, 1): 0.8, (0, 2): 0.7}
    assert carried_out(4, 2, 40, TAKEN, SCORES, known=known)[0] == Turn(0, 3, 20.0)
    everything = {place: score for place, score in SCORES.items() if place != (1, 1)}
    assert carried_out(4, 2, 40, TAKEN, SCORES, known=everything) == [Turn(1, 1, 40.0)]


def test_a_late_candidate_is_in_the_last_rung_alone():
    clock, reached, turns = Clock(), {}, []
    schedule = halving.turns(4, 3, lambda *place: reached.get(place), False, 99, clock, late=[1])
    for rung, candidate, _ in schedule:
        turns.append((rung, candidate))
        reached[rung, candidate] = float(candidate)
    assert turns == [(0, 0), (0, 2), (0, 3), (1, 0), (1, 2), (2, 0), (2, 1)]


def test_of_equal_candidates_the_first_goes_on_and_of_an_odd_number_the_middle_one():
    assert halving.survivors([4, 2, 7], [0.5, 0.5, 0.5], bigger=False) == [4, 2]
    assert halving.survivors([4, 2, 7], [0.1, None, 0.3], bigger=True) == [7]
    assert halving.survivors([4, 2], [None, None], bigger=True) == []


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=9),
    st.integers(1, 4),
    st.booleans(),
)
@settings(deadline=None)
def test_what_is_best_in_every_rung_reaches_the_last(scores, rungs, bigger):
    best = (max if bigger else min)(range(len(scores)), key=lambda number: scores[number])
    reached = {(rung, n): score for rung in range(rungs) for n, score in enumerate(scores)}
    turns = carried_out(len(scores), rungs, 1e9, {}, reached, bigger)
    assert (rungs - 1, best) in [(turn.rung, turn.candidate) for turn in turns]
    per_rung = [sum(turn.rung == rung for turn in turns) for rung in range(rungs)]
    for before, after in itertools.pairwise(per_rung):
        assert after == (before + 1) // 2


@given(st.lists(st.floats(0.0, 1.0), min_size=12, max_size=12), st.floats(1, 100))
@settings(deadline=None)
def test_runs_that_keep_their_limits_end_in_time(shares, seconds):
    """A run takes a part of what it may take; the first, without a limit, takes a tenth."""
    clock, used = Clock(), iter(shares)
    reached = {}
    for rung, candidate, limit in halving.turns(
        5, 3, lambda *place: reached.get(place), False, seconds, clock
    ):
        clock.now += seconds / 10 if limit is None else next(used) * limit
        reached[rung, candidate] = 1.0
    assert clock.now - 1000 <= seconds * (1 + 1e-9)
