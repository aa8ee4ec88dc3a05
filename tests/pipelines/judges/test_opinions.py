"""The judges of appeal, rated quality and NIMA, on real weights."""

import numpy as np
import pytest
from PIL import Image
from specimens.judging import values_for

from soart.errors import JudgeError
from soart.metrics.damage.rated_quality import RATED_QUALITY, rated_quality_model
from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.items.nima import NIMA, NimaExtractor
from soart.metrics.tastes.appeal import APPEAL, appeal_model
from soart.pipelines.judges.catalogue import Catalogue, known_judges
from soart.pipelines.judges.finding import judges_for, kinds_of, measurer_of
from soart.pipelines.judges.in_memory import score_batch
from soart.pipelines.judges.storing import judge_pictures
from soart.pipelines.scoring.measuring import open_pictures
from soart.pipelines.scoring.pictures import PicturesInMemory, StoredPictures


def sunset(side=200):
    """A gradient from blue to orange, with a sun and its reflection on dark water."""
    y, x = np.mgrid[0:side, 0:side] / side
    sky = np.stack([60 + 190 * y, 60 + 90 * y, 140 - 60 * y], axis=2)
    sky[np.hypot(y - 0.5, x - 0.5) < 0.1] = (255, 240, 190)
    below = y > 0.6
    sky[below] = 0.5 * sky[::-1][below]
    return sky.astype(np.uint8)


def rubble(side=200):
    """Grey noise of several scales."""
    rng = np.random.default_rng(0)
    grain = sum(np.kron(rng.uniform(40, 200, (side // k, side // k)), np.ones((k, k))) for k in (1, 4, 8)) / 3
    return np.repeat(grain[:, :, None], 3, axis=2).astype(np.uint8)


def test_judges_pictures_of_any_size():
    judge = Catalogue().judge(APPEAL)
    pictures = [sunset(), rubble(), sunset(64), rubble(64)]
    values = values_for(judge, pictures, [""] * 4)
    assert ((values >= 1) & (values <= 7)).all()
    assert values[0] > values[1] + 0.5
    assert values[2] > values[3]
    # The same value as the prior score of a taste, which measures more items.
    extractor = taste_extractor(default_network())
    prior = appeal_model().scores(np.concatenate([extractor.extract(p) for p in pictures]), extractor.names)
    assert np.allclose(values, prior, atol=1e-4)
    assert judge.extractor.version == extractor.version
    assert len(values_for(judge, [], [])) == 0
    ranked, problems = score_batch(
        PicturesInMemory(dict(enumerate(pictures)), dict.fromkeys(range(4), "")), judges_for(APPEAL)
    )
    assert problems == []
    assert ranked[0].number in (0, 2)


def test_rated_quality_cannot_tell_of_small_pictures():
    judge = Catalogue().judge(RATED_QUALITY)
    pictures = [sunset(304), rubble(200), sunset(56)]
    values = values_for(judge, pictures, [""] * 3)
    extractor = taste_extractor(default_network())
    expected = rated_quality_model().scores(np.concatenate([extractor.extract(p) for p in pictures]), extractor.names)
    # Several pictures at once round otherwise than one alone.
    assert np.allclose(values, expected, atol=1e-4, equal_nan=True)
    assert np.isnan(values).tolist() == [False, False, True]
    assert judge.scale[:2] == (0, 1)
    assert judge.version != Catalogue().judge(APPEAL).version
    ranked, problems = score_batch(
        PicturesInMemory(dict(enumerate(pictures)), dict.fromkeys(range(3), "")), judges_for(RATED_QUALITY)
    )
    assert {one.number for one in ranked[:2]} == {0, 1}
    assert any("cannot tell" in problem for problem in problems)


def test_nima_cannot_tell_of_small_and_long_pictures():
    judge = Catalogue().judge(NIMA)
    pictures = [sunset(304), rubble(200), sunset(56), np.tile(sunset(70), (1, 20, 1))]
    values = values_for(judge, pictures, [""] * 4)
    assert np.isnan(values).tolist() == [False, False, True, True]
    assert values[0] > values[1] + 0.5
    assert (judge.scale[:2], judge.needs) == ((1, 10), ("items",))
    _, problems = score_batch(PicturesInMemory(dict(enumerate(pictures))), judges_for(NIMA))
    for why in ("too small for NIMA", "too long for NIMA"):
        assert sum(why in problem for problem in problems) == 1


def test_workers_measure_the_items_of_nima_once(tmp_path, monkeypatch):
    for number, pixels in enumerate((sunset(), rubble())):
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    judges = judges_for(NIMA)
    kinds = kinds_of(judges)
    assert [kind.version for kind in kinds] == [NimaExtractor().version]
    collection, rows, problems = open_pictures([tmp_path], measurer_of(judges), beside=kinds)
    with collection:
        stored = collection.items(kinds[0].version, [row.id for row in rows])
        monkeypatch.setattr(NimaExtractor, "extract", None)
        values, problems = judge_pictures(StoredPictures(collection, rows), judges[0][0])
    assert problems == []
    assert [values[row.id] for row in rows] == [pytest.approx(stored[row.id][0]) for row in rows]


@pytest.mark.parametrize("name", [APPEAL, RATED_QUALITY, NIMA])
def test_a_black_picture_has_no_value(name):
    values = values_for(Catalogue().judge(name), [np.zeros((300, 300, 3), dtype=np.uint8), rubble(304)], ["", ""])
    assert np.isnan(values).tolist() == [True, False]


@pytest.mark.parametrize("name", [APPEAL, RATED_QUALITY, NIMA])
def test_is_built_in_and_takes_no_argument(name):
    assert name in {source.name for source in known_judges()}
    with pytest.raises(JudgeError, match="takes no argument"):
        Catalogue().judge(f"{name}:large")
