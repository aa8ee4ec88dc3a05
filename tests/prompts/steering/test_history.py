import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soart.errors import PromptError
from soart.prompts.space.conditions import Condition
from soart.prompts.steering.history import DecidingSlot, Range, SteeringFromHistory, find_parent
from soart.prompts.steering.search import Domain, keys

ranges = st.builds(
    lambda low, wide, step, log, tried: Range.grid(
        low, low + wide, step, log=log, tried=[low + share * wide for share in tried]
    ),
    st.floats(1e-6, 100),
    st.just(0.0) | st.floats(1e-3, 1e4),
    st.none() | st.sampled_from([0.5, 1, 7]),
    st.booleans(),
    st.lists(st.floats(0, 1), max_size=40),
)


@given(ranges)
def test_options_are_increasing_values_inside_the_range(one):
    assert 1 <= len(one) <= 61
    assert all(a < b for a, b in pairwise(one.values))
    assert one.low <= one.values[0]
    assert one.values[-1] <= one.high
    assert [one.option(value) for value in one.values] == list(range(len(one)))
    if one.step:
        np.testing.assert_allclose(np.remainder((np.array(one.values) - one.low) / one.step + 0.5, 1), 0.5, atol=1e-6)


@given(ranges, st.floats(-1e5, 1e5))
def test_the_option_of_a_value_is_the_nearest(one, value):
    if one.log and value <= 0:
        assert one.option(value) == 0
        return
    place = math.log if one.log else float
    distances = [abs(place(option) - place(value)) for option in one.values]
    assert distances[one.option(value)] == min(distances)


def test_few_values_are_an_option_each():
    steps = Range.grid(0.1, 0.5, 0.1)
    assert steps.values == (0.1, 0.2, 0.3, 0.4, 0.5)
    assert [steps.option(value) for value in (0.1, 0.30000000000000004, 0.5, -3, 9)] == [0, 2, 4, 0, 4]
    assert len(Range.grid(2, 9, 3)) == 3
    assert len(Range.grid(1, 4, 1, log=True)) == 4
    assert Range.grid(2.0, 2.0).values == (2.0,)


def test_grids_are_even_and_grow_finer_around_the_best():
    plain, logs = Range.grid(-1.0, 1.0), Range.grid(1e-4, 1.0, log=True)
    np.testing.assert_allclose(np.diff(plain.values), np.diff(plain.values)[0])
    np.testing.assert_allclose(np.diff(np.log(logs.values)), np.diff(np.log(logs.values))[0])
    assert logs.option(0.0) == 0
    finer = Range.grid(-1.0, 1.0, tried=[0.3, -0.71, 0.9])
    assert {0.3, -0.71, 0.9} <= set(finer.values)
    gaps = np.diff(finer.values)
    near = finer.option(0.3)
    assert gaps[near] < 0.1 * gaps.max()
    assert np.diff(Range.grid(1e-4, 1.0, log=True, tried=[0.02]).numbers.positions).min() < 0.01
    whole = Range.grid(1, 1000, 1, tried=[500])
    assert all(value == int(value) for value in whole.values)
    assert {499.0, 500.0, 501.0} & set(whole.values) >= {500.0}


@pytest.mark.parametrize(
    "arguments",
    [
        (1, 0),
        (0, math.inf),
        (math.nan, 1),
        (0, 1, -1),
        (0, 1, math.nan),
        (0, 1, None, True),
        (-1e308, 1e308),
        (-1e308, 1e308, 1.0),
        (0, 1e300, 1e-10),
    ],
)
def test_ranges_that_make_no_sense(arguments):
    low, high, *rest = arguments
    with pytest.raises(PromptError, match="Expected"):
        Range.grid(low, high, rest[0] if rest else None, log=bool(rest[1:]))


def test_it_starts_balanced_and_repeats_nothing(rng):
    steering, trials = SteeringFromHistory((4, 4, 2)), {}
    for number in range(32):
        choice = steering.next(trials, rng)
        trials[number] = (choice, choice[0] + choice[2] + 0.1 * float(rng.normal()))
    first = np.array([choice for choice, _ in trials.values()][:8])
    assert np.bincount(first[:, 0]).tolist() == [2, 2, 2, 2]
    assert len({choice for choice, _ in trials.values()}) == 32
    again = steering.next(trials, rng)
    assert again in [choice for choice, _ in sorted(trials.values(), key=lambda trial: -trial[1])[:16]]
    at_once = SteeringFromHistory((4, 4, 2), startup=0).next({}, rng)
    assert all(0 <= option < count for option, count in zip(at_once, (4, 4, 2), strict=True))


def test_what_runs_elsewhere_and_what_is_pinned(rng):
    steering = SteeringFromHistory((2, 3))
    others = [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert steering.next({}, rng, others=others) in [(1, 1), (1, 2)]
    assert steering.next({0: ((1, 1), 1.0)}, rng, others=others, pinned={1: 2}) == (1, 2)
    # All were tried: one with a value comes again, or any if none fits.
    assert steering.next({0: ((1, 1), 1.0)}, rng, others=[*others, (1, 2)]) == (1, 1)
    assert steering.next({0: ((1, 1), 1.0)}, rng, others=[*others, (1, 2)], pinned={0: 0})[0] == 0


def test_histories_that_change_are_learnt_anew(rng):
    steering = SteeringFromHistory((3, 3))
    steering.next({0: ((0, 0), 1.0), 1: ((1, 1), 2.0)}, rng)
    first = steering._steering
    steering.next({0: ((0, 0), 1.0), 1: ((1, 1), 2.0), 2: ((2, 2), 1.5)}, rng)
    assert steering._steering is first
    assert len(first.choices) == 3
    steering.next({0: ((0, 0), 5.0)}, rng)
    assert steering._steering is not first
    assert len(steering._steering.choices) == 1


def test_penalties_do_not_drown_the_differences(rng):
    steering = SteeringFromHistory((5, 5, 5))
    trials = {i: (tuple(int(v) for v in rng.integers(0, 5, 3)), float(rng.normal())) for i in range(20)}
    trials |= {20: ((0, 0, 0), -1e10), 21: ((0, 0, 1), -math.inf), 22: ((1, 1, 1), math.nan), 23: ((1, 1, 1), math.inf)}
    steering.next(trials, rng)
    ratings = steering._steering.feedback.ratings
    assert len(ratings) == 22
    assert ratings.min() > -15
    assert np.isfinite(ratings).all()
    SteeringFromHistory((5, 5, 5)).next({0: ((0, 0, 0), -math.inf)}, rng)


def test_bad_input_is_refused():
    with pytest.raises(PromptError, match="startup"):
        SteeringFromHistory((2, 2), startup=-1)
    with pytest.raises(PromptError):
        SteeringFromHistory((2, 2)).next({0: ((5, 0), 1.0)}, np.random.default_rng(0))


CHOICES = np.array([[0, 0, 4], [1, 0, 0], [2, 1, 1], [1, 1, 5], [0, 1, 2]])


@pytest.mark.parametrize(
    ("in_use", "parent"),
    [
        ([0, 1, 0, 1, 0], DecidingSlot(0, frozenset({1}))),
        ([0, 1, 1, 1, 0], DecidingSlot(0, frozenset({1, 2}))),
        # Of numbers, 3 is as near to 2 as to 4, so it counts as without; 6 is nearest to 5.
        ([1, 0, 0, 1, 0], DecidingSlot(2, frozenset({4, 5, 6}))),
        ([0, 1, 0, 0, 1], None),
        ([1, 1, 1, 1, 1], None),
        ([0, 0, 0, 0, 0], None),
        ([1, 0, 0, 0, 1], DecidingSlot(0, frozenset({0}))),
        # The first slot and the numbers would do, but the second one has fewer options.
        ([1, 1, 0, 0, 0], DecidingSlot(1, frozenset({0}))),
    ],
)
def test_the_slot_that_decides_is_found(in_use, parent):
    assert find_parent(CHOICES, np.array(in_use, bool), (3, 3, 7), (False, False, True)) == parent


def test_slots_that_cannot_decide_are_passed_over():
    in_use = np.array([1, 0, 0, 1, 0], bool)
    assert find_parent(CHOICES, in_use, (3, 3, 0), (False, False, True)) is None
    assert find_parent(np.zeros((0, 2), int), np.zeros(0, bool), (2, 2), (False, False)) is None


def test_switching_a_parent_settles_all_that_depends_on_it():
    conditions = (Condition(1, 0, frozenset({1})), Condition(2, 1, frozenset({1})))

    def allows(choice):
        return (choice[1] < 2) == (choice[0] == 1) and (choice[2] < 3) == (choice[1] == 1)

    domain = Domain.of((2, 3, 4), allows=allows, conditions=conditions)
    allowed = {(0, 2, 3), (1, 0, 3), (1, 1, 0), (1, 1, 1), (1, 1, 2)}
    assert {*keys(domain.everything())} == allowed
    # Slots that come into use spread over their options, all of them the like.
    assert {*keys(domain.switched(np.array([0, 2, 3])))} == {(1, 0, 3), (1, 1, 1), (1, 1, 2)}
    assert {*keys(domain.switched(np.array([1, 0, 3])))} == {(0, 2, 3), (1, 1, 0), (1, 1, 1), (1, 1, 2)}
    assert (0, 2, 3) in keys(domain.switched(np.array([1, 1, 0])))
    for choice in allowed:
        assert {*keys(domain.switched(np.array(choice)))} <= allowed - {choice}
