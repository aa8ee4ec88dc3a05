"""The overall score: the product of the freedom from faults, the share of people who would like the picture, and its quality."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from soart.errors import TasteError
from soart.metrics.damage.names import FAULTS_VERSION
from soart.metrics.damage.rated_quality import LEAST, TOP, RatedQuality, rated_quality_model
from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.tastes import overall
from soart.metrics.tastes.appeal import Appeal, appeal_model
from soart.metrics.tastes.overall import (
    ALIKE,
    MIDDLE,
    SLOPE,
    USUAL_UNLIKENESS,
    WEIGHTS_VERSION,
    OverallJudge,
    alike_of,
    qualities_of,
    shares_of,
    words_of,
)
from soart.training.captions import random_scene
from soart.training.render import render


@pytest.fixture(scope="module")
def judge():
    return OverallJudge.load()


@pytest.fixture(scope="module")
def items(judge):
    """Items of six drawings, of the first blurred and noisy, and of a black picture."""
    rng = np.random.default_rng(5)
    scenes = [render(replace(random_scene(rng), quality="sharp"), rng) / 255.0 for _ in range(6)]
    blurred = ndimage.gaussian_filter(scenes[0], (2, 2, 0))
    noisy = np.clip(scenes[0] + rng.normal(0, 0.2, scenes[0].shape), 0, 1)
    return judge.extractor.extract(np.stack([*scenes, blurred, noisy, np.zeros_like(blurred)])).astype(float)


@pytest.fixture(scope="module")
def large(judge):
    """Items of three drawings of 256 pixels, the last one blurred."""
    rng = np.random.default_rng(6)
    scenes = [np.kron(render(random_scene(rng), rng) / 255.0, np.ones((4, 4, 1))) for _ in range(2)]
    return judge.extractor.extract(np.stack([*scenes, ndimage.gaussian_filter(scenes[0], (6, 6, 0))])).astype(float)


@pytest.fixture(scope="module")
def tiny(judge):
    """Items of a drawing of 48 pixels."""
    rng = np.random.default_rng(7)
    return judge.extractor.extract(render(random_scene(rng), rng)[8:56, 8:56] / 255.0).astype(float)


def test_is_the_product_of_its_parts(judge, items, large, tiny):
    technical, names = TechnicalJudge.load(), judge.extractor.names
    quality = items[:, : len(technical.extractor.names)]
    for rows in (items, large, tiny):
        shares = 1 / (1 + np.exp(-SLOPE * (appeal_model().scores(rows, names) - MIDDLE)))
        rated = rated_quality_model().scores(rows, names)
        # Of pictures below 64 pixels the rated quality is not known, so it counts as usual.
        assert np.isnan(rated).all() == (rows is tiny)
        left = np.clip(np.nan_to_num(rated, nan=rated_quality_model().usual) / TOP, LEAST, 1)
        unlikeness = rated_quality_model().unlikeness(rows, names)
        # It is known from 256 pixels on.
        assert np.isnan(unlikeness).all() == (rows is not large)
        left = left * np.minimum(ALIKE / np.nan_to_num(unlikeness, nan=USUAL_UNLIKENESS), 1)
        freedom = technical.freedom_from_faults(rows[:, : quality.shape[1]])
        assert np.allclose(judge.score(rows), freedom * shares * np.sqrt(left))
    rated = rated_quality_model().scores(large, names)
    assert rated[2] < rated[0]
    assert judge.verdicts(items) == technical.verdicts(quality)
    assert judge.score(items)[0] > judge.score(items)[[6, 7]].max()
    assert judge.score(items)[8] == 0


def test_a_pickled_score_is_the_same_score(judge, items):
    again = pickle.loads(pickle.dumps(judge))  # noqa: S301
    assert again.stored_name == judge.stored_name
    assert np.array_equal(again.score(items), judge.score(items))
    picture = np.random.default_rng(0).random((40, 40, 3))
    assert np.array_equal(again.extractor.extract(picture), judge.extractor.extract(picture))


def test_half_of_the_people_like_the_middle(judge):
    shares = shares_of(np.array([-50.0, MIDDLE - 1, MIDDLE, MIDDLE + 1, 50.0]))
    assert shares[2] == 0.5
    assert shares[1] == pytest.approx(1 - shares[3])
    assert (np.diff(shares) > 0).all()
    assert shares[0] >= 0
    assert shares[-1] <= 1


def test_what_is_unlike_all_that_it_knows_costs_points(judge, large):
    known = np.array([0.1, ALIKE, USUAL_UNLIKENESS, 4 * ALIKE])
    assert alike_of(known)[[0, 1, 3]] == pytest.approx([1, 1, 0.5])
    assert alike_of(np.array([np.nan])) == alike_of(known[2:3])
    assert qualities_of(np.full(2, TOP), known[2:]) == pytest.approx(alike_of(known[2:]))
    far = large[:1].copy()
    names = judge.extractor.names
    deep = [n for n, name in enumerate(names) if name.startswith("deep/3/")]
    far[:, deep] *= 5
    assert judge.unlikeness(far)[0] > judge.unlikeness(large[:1])[0]
    texts = [reason.text for reason in judge.explain(far, top=99)[0]]
    assert sum(text.startswith("unlike ") for text in texts) == 1


def test_grey_pictures_are_not_unlike_for_want_of_colours(judge):
    rng = np.random.default_rng(8)
    picture = np.kron(render(random_scene(rng), rng) / 255.0, np.ones((4, 4, 1)))
    grey = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    coloured, without = judge.unlikeness(judge.extractor.extract(np.stack([picture, grey])).astype(float))
    assert without < 1.15 * coloured


def test_reasons_add_up_to_the_score(judge, items, large, tiny):
    both = np.concatenate([items, large, tiny])
    for row, points in zip(judge.explain(both, top=1000), judge.score(both), strict=True):
        assert sum(r.contribution for r in row) == pytest.approx(points - 100, abs=1e-6)
        assert all(r.contribution <= 0 for r in row)
        assert row[0].contribution == min(r.contribution for r in row)
    assert judge.explain(items, top=0) == [[]] * len(items)
    assert [reason.text for reason in judge.explain(items[8:])[0]] == ["all black"]
    texts = [[reason.text for reason in row] for row in judge.explain(items[6:8], top=4)]
    assert any("blurred" in text for text in texts[0])
    assert any("noisy" in text for text in texts[1])


def test_reasons_tell_how_many_would_like_it(judge, items, monkeypatch):
    """The cost of the content is in proportion to the halvings: a quarter of the people are two."""
    row = items[:1]
    technical = judge.technical.freedom_from_faults(row)[0] / 100
    quality = judge.qualities(row)[0]
    for share, words in ((0.9, "a few"), (0.7, "some"), (0.5, "about half"), (0.25, "most"), (0.1, "hardly")):
        level = MIDDLE + np.log(share / (1 - share)) / SLOPE
        flat = Appeal((), np.zeros(0), np.ones(0), np.zeros((0, 1)), np.zeros((0, 1)), np.zeros(0), level)
        monkeypatch.setattr(overall, "appeal_model", lambda flat=flat: flat)
        [reason] = [r for r in judge.explain(row, top=99)[0] if r.text.startswith("what it shows: ")]
        assert words in reason.text
        halvings = -np.log2(share)
        # Of a small picture unlikeness is not known: all causes share what it costs.
        part = halvings / (halvings - np.log2(technical * quality / alike_of(np.array([np.nan]))[0]))
        assert reason.contribution == pytest.approx(part * (100 * technical * share * quality - 100))


def test_reasons_tell_how_its_quality_would_be_rated(judge, tiny, large, monkeypatch):
    names = judge.extractor.names
    for rated, words in (
        (0.95, None),
        (0.8, "fairly high"),
        (0.6, "middling"),
        (0.4, "as low"),
        (0.01, "very low"),
    ):
        nothing = np.zeros(len(names))
        flat = RatedQuality(names, nothing, nothing + 1, nothing, rated, 0.5)
        monkeypatch.setattr(overall, "rated_quality_model", lambda flat=flat: flat)
        reasons = [r for r in judge.explain(large[:1], top=99)[0] if r.text.startswith("quality: ")]
        assert [words in reason.text for reason in reasons] == ([True] if words else [])
        assert not any(r.text.startswith("quality: ") for r in judge.explain(tiny, top=99)[0])


def test_places_of_faults(judge):
    rng = np.random.default_rng(3)
    picture = np.asarray(Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)).resize((384, 384)))
    noisy = picture.astype(float)
    noisy[128:, :256] += rng.normal(0, 80, (256, 256, 1))
    pixels = np.clip(noisy, 0, 255).astype(np.uint8)
    rows = judge.extractor.extract(pixels)
    explained = judge.explain_picture(pixels, rows, top=99)
    places = {text for r in judge.technical.explain_picture(pixels, rows, top=99) if ", " in (text := r.text)}
    assert places
    assert places <= {reason.text for reason in explained}
    assert sum(r.contribution for r in explained) == pytest.approx(judge.score(rows)[0] - 100)


def test_the_quality_in_words_is_told_by_whole_scores(judge, items):
    assert words_of(judge, items) == judge.verdicts(items)
    assert words_of(TechnicalJudge.detector("blur"), items[:, :2]) == [""] * len(items)


def test_wrong_items_are_refused_by_its_own_name(judge, items):
    for one in (items[:, :100], items[0]):
        for call in (judge.score, judge.shares, judge.explain):
            with pytest.raises(TasteError, match="overall-"):
                call(one)
    with pytest.raises(TasteError, match="finite"):
        judge.score(items * np.nan)
    assert judge.score(items[:0]).shape == (0,)
    assert judge.explain(items[:0]) == []


def test_the_stored_name_has_all_versions(judge, monkeypatch):
    assert judge.stored_name == f"overall-{FAULTS_VERSION:02d}0202{WEIGHTS_VERSION:02d}"
    monkeypatch.setattr(overall, "APPEAL_VERSION", "appeal-11")
    monkeypatch.setattr(overall, "RATED_QUALITY_VERSION", "rated-quality-12")
    assert judge.stored_name.endswith(f"1112{WEIGHTS_VERSION:02d}")
