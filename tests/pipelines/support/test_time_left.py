"""Estimates of the time left, with planted durations of the steps."""

import numpy as np
import pytest

from soart.pipelines.support.time_left import TimeLeft

COUNT = 300


def planted(durations, every=0.1):
    """(seconds since the start, estimate, truth) whenever a page or a bar asks, of steps of these durations."""
    ends = np.cumsum(durations)
    left = TimeLeft()
    return [
        (now, left(int(np.searchsorted(ends, now, side="right")), len(ends), now), ends[-1] - now)
        for now in np.arange(0.0, ends[-1], every)
    ]


def durations_of(kind):
    rng = np.random.default_rng(7)
    steady = np.full(COUNT, 0.15)
    if kind == "a start of eight seconds":
        steady[0] = 8.0
    elif kind == "most are known":
        steady[:250] = 0.0
    elif kind == "few large ones":
        steady = rng.lognormal(-2.5, 1.0, COUNT)
    elif kind == "in batches":
        steady = np.where(np.arange(COUNT) % 16 == 0, 16 * 0.15, 0.0)
    elif kind == "a pause of two minutes":
        steady[20] = 120.0
    elif kind == "five times slower from the middle":
        steady[COUNT // 2 :] *= 5
    elif kind == "ten at once, then slow":
        steady = np.r_[np.full(10, 0.16), np.full(COUNT - 10, 12.6)]
    return steady


STEADY = ("steady", "a start of eight seconds", "most are known", "few large ones", "in batches")
UNSTEADY = ("a pause of two minutes", "five times slower from the middle", "ten at once, then slow")


@pytest.mark.parametrize("kind", STEADY)
def test_the_estimate_of_steady_work_is_near_the_truth(kind):
    seen = [(estimate, truth) for _, estimate, truth in planted(durations_of(kind)) if estimate is not None]
    assert len(seen) > 10
    for estimate, truth in seen[len(seen) // 4 :]:
        assert abs(estimate - truth) < max(2.5, 0.5 * truth)


@pytest.mark.parametrize("kind", [*STEADY, *UNSTEADY])
def test_an_estimate_never_grows_faster_than_time_passes(kind):
    seen = [(now, estimate) for now, estimate, _ in planted(durations_of(kind)) if estimate is not None]
    times, estimates = np.array(seen).T
    assert (np.diff(estimates) <= np.diff(times) + 1e-6).all()


def test_forty_eight_seconds_do_not_become_an_hour():
    # By the ten that came at once 48 seconds would be left: nothing is shown that has to be taken back.
    (first, truth), *_ = [(left, truth) for _, left, truth in planted(durations_of("ten at once, then slow")) if left]
    assert first > truth / 2 > 1500
    # Neither does a pause: by the mean until its end it would be 29 minutes.
    paused = [left for _, left, _ in planted(durations_of("a pause of two minutes")) if left]
    assert max(paused) < 240


def test_nothing_is_said_without_evidence():
    left = TimeLeft()
    assert left(0, 0, 0.0) is None
    assert left(0, 9, 50.0) is None
    assert left(1, 9, 51.0) is None
    assert left(9, 9, 99.0) is None
    assert left(12, 9, 100.0) is None


def test_another_total_begins_another_estimate():
    left = TimeLeft()
    for step in range(20):
        left(step, 40, float(step))
    assert left(20, 40, 20.0) == pytest.approx(20)
    assert left(21, 4000, 21.0) == pytest.approx(3979)
