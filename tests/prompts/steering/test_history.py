import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soart.errors import PromptError
from soart.prompts.steering.history import SteeringFromHistory
from soart.prompts.steering.ranges import Range


@pytest.fixture
def rng():
    return np.random.default_rng(7)


ranges = st.one_of(
    st.builds(
        lambda low, count, step, log, bins: Range.cut(low, low + (count - 1) * step, step, log=log, bins=bins),
        st.integers(1, 50),
        st.integers(1, 3000),
        st.sampled_from([1, 2, 7]),
        st.booleans(),
        st.integers(1, 40),
    ),
    st.builds(
        lambda low, wide, log, bins: Range.cut(low, low + wide, log=log, bins=bins),
        st.floats(1e-6, 100),
        # Nothing, or much more than rounding.
        st.just(0.0) | st.floats(1e-3, 1e4),
        st.booleans(),
        st.integers(1, 40),
    ),
)


@given(ranges, st.integers(0, 2**32 - 1))
def test_values_drawn_from_an_option_belong_to_it(one, seed):
    rng = np.random.default_rng(seed)
    for option in {0, len(one) - 1, int(rng.integers(len(one)))}:
        value = one.draw(option, rng)
        assert abs(one.option(value) - option) <= (0 if one.step else 1e-9 + (value in one.edges))
        if one.step:
            assert (value - one.low) % one.step == 0
        assert one.low <= value <= one.high
        assert abs(one.option(one.middle(option)) - option) <= (
            0 if one.step else 1e-9 + (one.middle(option) in one.edges)
        )


def test_few_values_are_an_option_each():
    steps = Range.cut(0.1, 0.5, 0.1)
    assert [steps.draw(option, np.random.default_rng(0)) for option in range(len(steps))] == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert [steps.option(value) for value in (0.1, 0.30000000000000004, 0.5, -3, 9)] == [0, 2, 4, 0, 4]
    assert len(Range.cut(2, 9, 3)) == 3
    assert len(Range.cut(1, 4, 1, log=True)) == 4


def test_many_values_are_cut_into_bins(rng):
    whole = Range.cut(1, 1000, 1, bins=10)
    assert len(whole) == 10
    assert np.bincount([whole.option(value) for value in range(1, 1001)]).tolist() == [100] * 10
    drawn = [whole.draw(3, rng) for _ in range(300)]
    assert 301 <= min(drawn) < 310 < 390 < max(drawn) <= 400
    logs = Range.cut(1, 1000, 1, log=True, bins=9)
    counts = np.bincount([logs.option(value) for value in range(1, 1001)])
    assert (np.diff(counts) >= 0).all()
    assert counts.min() > 0
    assert counts.sum() == 1000
    early = [logs.draw(len(logs) - 1, rng) for _ in range(300)]
    assert np.median(early) == pytest.approx(1000 ** (17 / 18), rel=0.05)


def test_a_continuum_is_cut_into_bins(rng):
    plain, logs = Range.cut(-1.0, 1.0, bins=4), Range.cut(1e-4, 1.0, log=True, bins=4)
    assert [plain.option(value) for value in (-1, -0.6, -0.4, 0.2, 1.0, 5, -5)] == [0, 0, 1, 2, 3, 3, 0]
    assert [logs.option(value) for value in (1e-4, 5e-3, 0.5, 1.0, 0.0)] == [0, 1, 3, 3, 0]
    assert all(1e-4 <= logs.draw(0, rng) <= 1e-3 for _ in range(50))
    assert len(Range.cut(2.0, 2.0)) == 1
    assert Range.cut(2.0, 2.0).draw(0, rng) == 2.0


@pytest.mark.parametrize(
    "arguments", [(1, 0), (0, math.inf), (math.nan, 1), (0, 1, -1), (0, 1, None, 0), (0, 1, None, 5, True)]
)
def test_ranges_that_make_no_sense(arguments):
    low, high, *rest = arguments
    step = rest[0] if rest else None
    with pytest.raises(PromptError, match="Expected"):
        Range.cut(
            low,
            high,
            step,
            bins=rest[1] if len(rest) > 1 else 10,
            log=bool(rest[2:]),
        )


def test_it_starts_balanced_and_repeats_nothing(rng):
    steering, trials = SteeringFromHistory((4, 4, 2)), {}
    for number in range(32):
        trials[number] = (steering.next(trials, rng), float(rng.normal()))
    first = np.array([choice for choice, _ in trials.values()][:8])
    assert np.bincount(first[:, 0]).tolist() == [2, 2, 2, 2]
    assert len({choice for choice, _ in trials.values()}) == 32
    again = steering.next(trials, rng)
    assert again in [choice for choice, _ in sorted(trials.values(), key=lambda trial: -trial[1])[:16]]
    assert SteeringFromHistory((4, 4, 2), startup=0).next({}, rng) is not None


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
