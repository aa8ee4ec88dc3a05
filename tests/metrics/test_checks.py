"""Checks of what callers pass: each refusal is one sentence."""

import numpy as np
import pytest

from soart.errors import ItemsError
from soart.metrics.checks import HEAVIEST, check_items, check_modes, check_targets, is_weight, settled


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (lambda: check_items([[10**400]]), "numbers in the items"),
        (lambda: check_items([["a"]]), "numbers in the items"),
        (lambda: check_items([[1], [1, 2]]), "numbers in the items"),
        (lambda: check_items([[1.0, np.inf]]), "the first is row 0, column 1"),
        (lambda: check_items([1.0]), "as a matrix"),
        (lambda: check_targets([10**400], 1), "numbers in the targets"),
        (lambda: check_targets([[1.0]], 1), "one target for each of 1"),
        (lambda: check_modes([["a"], ["b", "c"]], 2), "lists of different lengths"),
        (lambda: check_modes([["a", "b"]], 2), "one mode for each of 2 pictures"),
    ],
)
def test_wrong_values_are_refused_in_one_sentence(check, words):
    with pytest.raises(ItemsError, match=words) as caught:
        check()
    assert "\n" not in str(caught.value)


def test_weights_are_numbers_of_any_size_from_0_to_the_heaviest():
    assert all(map(is_weight, (0, 1.5, HEAVIEST)))
    assert not any(map(is_weight, (-1e-9, HEAVIEST + 1, float("nan"), float("inf"), 10**400, -(10**400))))


def test_equal_pictures_have_equal_values_on_every_processor():
    assert settled(
        np.array([59.771204581468695, 59.77120458146923, np.nan, np.inf, -1e-300, 0.1])
    ).tolist() == pytest.approx([59.77120458, 59.77120458, np.nan, np.inf, -1e-300, 0.1], rel=0, abs=0, nan_ok=True)
