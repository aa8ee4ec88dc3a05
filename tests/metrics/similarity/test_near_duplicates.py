import io
import tracemalloc
from dataclasses import replace
from itertools import combinations

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from soart.errors import ItemsError
from soart.metrics.image import read_image
from soart.metrics.similarity.comparisons import Comparisons
from soart.metrics.similarity.distinct import without_distinct
from soart.metrics.similarity.near_duplicates import (
    APART,
    CROPS,
    DISTANCE,
    METHOD,
    SHIFT,
    SIDE,
    HashIndex,
    alike,
    near_groups,
    perceptual_hash,
    views,
)
from soart.pipelines.collection.thumbnails import encode_thumbnail
from soart.training.captions import Scene
from soart.training.render import render


@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.sets(st.integers(0, 63), max_size=9)), max_size=30),
    st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_near_hashes_are_those_of_a_naive_search(numbers, neighbours, distance):
    # Neighbours by a few flipped bits, because random numbers are never near.
    numbers += [numbers[k] ^ sum(1 << b for b in bits) for k, bits in neighbours if k < len(numbers)]
    index = HashIndex(np.array(numbers, np.uint64), distance)
    for row, number in enumerate(numbers):
        near = [i for i, other in enumerate(numbers) if (number ^ other).bit_count() <= distance and i != row]
        assert index.near(row).tolist() == near


@pytest.mark.parametrize(
    ("hashes", "distance"), [(np.zeros(2), 3), (np.zeros((2, 2), np.uint64), 3), (np.zeros(2, np.uint64), 16)]
)
def test_wrong_hashes_are_refused(hashes, distance):
    with pytest.raises(ItemsError, match="Expected"):
        HashIndex(hashes, distance)


def motif(colours, size=96):
    """Bands and a disc in the given (3, 3) colours."""
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    roles = np.where(down > 0.6 * size, 1, 0)
    roles[(across - size / 3) ** 2 + (down - 0.4 * size) ** 2 < (size / 5) ** 2] = 2
    return np.asarray(colours, np.uint8)[roles]


NIGHT = [[20, 30, 90], [40, 60, 40], [250, 240, 180]]
DAWN = [[120, 20, 60], [60, 50, 20], [255, 230, 200]]


def groups(pictures, order=None):
    hashes = np.array([perceptual_hash(picture) for picture in pictures], np.uint64)
    seen = np.stack([views(picture) for picture in pictures]) if pictures else np.zeros((0,))
    return near_groups(hashes, np.arange(len(pictures)) if order is None else order, lambda rows: seen[rows]).tolist()


def jpeg(pixels, quality):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def photograph(seed=0, size=240):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    return np.asarray(small.resize((size, size), Image.Resampling.BICUBIC))


COPIES = {
    "the same": lambda p: p,
    "smaller": lambda p: np.asarray(Image.fromarray(p).resize((80, 80))),
    "JPEG": lambda p: jpeg(p, 25),
    "cropped": lambda p: p[5:-5, 5:-5],
    "cropped more": lambda p: p[7:-7, 7:-7],
    "lighter": lambda p: (p * 1.1).clip(0, 255).astype(np.uint8),
    "more contrast": lambda p: (128 + (p - 128.0) * 1.15).clip(0, 255).astype(np.uint8),
    "warmer": lambda p: (p * [1.06, 1, 0.94]).clip(0, 255).astype(np.uint8),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_changed_copy_is_found_whichever_is_kept(name):
    pictures = [photograph(seed) for seed in range(3)]
    pictures.append(COPIES[name](pictures[1]))
    assert groups(pictures) == [-1, 0, -1, 0]
    assert groups(pictures, np.array([3, 2, 1, 0])) == [-1, 0, -1, 0]


@pytest.mark.parametrize(("contrast", "expected"), [(0.5, False), (0.8, True), (1.25, True)])
def test_contrasts_of_copies_differ_by_a_third_at_most(contrast, expected):
    one = photograph().astype(np.float64) * 0.5 + 64
    other = (128 + (one - 128) * contrast).astype(np.uint8)
    for first, second in ((one.astype(np.uint8), other), (other, one.astype(np.uint8))):
        assert alike(views(first), views(second)[None]).tolist() == [expected]


def test_a_small_copy_is_found_by_its_thumbnail():
    """JPEG thumbnails keep half the pixels of colour, which shows in very small ones."""
    rng = np.random.default_rng(0)
    large = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).resize(
        (96, 96), Image.Resampling.NEAREST
    )
    thumbnails = [read_image(encode_thumbnail(np.asarray(large.resize((side, side))), 112)).pixels for side in (96, 48)]
    assert alike(views(thumbnails[0]), views(thumbnails[1])[None]).all()


def test_one_motif_in_two_palettes_is_no_duplicate():
    night, dawn = motif(NIGHT), motif(DAWN)
    assert (perceptual_hash(night) ^ perceptual_hash(dawn)).bit_count() <= DISTANCE
    assert groups([night, dawn, jpeg(night, 60)]) == [0, -1, 0]


def test_one_motif_in_two_styles_is_no_duplicate():
    rng = np.random.default_rng(0)
    scene = Scene("boat", "cool", "flat", "sharp")
    flat, dotted, again = (
        render(replace(scene, style=s), np.random.default_rng(3)) for s in ("flat", "pointillism", "flat")
    )
    assert (perceptual_hash(flat) ^ perceptual_hash(dotted)).bit_count() <= DISTANCE
    noisy = (again + rng.normal(0, 3, again.shape)).clip(0, 255).astype(np.uint8)
    assert groups([flat, dotted, noisy]) == [0, -1, 0]


def test_grey_and_coloured_versions_are_not_duplicates():
    colour = motif(NIGHT)
    grey = np.asarray(Image.fromarray(colour).convert("L").convert("RGB"))
    assert groups([colour, grey]) == [-1, -1]


def test_a_chain_is_no_group():
    """Each picture is near the next, and the ends are far apart."""
    first, last = photograph(0).astype(float), photograph(1).astype(float)
    chain = [(first + (last - first) * share).astype(np.uint8) for share in np.linspace(0, 1, 24)]
    seen = np.stack([views(picture) for picture in chain])
    assert all(alike(one, seen[k + 1 : k + 2])[0] for k, one in enumerate(seen[:-1]))
    # All hashes are the same, so that the views alone decide.
    hashes = np.zeros(24, np.uint64)
    for order in (np.arange(24), np.arange(24)[::-1], np.random.default_rng(0).permutation(24)):
        group = near_groups(hashes, order, lambda rows: seen[rows])
        assert group.max() >= 4
        place = np.argsort(order)
        for number in range(group.max() + 1):
            members = np.flatnonzero(group == number)
            keeper = members[place[members].argmin()]
            assert len(members) > 1
            assert alike(seen[keeper], seen[members]).all()


def test_hashes_do_not_chain_either():
    """Views of one picture, and hashes of which each differs from the next by four bits."""
    seen = np.repeat(views(photograph())[None], 16, axis=0)
    hashes = np.array([(1 << 4 * k) - 1 for k in range(16)], np.uint64)
    group = near_groups(hashes, np.arange(16), lambda rows: seen[rows], 8)
    assert group.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, -1]
    # The user says that 0 and 1, and 4 and 5, are no duplicates: 1 and 5 are left to those that they are near to.
    distinct = {0: frozenset({1}), 1: frozenset({0}), 4: frozenset({5}), 5: frozenset({4})}
    group = near_groups(hashes, np.arange(16), lambda rows: seen[rows], 8, distinct)
    assert group.tolist() == [0, 1, 0, 1, 2, 3, 2, 3, 4, 4, 4, 5, 5, 5, 6, 6]


def test_views_are_read_only_where_hashes_are_near():
    read = []

    def views_of(rows):
        read.extend(rows.tolist())
        return np.stack([views(photograph())] * len(rows))

    hashes = np.array([0, 2**32 - 1, 1, 2**64 - 1], np.uint64)
    assert near_groups(hashes, np.arange(4), views_of).tolist() == [0, -1, 0, -1]
    assert set(read) == {0, 2}


def test_pictures_that_were_compared_before_are_not_read_again():
    """The groups are the same, also if others are kept and a picture is new."""
    seen = np.stack([views(photograph(seed // 3)) for seed in range(12)])
    hashes, read = np.zeros(12, np.uint64), []
    digests = np.random.default_rng(0).integers(0, 2**64, 12, dtype=np.uint64)

    def views_of(rows):
        read.extend(rows.tolist())
        return seen[rows]

    compared = Comparisons(digests[:11])
    assert near_groups(hashes[:11], np.arange(11), views_of, comparisons=compared).tolist() == [
        *[0] * 3,
        *[1] * 3,
        *[2] * 3,
        3,
        3,
    ]
    read.clear()
    again = Comparisons(digests[:11], compared.stored())
    assert near_groups(hashes[:11], np.arange(11), views_of, comparisons=again).max() == 3
    assert (read, again.fresh) == ([], 0)
    more = Comparisons(digests, compared.stored())
    order = np.array([11, *range(11)])
    assert near_groups(hashes, order, views_of, comparisons=more).tolist() == [*[1] * 3, *[2] * 3, *[3] * 3, 0, 0, 0]
    assert more.fresh == 11


def test_plain_pictures_are_read_once():
    """Their hashes are all the same, and their colours are not."""
    rng, read = np.random.default_rng(0), np.zeros(60, int)
    colours = rng.permutation(np.stack(np.meshgrid(*[[0, 80, 160, 240]] * 3), axis=-1).reshape(-1, 3))[:60]
    seen = np.stack([views(np.full((64, 64, 3), colour, np.uint8)) for colour in colours])

    def views_of(rows):
        if len(rows) > 1:
            read[rows] += 1
        return seen[rows]

    assert set(near_groups(np.zeros(60, np.uint64), np.arange(60), views_of).tolist()) == {-1}
    assert read.max() == 1


#: Views of which many are alike, and not all that are like a third.
DRIFT = np.stack(
    [views((photograph().astype(float) * (1 - k / 24) + photograph(1) * (k / 24)).astype(np.uint8)) for k in range(12)]
)


def naive_groups(seen, hashes, order, distinct):
    """Each picture without a group is compared with all others without one, before and after it."""
    group, count, place = np.full(len(hashes), -1), 0, np.argsort(order)
    for keeper in order.tolist():
        if group[keeper] >= 0:
            continue
        near = [
            row
            for row in range(len(hashes))
            if row != keeper
            and group[row] < 0
            and (int(hashes[row]) ^ int(hashes[keeper])).bit_count() <= DISTANCE
            and alike(seen[keeper], seen[row][None])[0]
        ]
        together = without_distinct([keeper, *sorted(near, key=place.__getitem__)], distinct)
        if len(together) > 1:
            group[together] = count
            count += 1
    return group.tolist()


@given(
    st.lists(st.tuples(st.integers(0, 11), st.sampled_from([0, 0xFF, 0xFF00, 2**64 - 1])), min_size=1, max_size=24),
    st.sets(st.tuples(st.integers(0, 23), st.integers(0, 23)), max_size=12),
    st.randoms(use_true_random=False),
)
@settings(max_examples=80, deadline=None)
def test_groups_are_those_of_a_naive_search_and_no_pair_is_compared_twice(pictures, apart, random):
    count = len(pictures)
    seen, hashes = DRIFT[[k for k, _ in pictures]], np.array([number for _, number in pictures], np.uint64)
    order = np.array(random.sample(range(count), count))
    pairs = {(one, other) for one, other in apart if one != other and max(one, other) < count}
    distinct = {}
    for one, other in pairs | {(other, one) for one, other in pairs}:
        distinct[one] = distinct.get(one, frozenset()) | {other}
    comparisons = Comparisons(np.arange(count, dtype=np.uint64))
    group = near_groups(hashes, order, lambda rows: seen[rows], distinct=distinct, comparisons=comparisons)
    assert group.tolist() == naive_groups(seen, hashes, order, distinct)
    assert comparisons.fresh == len(comparisons.stored().pairs)


def test_unlike_pictures_of_equal_hashes_are_compared_once_each():
    seen = np.stack([views(photograph(seed, 48)) for seed in range(30)])
    comparisons = Comparisons(np.arange(30, dtype=np.uint64))
    group = near_groups(np.zeros(30, np.uint64), np.arange(30), lambda rows: seen[rows], comparisons=comparisons)
    assert set(group.tolist()) == {-1}
    assert comparisons.fresh == 30 * 29 / 2


@pytest.mark.parametrize("setting", [APART, SHIFT, SIDE, CROPS, "0.05", "1.33", "0.587"], ids=str)
def test_the_method_names_all_that_decides(setting):
    assert str(setting) in METHOD


def test_many_frames_of_one_scene_need_little_memory():
    flips = np.array([sum(1 << b for b in bits) for bits in combinations(range(30), 4)][:6000], np.uint64)
    seen = views(photograph())[None]
    tracemalloc.start()
    group = near_groups(flips, np.arange(len(flips)), lambda rows: np.repeat(seen, len(rows), axis=0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not group.any()
    # All pairs would be hundreds of megabytes.
    assert peak < 60e6


def test_few_and_plain_pictures():
    assert groups([]) == []
    assert groups([photograph()]) == [-1]
    black, white = np.zeros((1, 1, 3), np.uint8), np.full((5, 300, 3), 255, np.uint8)
    assert groups([black, white, black, white]) == [0, 1, 0, 1]


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


def test_hashes_are_those_of_imagehash():
    rng = np.random.default_rng(0)
    sizes = [(*rng.integers(3, 90, 2), 3) for _ in range(100)]
    flat = [np.full((20, 30, 3), level, np.uint8) for level in range(0, 256, 17)]
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 3, axis=2).repeat(48, axis=0)
    for pixels in [
        *(rng.integers(0, 256, size, dtype=np.uint8) for size in sizes),
        *flat,
        ramp,
        ramp.transpose(1, 0, 2),
    ]:
        luma = Image.fromarray(np.ascontiguousarray(pixels)).convert("L")
        theirs = imagehash.phash(luma.resize((32, 32), Image.Resampling.LANCZOS, reducing_gap=3)).hash
        assert perceptual_hash(np.ascontiguousarray(pixels)) == int(str(imagehash.ImageHash(theirs)), 16)


@pytest.mark.parametrize("pixels", [np.zeros((1, 1, 3), np.uint8), np.full((5, 300, 3), 255, np.uint8)])
def test_plain_pictures_have_a_hash(pixels):
    assert 0 <= perceptual_hash(pixels) < 2**64


def test_a_picture_is_compared_with_none():
    seen = views(photograph())
    assert alike(seen, np.zeros((0, *seen.shape), np.uint8)).tolist() == []
