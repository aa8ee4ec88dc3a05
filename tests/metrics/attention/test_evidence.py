"""Intervals and the permutation test of a comparison of versions."""

from itertools import product

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from soart.metrics.attention.comparison import evidence


def guesses(rng, modes, right):
    """Modes of which a share ``right`` is true; the others are drawn."""
    return np.where(rng.random(len(modes)) < right, modes, rng.choice(np.unique(modes), len(modes)))


def test_accuracy_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    modes = rng.choice(["a", "b", "c"], 60, p=[0.6, 0.3, 0.1])
    predicted = {"A": guesses(rng, modes, 0.3), "B": guesses(rng, modes, 0.8)}
    found = evidence(modes, predicted, rng.integers(0, 20, 60), ("A", "B"), rng)
    for name, values in predicted.items():
        assert found.accuracy[name] == pytest.approx(balanced_accuracy_score(modes, values))
    assert found.difference == pytest.approx(found.accuracy["B"] - found.accuracy["A"])


def test_the_p_value_is_that_of_all_exchanges():
    modes = np.array(["a", "b"] * 4)
    groups = np.repeat(range(4), 2)
    first = np.array(["a", "a", "b", "b", "a", "b", "a", "a"])
    second = np.array(["a", "b", "a", "b", "a", "b", "b", "b"])
    found = evidence(modes, {"A": first, "B": second}, groups, ("A", "B"), np.random.default_rng(0), draws=20_000)
    as_large = []
    for swaps in product([False, True], repeat=4):
        swapped = np.repeat(swaps, 2)
        a, b = np.where(swapped, second, first), np.where(swapped, first, second)
        apart = balanced_accuracy_score(modes, b) - balanced_accuracy_score(modes, a)
        as_large.append(abs(apart) >= abs(found.difference) - 1e-12)
    assert found.p_value == pytest.approx(np.mean(as_large), abs=0.02)


def test_equal_versions_differ_by_chance_and_intervals_hold_the_truth():
    rng = np.random.default_rng(1)
    low, covered, rounds = 0, 0, 200
    for _ in range(rounds):
        modes = rng.choice(["a", "b"], 80)
        predicted = {name: guesses(rng, modes, 0.5) for name in "AB"}
        found = evidence(modes, predicted, np.arange(80), ("A", "B"), rng, draws=300)
        low += found.p_value <= 0.05
        # Half are right, and half of the others by luck.
        covered += found.intervals["A"][0] <= 0.75 <= found.intervals["A"][1]
    assert low / rounds <= 0.09
    assert covered / rounds >= 0.88


def test_whole_groups_are_drawn():
    rng = np.random.default_rng(2)
    modes = np.tile(["a", "b"], 60)
    scenes = np.arange(120) // 12
    right = np.repeat(rng.random(10) < 0.6, 12)
    predicted = {"A": np.where(right, modes, "c"), "B": modes}
    by_scene = evidence(modes, predicted, scenes, ("A", "B"), np.random.default_rng(0))
    alone = evidence(modes, predicted, np.arange(120), ("A", "B"), np.random.default_rng(0))
    assert np.ptp(by_scene.intervals["A"]) > 2 * np.ptp(alone.intervals["A"])
    assert by_scene.p_value > alone.p_value
    assert alone.difference_interval[0] > 0
    np.testing.assert_allclose(alone.difference_interval, 1 - np.array(alone.intervals["A"])[::-1])


def test_a_p_value_is_never_zero():
    modes = np.repeat(["blurry", "normal"], 40)
    guesses = {"A": np.full(80, "normal"), "B": modes}
    found = evidence(modes, guesses, np.arange(80), ("A", "B"), np.random.default_rng(0), draws=99)
    assert found.p_value == 1 / 100


def test_a_draw_without_a_mode_is_balanced_over_the_others():
    modes = np.array(["rare", *["a", "b"] * 6])
    found = evidence(modes, {"A": modes, "B": modes}, np.arange(13), ("A", "B"), np.random.default_rng(0), draws=200)
    assert found.intervals["A"] == (1, 1)
