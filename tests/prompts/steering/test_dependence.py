"""Settings that are in use only with some options of another slot."""

import numpy as np
import pytest

from soart.prompts.space.conditions import Condition
from soart.prompts.steering.dependence import DecidingSlot, find_parent
from soart.prompts.steering.search import Domain, keys

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
