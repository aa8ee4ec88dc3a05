"""More like this."""

import pytest

from soart.errors import CollectionError
from soart.metrics.items.combined import taste_extractor
from soart.pipelines.scoring.measuring import open_pictures
from soart.pipelines.scoring.similar import similar
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
