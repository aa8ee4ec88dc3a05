"""Modes from a collection: classes of ratings, words of prompts, and the pictures chosen of them."""

import pytest

from soart.errors import ItemsError
from soart.pipelines.attention.collection_modes import by_ratings, by_words, modes_of
from soart.pipelines.collection.ratings import rate


@pytest.fixture
def ids(collection, make_drawn):
    prompts = ["a red fox", "a red owl", "a grey owl", "a grey boat"]
    rows = collection.add_drawn([make_drawn(i, prompts[i % 4], size=24) for i in range(24)], "m", "s")
    return [row.id for row in rows]


def test_half_stars_are_of_the_class_between(collection, ids):
    stars = [1, 1.5, 2, 2, 2.5, 3, 3, 3.5, 4, 4.5, 5, 5, 5]
    rate(collection, "me", dict(zip(ids, stars, strict=False)))
    assert by_ratings(collection, "me") == {"disliked": ids[:4], "middle": ids[4:8], "liked": ids[8:13]}
    rate(collection, "you", dict(zip(ids, [5, 5, 5, 1, 1, 1, 1], strict=False)))
    assert by_ratings(collection, "you") == {"disliked": ids[3:7]}


def test_pictures_with_several_of_the_words_are_left_out(collection, ids):
    assert by_words(collection, ["red", "owl", "-grey", "red", ""]) == {
        "red": [image for i, image in enumerate(ids) if i % 4 == 0],
        "owl": [image for i, image in enumerate(ids) if i % 4 == 2],
    }


def test_of_many_pictures_evenly_spaced_ones_are_measured(collection, ids):
    modes = modes_of(collection, {"first": ids[:13], "others": ids[13:15]}, most=3)
    assert [file.name for file in modes.files] == [str(ids[i]) for i in (0, 6, 12, 13, 14)]
    assert modes.modes.tolist() == ["first"] * 3 + ["others"] * 2
    with pytest.raises(ItemsError, match="at least two kinds of pictures to compare, got 1"):
        modes_of(collection, {"first": ids[:5], "others": []})
