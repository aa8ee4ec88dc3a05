"""Pictures behind the reasons of a taste."""

import hashlib

import numpy as np
from PIL import Image

from soart.metrics.protocols import Example, Reason
from soart.pipelines.collection.collection import Collection
from soart.pipelines.scoring.example_pictures import example_thumbnails
from soart.pipelines.scoring.reasons import chosen, compared


def picture(path, seed):
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def test_examples_are_found_in_the_collection_or_where_they_were(tmp_path):
    paths = [tmp_path / f"{name}.png" for name in ("held", "left", "changed", "gone")]
    starts = [picture(path, seed) for seed, path in enumerate(paths)]
    elsewhere = Example(starts[0], 3.0, "/somewhere/else/held.png")
    examples = (elsewhere, *(Example(start, 1.0, str(path)) for start, path in zip(starts[1:], paths[1:], strict=True)))
    picture(paths[2], 99)
    paths[3].unlink()
    with Collection(None) as collection:
        collection.add_file(paths[0])
        found = example_thumbnails([Reason("like these you liked", 4.0, examples=examples)], collection)
        assert found.keys() == {*starts[:2]}
        assert all(content.startswith(b"\xff\xd8") for content in found.values())
        assert example_thumbnails([Reason("sharper", 1.0)], collection) == {}
    assert example_thumbnails([Reason("like these you liked", 4.0, examples=examples)]).keys() == {starts[1]}
    # Those that cannot be found are named.
    assert [example.title for example in examples] == ["held.png", "left.png", "changed.png", "gone.png"]
    assert Example("0123456789abcdef", 1.0).title == "picture 01234567"
    assert [Example("01", 1.0, "/x/may/1.png", namesake=one).title for one in (False, True)] == ["1.png", "may/1.png"]
    assert example_thumbnails([Reason("x", 1.0, examples=(Example(starts[1], 1.0, "good 3"),))]) == {}


def test_two_reasons_point_the_way_of_the_score_and_one_the_other():
    low = [Reason(name, points) for name, points in (("a", -9.0), ("b", -8.0), ("c", -7.0), ("d", 6.0), ("e", 5.0))]
    assert [reason.text for reason in chosen(low)] == ["a", "b", "d"]
    # Small ones are left out, the other way sooner.
    assert [reason.text for reason in chosen([Reason("a", 10.0), Reason("b", 1.9), Reason("c", -4.0)])] == ["a"]
    assert chosen([]) == chosen([Reason("a", 0.0)]) == ()


def test_many_pictures_are_compared_with_some_evenly_chosen():
    assert compared([5]) == []
    assert compared([5, 6]) == [5, 6]
    some = compared(range(1000), 10)
    assert (some, len(compared(range(1000)))) == ([*range(0, 1000, 100)], 200)
