"""Pairs of pictures that were compared."""

import numpy as np

from soart.metrics.similarity.compared import Compared

DIGESTS = np.random.default_rng(0).integers(0, 2**64, 50, dtype=np.uint64)
ROWS = np.arange(50)


def test_comparisons_are_known_later_from_both_sides_and_in_any_order_of_pictures():
    first = Compared(DIGESTS)
    alike = ROWS % 3 == 0
    first.add(7, ROWS[10:20], alike[10:20])
    first.add(30, ROWS[40:45], alike[40:45])
    first.add(8, ROWS[:0], alike[:0])
    assert first.fresh == 15
    later = Compared(DIGESTS[::-1], *first.pairs())
    known, same = later.known(49 - 7, 49 - ROWS)
    assert known.tolist() == [10 <= row < 20 for row in ROWS]
    assert same.tolist() == [bool(alike[row]) and 10 <= row < 20 for row in ROWS]
    known, same = later.known(49 - 42, 49 - ROWS[28:32])
    assert known.tolist() == [False, False, True, False]
    assert same.tolist() == [False, False, True, False]


def test_earlier_pairs_stay_and_each_is_stored_once():
    first = Compared(DIGESTS)
    first.add(1, ROWS[2:4], np.array([True, False]))
    second = Compared(DIGESTS, *first.pairs())
    second.add(2, ROWS[1:2], np.array([True]))
    second.add(5, ROWS[6:7], np.array([True]))
    pairs, alike = second.pairs()
    assert len(pairs) == 3
    assert (np.diff(pairs.astype(object)) > 0).all()
    assert alike.sum() == 2


def test_nothing_is_known_of_nothing():
    compared = Compared(DIGESTS)
    assert [part.tolist() for part in compared.known(0, ROWS[:0])] == [[], []]
    assert [len(part) for part in compared.pairs()] == [0, 0]
    assert Compared(DIGESTS, *compared.pairs()).known(0, ROWS)[0].sum() == 0
