"""Twins with a derivative: equal to the exact values, and with the derivative that differences show."""

import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from soart.metrics import learn_taste
from soart.metrics.damage.technical import DETECTORS, TechnicalJudge
from soart.metrics.gradients import models, tastes
from soart.metrics.gradients.items import FIXED, differentiate, has_gradient, items_of
from soart.metrics.gradients.views import SmoothViews
from soart.metrics.items.colour import ColourExtractor
from soart.metrics.items.combined import taste_extractor, with_nima
from soart.metrics.items.packaged import EFFICIENTNET
from soart.metrics.items.quality import QualityExtractor
from soart.metrics.items.soart import SoartExtractor
from soart.metrics.tastes.appeal import appeal_model
from soart.metrics.tastes.blend import blend
from soart.metrics.tastes.examples import from_ratings
from soart.metrics.tastes.overall import OverallJudge
from soart.metrics.tastes.taste import computed_priors
from soart.training.captions import random_scene
from soart.training.render import render

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def drawings():
    rng = np.random.default_rng(7)
    return np.stack([render(random_scene(rng), rng) for _ in range(16)])


@pytest.fixture(scope="module")
def pictures(drawings):
    """Pictures of several sizes and faults: usual, oblong, enlarged past a rung, noise, blurred."""
    rng = np.random.default_rng(8)
    enlarged = [
        np.asarray(Image.fromarray(drawings[k]).resize(size, Image.Resampling.BICUBIC))
        for k, size in enumerate([(160, 96), (217, 300)])
    ]
    noise = rng.integers(0, 256, (33, 47, 3), dtype=np.uint8)
    return [drawings[0], *enlarged, noise, ndimage.gaussian_filter(drawings[3], (2, 2, 0))]


@pytest.fixture(scope="module")
def extractor():
    return with_nima(taste_extractor(EFFICIENTNET))


@pytest.fixture(scope="module")
def taste(drawings, extractor):
    """A taste of bluer drawings that starts from the technical score, appeal and NIMA."""
    items = extractor.extract(drawings)
    blue = items[:, extractor.names.index("colour/blueyellow/mean")]
    stars = np.where(blue < np.median(blue), 5.0, 1.0)
    examples = from_ratings(items, stars)
    names = ("technical", "appeal", "nima")
    examples = replace(examples, priors=computed_priors(names, examples.items, extractor.names))
    return learn_taste(examples, extractor.names, extractor.version, prior_names=names, repeats=1, network=EFFICIENTNET)


def tensor(pixels, dtype=torch.float32):
    return torch.tensor(pixels / 255, dtype=dtype).permute(2, 0, 1)[None]


def test_items_are_those_of_the_extractors(pictures, extractor):
    for pixels in pictures:
        exact = extractor.extract(pixels)[0]
        found = items_of(extractor, SmoothViews(tensor(pixels))).numpy()
        assert found == pytest.approx(exact, rel=TOLERANCE, abs=TOLERANCE)


def test_settings_of_the_extractors_are_kept(drawings):
    extractor = SoartExtractor(scales=2, representations=("normalised",), metrics=("Y3", "Y1"), side=32)
    found = items_of(extractor, SmoothViews(tensor(drawings[0]))).numpy()
    assert found == pytest.approx(extractor.extract(drawings[0])[0], rel=TOLERANCE, abs=TOLERANCE)


def smooth_colours(side, seed):
    """A picture without equal channels and neighbours, where the items have no kinks."""
    noise = np.random.default_rng(seed).normal(size=(side, side, 3))
    smooth = ndimage.gaussian_filter(noise, (1.5, 1.5, 0))
    return torch.tensor(0.5 + 0.15 * smooth / smooth.std()).clamp(0.02, 0.98).permute(2, 0, 1)[None]


@pytest.mark.parametrize(
    "extractor",
    [SoartExtractor(), ColourExtractor(), QualityExtractor(), None],
    ids=["soart", "colour", "quality", "network"],
)
def test_derivatives_are_those_of_differences(extractor):
    extractor = extractor or taste_extractor(EFFICIENTNET).parts[-1]
    picture = smooth_colours(40, 1).requires_grad_()
    weights = torch.tensor(np.random.default_rng(2).normal(size=len(extractor.names)))

    def combination(picture):
        return items_of(extractor, SmoothViews(picture, rounded=False)) @ weights

    assert torch.autograd.gradcheck(combination, picture, eps=1e-6, atol=1e-3, rtol=1e-3, fast_mode=True)


def test_what_counts_pixels_is_held_fixed(drawings):
    names = QualityExtractor().names
    picture = tensor(drawings[1]).requires_grad_()
    items = items_of(QualityExtractor(), SmoothViews(picture))
    for name in FIXED:
        (derivative,) = torch.autograd.grad(items[names.index(f"quality/{name}")], picture, retain_graph=True)
        assert not derivative.any()
    (derivative,) = torch.autograd.grad(items[names.index("quality/luma/q50")], picture)
    assert derivative.any()


def test_scores_are_those_of_the_judges(pictures):
    overall, technical = OverallJudge.load(), TechnicalJudge.load()
    judges = [(overall, models.overall_score), (technical, models.technical_score)]
    judges += [(TechnicalJudge.detector(name), models.technical_score) for name in DETECTORS[:1]]
    for pixels in pictures[:2]:
        for judge, twin in judges:
            value, derivative = differentiate(partial(twin, judge), judge.extractor, pixels / 255)
            assert value == pytest.approx(judge.score(judge.extractor.extract(pixels))[0], rel=TOLERANCE, abs=TOLERANCE)
            assert derivative.shape == pixels.shape
            assert np.isfinite(derivative).all()
            assert derivative.any()


def test_large_and_grey_pictures_have_the_score_of_the_judge(drawings, extractor):
    judge = OverallJudge.load()
    items, scores = judge.extractor.extract(drawings[5])[0].astype(float), set()
    for side, grey in ((64, False), (256, False), (512, False), (512, True)):
        own = items.copy()
        own[extractor.names.index("quality/side")] = side
        own[extractor.names.index("colour/chroma/q95")] = 0 if grey else 0.3
        value = float(models.overall_score(judge, torch.tensor(own)))
        assert value == pytest.approx(judge.score(own[None])[0], rel=TOLERANCE)
        scores.add(round(value, 6))
    assert len(scores) == 4


def test_appeal_is_that_of_the_model(pictures, extractor):
    for pixels in pictures[:2]:
        exact = appeal_model().scores(extractor.extract(pixels), extractor.names)[0]
        assert differentiate(partial(models.appeal, names=extractor.names), extractor, pixels / 255)[
            0
        ] == pytest.approx(exact, rel=TOLERANCE)


def test_scores_are_those_of_tastes_and_blends(pictures, taste, extractor):
    for one in (taste, blend("both", [taste, replace(taste, name="other", calibration=(2.0, 0.3))], [1, 3])):
        for pixels in pictures[:2]:
            items = extractor.extract(pixels)
            value, derivative = differentiate(partial(tastes.taste_score, one), extractor, pixels / 255)
            assert value == pytest.approx(one.score(items, useless_ok=True)[0], rel=TOLERANCE)
            liking, _ = differentiate(partial(tastes.liking, one), extractor, pixels / 255)
            assert liking == pytest.approx(one.liking(items)[0], rel=TOLERANCE, abs=TOLERANCE)
            assert np.isfinite(derivative).all()
            assert derivative.any()


def test_functions_of_items_have_the_derivative_of_differences(drawings, taste):
    overall = OverallJudge.load()
    items = overall.extractor.extract(drawings[5])[0, :-1]
    items = torch.tensor(items + 1e-3 * np.random.default_rng(3).normal(size=len(items)))
    items.requires_grad_()

    for score in (partial(tastes.taste_score, taste), partial(models.overall_score, overall)):

        def value(own, score=score):
            # The last item is the number of a reason.
            return score(torch.cat([own, own.new_zeros(1)]))

        assert torch.autograd.gradcheck(value, items, eps=1e-6, atol=1e-5, rtol=1e-3, fast_mode=True)


def test_a_step_along_the_derivative_raises_the_value(drawings, taste, extractor):
    value = partial(tastes.liking, taste)
    before, derivative = differentiate(value, extractor, drawings[2] / 255)
    moved = np.clip(drawings[2] / 255 + 0.02 * np.sign(derivative), 0, 1)
    after = taste.liking(extractor.extract(np.rint(moved * 255).astype(np.uint8)))[0]
    assert after > before


def test_plain_pictures_have_finite_derivatives():
    overall = OverallJudge.load()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for value in (0, 128, 255):
            _, derivative = differentiate(
                partial(models.overall_score, overall), overall.extractor, np.full((32, 48, 3), value / 255)
            )
            assert np.isfinite(derivative).all()


def test_a_value_that_does_not_depend_on_the_picture_has_no_derivative(drawings, extractor):
    value, derivative = differentiate(lambda items: items.new_tensor(3.0), extractor, drawings[0] / 255)
    assert (value, derivative.any()) == (3.0, False)


def test_other_extractors_have_no_gradient(extractor):
    class Other:
        names, version = ("x",), "1"

        def extract(self, images):
            return np.zeros((1, 1))

    assert has_gradient(extractor)
    assert not has_gradient(Other())
