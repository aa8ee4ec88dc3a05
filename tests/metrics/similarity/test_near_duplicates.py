from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from soart.errors import ItemsError
from soart.metrics.similarity.near_duplicates import near_groups, near_pairs, perceptual_hash


def naive_pairs(hashes, distance):
    return {(i, j) for i, j in combinations(range(len(hashes)), 2) if bin(hashes[i] ^ hashes[j]).count("1") <= distance}


@given(
    st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.sets(st.integers(0, 63), max_size=9)), max_size=30),
    st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_pairs_are_those_of_a_naive_search(numbers, neighbours, distance):
    # Neighbours by a few flipped bits, because random numbers are never near.
    numbers += [numbers[k] ^ sum(1 << b for b in bits) for k, bits in neighbours if k < len(numbers)]
    numbers = list(dict.fromkeys(numbers))
    pairs = set()
    for i, j in near_pairs(np.array(numbers, np.uint64), distance):
        pairs |= set(zip(i.tolist(), j.tolist(), strict=True))
    assert pairs == naive_pairs(numbers, distance)


@pytest.mark.parametrize(
    ("hashes", "distance"), [(np.zeros(2), 3), (np.zeros((2, 2), np.uint64), 3), (np.zeros(2, np.uint64), 16)]
)
def test_wrong_hashes_are_refused(hashes, distance):
    with pytest.raises(ItemsError, match="Expected"):
        list(near_pairs(hashes, distance))


def test_groups_need_shapes_and_colours():
    far = 2**64 - 1
    hashes = np.array([7, 7, 7 ^ 0b11, far, far], np.uint64)
    tints = np.zeros((5, 4), np.float32)
    tints[4] = 5
    # The last two have the same shapes and other colours.
    assert near_groups(hashes, tints).tolist() == [0, 0, 0, -1, -1]
    assert near_groups(hashes[:0], tints[:0]).tolist() == []
    assert near_groups(hashes[:1], tints[:1]).tolist() == [-1]


def test_a_picture_is_near_its_copies_and_far_from_others():
    rng = np.random.default_rng(0)
    pictures = [
        Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((96, 80), Image.Resampling.BICUBIC)
        for _ in range(6)
    ]
    hashes = [perceptual_hash(np.asarray(p)) for p in pictures]
    smaller = [perceptual_hash(np.asarray(p.resize((48, 40)))) for p in pictures]
    assert all(bin(a ^ b).count("1") <= 4 for a, b in zip(hashes, smaller, strict=True))
    assert min(bin(a ^ b).count("1") for a, b in combinations(hashes, 2)) > 8


@pytest.mark.parametrize("pixels", [np.zeros((1, 1, 3), np.uint8), np.full((5, 300, 3), 255, np.uint8)])
def test_plain_pictures_have_a_hash(pixels):
    assert 0 <= perceptual_hash(pixels) < 2**64
