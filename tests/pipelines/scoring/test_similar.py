"""More like this."""

import numpy as np
import pytest

from soart.errors import CollectionError
from soart.metrics.items.combined import taste_extractor
from soart.pipelines.scoring.measuring import open_pictures
from soart.pipelines.scoring.similar import by_likeness, similar
from soart.pipelines.scoring.taste_scorer import TasteMeasurer


def test_pictures_like_those_named_come_first(red_and_green):
    measurer = TasteMeasurer(taste_extractor())
    collection, rows, _ = open_pictures([red_and_green], measurer)
    with collection:
        for liked, kind in ((["red0.png"], "red"), (["green1.png", "green2.png"], "green")):
            found, problems = similar(collection, rows, [red_and_green / name for name in liked], measurer)
            assert problems == []
            assert [one.path.name[: len(kind)] for one in found[: 8 - len(liked)]] == [kind] * (8 - len(liked))
            assert not {one.path.name for one in found} & set(liked)
            assert [one.likeness for one in found] == sorted((one.likeness for one in found), reverse=True)
        with pytest.raises(CollectionError, match="none"):
            similar(collection, rows, [red_and_green / "none.png"], measurer)
        assert similar(collection, [], [red_and_green / "red0.png"], measurer) == ([], [])


def test_stored_items_of_a_network_count_if_nearly_all_pictures_have_them(red_and_green):
    collection, rows, _ = open_pictures([red_and_green], TasteMeasurer(taste_extractor()))
    with collection:
        ids = [row.id for row in rows]
        plain = by_likeness(collection, ids, ids[0])
        assert sorted(plain) == sorted(ids)
        # A network that finds every picture like the next one.
        rng = np.random.default_rng(0)
        walk = np.cumsum(rng.normal(size=(len(ids), 40)), axis=0)
        stored = collection.items(taste_extractor().version, ids)
        deep = {image: np.concatenate([stored[image], step]) for image, step in zip(ids, walk, strict=True)}
        version = f"{taste_extractor().version}+deep-2:network"
        collection.add_items(version, {image: deep[image] for image in ids[:4]})
        assert by_likeness(collection, ids, ids[0]) == plain
        collection.add_items(version, deep)
        assert by_likeness(collection, ids, ids[0])[:2] == ids[:2]
        with pytest.raises(CollectionError, match="not measured yet"):
            by_likeness(collection, ids, max(ids) + 1)
