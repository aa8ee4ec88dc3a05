"""Pairs of pictures that were compared."""

import numpy as np

from soart.metrics.similarity.comparisons import Comparisons

DIGESTS = np.random.default_rng(0).integers(0, 2**64, 50, dtype=np.uint64)
ROWS = np.arange(50)


def test_comparisons_are_known_later_from_both_sides_and_in_any_order_of_pictures():
    first = Comparisons(DIGESTS)
    alike = ROWS % 3 == 0
    first.add(7, ROWS[10:20], alike[10:20])
    first.add(30, ROWS[40:45], alike[40:45])
    first.add(8, ROWS[:0], alike[:0])
    assert first.fresh == 15
    later = Comparisons(DIGESTS[::-1], first.stored())
    known, same = later.known(49 - 7, 49 - ROWS)
    assert known.tolist() == [10 <= row < 20 for row in ROWS]
    assert same.tolist() == [bool(alike[row]) and 10 <= row < 20 for row in ROWS]
    known, same = later.known(49 - 42, 49 - ROWS[28:32])
    assert known.tolist() == [False, False, True, False]
    assert same.tolist() == [False, False, True, False]


def test_earlier_pairs_stay_and_each_is_stored_once():
    first = Comparisons(DIGESTS)
    first.add(1, ROWS[2:4], np.array([True, False]))
    second = Comparisons(DIGESTS, first.stored())
    second.add(2, ROWS[1:2], np.array([True]))
    second.add(5, ROWS[6:7], np.array([True]))
    _, pairs, alike = second.stored()
    assert len(pairs) == 3
    assert (np.diff(pairs.astype(object)) > 0).all()
    assert alike.sum() == 2


def test_nothing_is_known_of_nothing():
    compared = Comparisons(DIGESTS)
    assert [part.tolist() for part in compared.known(0, ROWS[:0])] == [[], []]
    assert [len(part) for part in compared.stored()] == [50, 0, 0]
    assert Comparisons(DIGESTS, compared.stored()).known(0, ROWS)[0].sum() == 0


def test_comparisons_of_pictures_that_are_gone_are_left_out():
    first = Comparisons(DIGESTS)
    first.add(7, ROWS[10:20], ROWS[10:20] % 2 == 0)
    first.add(3, ROWS[4:5], np.array([True]))
    present = DIGESTS[[3, 7, 11, 12, 30]]
    stored = first.stored().among(present)
    assert stored.digests.tolist() == sorted(present.tolist())
    assert (len(stored.pairs), stored.alike.sum()) == (2, 1)
    later = Comparisons(DIGESTS, stored)
    known, same = later.known(7, ROWS)
    assert (np.flatnonzero(known).tolist(), np.flatnonzero(same).tolist()) == ([11, 12], [12])
    assert not later.known(3, ROWS)[0].any()
    assert [len(part) for part in first.stored().among(DIGESTS[:0])] == [0, 0, 0]


def test_comparisons_of_pictures_that_are_not_asked_about_stay():
    first = Comparisons(DIGESTS)
    first.add(7, ROWS[10:20], ROWS[10:20] % 2 == 0)
    part = Comparisons(DIGESTS[20:30], first.stored())
    part.add(0, ROWS[1:3], np.array([True, False]))
    later = Comparisons(DIGESTS[::-1], part.stored())
    known, same = later.known(49 - 7, 49 - ROWS)
    assert np.flatnonzero(known).tolist() == [*range(10, 20)]
    assert np.flatnonzero(same).tolist() == [*range(10, 20, 2)]
    assert np.flatnonzero(later.known(49 - 20, 49 - ROWS)[0]).tolist() == [21, 22]
