"""More like this."""

import numpy as np
import pytest
from PIL import Image

from soart.errors import CollectionError
from soart.metrics.items.combined import taste_extractor
from soart.pipelines.scoring.measuring import open_pictures
from soart.pipelines.scoring.similar import similar
from soart.pipelines.scoring.taste_scorer import TasteMeasurer


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Eight reddish gradients and eight pictures of green noise."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 1, 64)[None, :, None] * np.ones((64, 1, 1))
    for k in range(8):
        red = ramp * [200, 40 + 5 * k, 30] + rng.normal(0, 2, (64, 64, 3))
        green = rng.normal(90, 60, (64, 64, 1)) * [0.2, 1 - k / 40, 0.3]
        for name, values in (("red", red), ("green", green)):
            Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(folder / f"{name}{k}.png")
    return folder


def test_pictures_like_those_named_come_first(pictures):
    measurer = TasteMeasurer(taste_extractor())
    collection, rows, _ = open_pictures([pictures], measurer)
    with collection:
        for liked, kind in ((["red0.png"], "red"), (["green1.png", "green2.png"], "green")):
            found, problems = similar(collection, rows, [pictures / name for name in liked], measurer)
            assert problems == []
            assert [one.path.name[: len(kind)] for one in found[: 8 - len(liked)]] == [kind] * (8 - len(liked))
            assert not {one.path.name for one in found} & set(liked)
            assert [one.likeness for one in found] == sorted((one.likeness for one in found), reverse=True)
        with pytest.raises(CollectionError, match="none"):
            similar(collection, rows, [pictures / "none.png"], measurer)
        assert similar(collection, [], [pictures / "red0.png"], measurer) == ([], [])
