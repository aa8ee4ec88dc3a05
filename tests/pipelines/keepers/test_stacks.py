"""Stacks of the gallery: the groups of the keepers, found with and without an evaluation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soart.errors import CollectionError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.labels import mark_distinct, undo_distinct
from soart.pipelines.keepers import stacks
from soart.pipelines.keepers.finding import UNITS, find_keepers
from soart.pipelines.keepers.stacks import find_stacks, stacked


def stacks_of(found, by):
    judge = found.evaluation.main
    ids = [row.id for row in found.collection.images()]
    return find_stacks(found.collection, by, ids, found.collection.scores(judge), judge, found)


@pytest.mark.parametrize("by", UNITS)
def test_stacks_are_the_groups_of_the_keepers(found, by):
    groups = [group.images for group in find_keepers(found, by, copies=False).groups]
    assert groups
    assert sorted(stacks_of(found, by)) == sorted(groups)


def test_corrections_part_stacks(found):
    [stack, *_] = stacks_of(found, "prompt")
    name = mark_distinct(found.collection, stack)
    try:
        assert stack not in stacks_of(found, "prompt")
        assert sorted(stacks_of(found, "prompt")) == sorted(group.images for group in find_keepers(found).groups)
    finally:
        undo_distinct(found.collection, name)


def test_stacks_need_no_evaluation_but_for_look_alikes(tmp_path, make_drawn, monkeypatch):
    with Collection(tmp_path / "c") as collection:
        assert find_stacks(collection, "prompt", [], {}, "") == []
        collection.add_drawn([make_drawn(seed, f"prompt {seed // 3}") for seed in range(7)], "m", "s")
        ids = [row.id for row in collection.images()]
        scores = {image: float(image) for image in ids if image != 6}
        # The best score on top; a picture without one last.
        assert find_stacks(collection, "prompt", ids, scores, "x") == [(3, 2, 1), (5, 4, 6)]
        assert find_stacks(collection, "prompt", ids, {}, "") == [(1, 2, 3), (4, 5, 6)]
        # Of the best three, two are of the first prompt; the third of these lies under the best of them.
        monkeypatch.setattr(stacks, "BEST", 3)
        assert find_stacks(collection, "best", ids, {image: -float(image) for image in ids}, "x") == [(1, 3)]
        assert find_stacks(collection, "best", ids, {}, "x") == []
        with pytest.raises(CollectionError, match="choose Evaluate first"):
            find_stacks(collection, "look-alike", ids, scores, "x")
        with pytest.raises(CollectionError, match="Expected stacks by prompt, burst, folder, look-alike"):
            find_stacks(collection, "colour", ids, scores, "x")


@given(st.permutations(range(12)), st.lists(st.integers(-1, 4), min_size=12, max_size=12), st.sets(st.integers(0, 11)))
def test_every_picture_of_a_query_lies_in_one_place(order, labels, there):
    stacks = [tuple(i for i in range(12) if labels[i] == label) for label in range(5)]
    found = [image for image in order if image in there]
    shown, by_top = stacked(found, stacks)
    assert sorted(image for top in shown for image in by_top.get(top, [top])) == sorted(found)
    assert all(len(images) > 1 and images == [i for i in images if i in there] for images in by_top.values())
    # A stack lies where its first picture would.
    first = [min(found.index(image) for image in by_top.get(top, [top])) for top in shown]
    assert first == sorted(first)
    for image in there:
        spread, none = stacked(found, stacks, image)
        assert set(spread) == set(next((images for images in by_top.values() if image in images), [image]))
        assert not none
