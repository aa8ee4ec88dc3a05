"""Gradients of judges: their own, or those of built-in judges and tastes."""

import numpy as np
import pytest
from specimens.judging import Brightness, ColourJudge

from soart.errors import JudgeError
from soart.pipelines.judges.catalogue import Catalogue
from soart.pipelines.judges.gradients import checked_gradient, gradient_of
from soart.pipelines.scoring.pictures import PicturesInMemory
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.tastes.learning import learn_from_pictures


class Bright(Brightness):
    def gradient(self, pixels, prompt):
        return float(pixels.mean()), np.full(pixels.shape, 1 / pixels.size)


@pytest.fixture(scope="module")
def picture():
    """Squares of many sizes, large enough for rated quality."""
    rng = np.random.default_rng(0)
    squares = sum(np.kron(rng.uniform(0, 85, (128 // k, 128 // k, 3)), np.ones((k, k, 1))) for k in (2, 8, 32))
    return squares.astype(np.uint8)


def test_a_judge_has_its_own_gradient_or_none(picture):
    value, derivative = gradient_of(Bright())(picture / 255, "")
    assert value == pytest.approx(picture.mean() / 255)
    assert derivative.sum() == pytest.approx(1)
    assert gradient_of(Brightness()) is None
    # It measures items, and nobody knows what it makes of them.
    assert gradient_of(ColourJudge()) is None


@pytest.mark.parametrize("name", ["technical", "overall", "appeal", "rated-quality", "nima", "taste"])
def test_gradients_of_built_in_judges_and_tastes_have_their_values(picture, name):
    if name == "taste":
        rng = np.random.default_rng(1)
        vivid = [*rng.integers(0, 256, (5, 20, 20, 3), dtype=np.uint8)]
        grey = [np.repeat(one[..., :1], 3, axis=2) for one in vivid]
        judge = TasteJudge.of(learn_from_pictures("v", vivid, grey, network=None))
    else:
        judge = Catalogue().judge(name)
    answer = judge.values(PicturesInMemory({0: picture}))
    exact = float(np.asarray(getattr(answer, "values", answer))[0])
    value, derivative = gradient_of(judge)(picture / 255, "")
    assert value == pytest.approx(exact, rel=1e-3)
    assert derivative.shape == picture.shape
    assert np.abs(derivative).max() > 0


def test_gradients_are_checked():
    pixels = np.zeros((4, 4, 3))
    value, derivative = checked_gradient(lambda p, t: ("2.5", np.ones((4, 4, 3)).tolist()), "mine", pixels, "")
    assert (value, derivative.dtype, derivative.shape) == (2.5, np.float32, (4, 4, 3))

    def fails(pixels, prompt):
        raise RuntimeError("no\nmemory")

    with pytest.raises(JudgeError, match=r"The gradient of the judge 'mine' failed: no\."):
        checked_gradient(fails, "mine", pixels, "")
    with pytest.raises(JudgeError, match=r"has the shape \(3,\), and the picture \(4, 4, 3\)"):
        checked_gradient(lambda p, t: (0.0, np.zeros(3)), "mine", pixels, "")
