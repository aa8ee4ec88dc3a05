"""The overall score: a product of parts, and the share of reference pictures whose product is smaller."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from soart.errors import TasteError
from soart.metrics.damage.names import FAULTS_VERSION
from soart.metrics.damage.rated_quality import LEAST, TOP, rated_appearance_model, rated_quality_model
from soart.metrics.damage.reasons import contributions, than_others
from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.tastes import overall
from soart.metrics.tastes.appeal import appeal_model
from soart.metrics.tastes.overall import (
    ALIKE,
    BEST_MARK,
    HALVINGS,
    MARK_WEIGHT,
    MIDDLE,
    POWER,
    SHARES,
    SLOPE,
    USUAL_MARK,
    USUAL_UNLIKENESS,
    WEIGHTS_VERSION,
    OverallJudge,
    alike_of,
    lines_at,
    points_of,
    ratings_of,
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


def test_tells_the_product_of_its_parts_by_reference_pictures(judge, items, large, tiny):
    technical, names = TechnicalJudge.load(), judge.extractor.names
    quality = items[:, : len(technical.extractor.names)]
    for rows in (items, large, tiny):
        shares = 1 / (1 + np.exp(-SLOPE * (appeal_model().scores(rows, names) - MIDDLE)))
        rated = rated_quality_model().scores(rows, names)
        # Of pictures below 64 pixels the rated quality is not known, so it counts as usual.
        assert np.isnan(rated).all() == (rows is tiny)
        left = np.clip(np.nan_to_num(rated, nan=rated_quality_model().usual) / TOP, LEAST, 1)
        unlikeness = rated_appearance_model().unlikeness(rows, names)
        # It is known from 256 pixels on.
        assert np.isnan(unlikeness).all() == (rows is not large)
        left = left * np.minimum(ALIKE / np.nan_to_num(unlikeness, nan=USUAL_UNLIKENESS), 1)
        freedom = technical.freedom_from_faults(rows[:, : quality.shape[1]])
        # NIMA tells from 64 pixels on, of pictures of more than one tone.
        marks = judge.marks(rows)
        told = freedom > 0
        assert np.isnan(marks).tolist() == ([True] if rows is tiny else (~told).tolist())
        mark = np.exp(MARK_WEIGHT * (np.nan_to_num(marks, nan=USUAL_MARK) - BEST_MARK))
        product = (freedom / 100) ** POWER * shares * np.sqrt(left) * mark
        assert judge.score(rows)[told] == pytest.approx(points_of(-np.log2(product[told])))
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


def test_points_are_the_share_of_reference_pictures_and_never_the_same():
    assert points_of(np.array(HALVINGS)) == pytest.approx(100 * (1 - np.array(SHARES)))
    steps = np.array([0.0, *HALVINGS, HALVINGS[-1] + 5])
    points = points_of(np.sort(np.concatenate([steps, steps + 0.01])))
    assert (np.diff(points) < 0).all()
    assert 0 < points.min() < points.max() < 100
    assert points_of(np.array([np.inf])) == 0
    near, logits, slope = lines_at(steps)
    shares = points_of(steps) / 100
    assert np.log(shares / (1 - shares)) == pytest.approx(logits + (steps - near) * slope)


def test_a_mark_counts_up_to_the_best_one_and_as_usual_where_it_is_not_known():
    found = ratings_of(np.array([BEST_MARK - 1, BEST_MARK, BEST_MARK + 1, USUAL_MARK, np.nan]))
    assert found == pytest.approx([np.exp(-MARK_WEIGHT), 1, 1, *2 * [np.exp(MARK_WEIGHT * (USUAL_MARK - BEST_MARK))]])


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
    far = large[:1].copy()
    names = judge.extractor.names
    texture = [n for n, name in enumerate(names) if name.startswith("normalised/")]
    far[:, texture] *= 5
    assert judge.unlikeness(far)[0] > judge.unlikeness(large[:1])[0]
    texts = [reason.text for reason in judge.explain(far, np.concatenate([large[:1], far]))[0]]
    assert "looks less like photographs and art than the other" in texts


def test_grey_pictures_are_not_unlike_for_want_of_colours(judge):
    rng = np.random.default_rng(8)
    picture = np.kron(render(random_scene(rng), rng) / 255.0, np.ones((4, 4, 1)))
    grey = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    coloured, without = judge.unlikeness(judge.extractor.extract(np.stack([picture, grey])).astype(float))
    assert without < 1.15 * coloured


def test_the_parts_make_the_score(judge, items, large, tiny):
    """Whatever the formula: the reasons are exact only if its parts are those that the judge tells."""
    both = np.concatenate([items[:8], large, tiny])
    assert points_of(judge.parts(both).matrix.sum(axis=0)) == pytest.approx(judge.score(both))
    assert (judge.parts(both).matrix >= 0).all()


def test_reasons_add_up_to_the_difference_from_the_reference(judge, items, large, tiny):
    both = np.concatenate([items[:8], large, tiny])
    reference = points_of(judge.parts(both).matrix.sum(axis=0).mean())
    for row, points in zip(judge.explain(both, both), judge.score(both), strict=True):
        assert sum(r.contribution for r in row) == pytest.approx(points - reference, abs=1e-9)
    assert [reason.text for reason in judge.explain(items[8:])[0]] == ["all black"]
    texts = [[reason.text for reason in row] for row in judge.explain(items[6:8], items[:8])]
    assert any("blurred" in text for text in texts[0])
    assert any("noisy" in text for text in texts[1])


@given(seed=st.integers(0, 10**6), parts=st.integers(1, 6), others=st.integers(1, 9), alike=st.booleans())
def test_contributions_of_any_product_are_exact(seed, parts, others, alike):
    rng = np.random.default_rng(seed)
    own, among = rng.exponential(0.5, (parts, 5)), rng.exponential(0.5, (parts, others))
    usual = own[:, :1] if alike else among.mean(axis=1, keepdims=True)
    added = contributions(own, usual)
    scores = 100 * 2 ** -own.sum(axis=0)
    assert added.sum(axis=0) == pytest.approx(scores - 100 * 2 ** -usual.sum(), abs=1e-9)
    # A part that costs less than in the reference lifts, one that costs more lowers.
    assert (np.sign(added) == np.sign(usual - own)).all()


def test_reasons_tell_how_many_would_like_it_and_its_quality(judge, large):
    texts = [{reason.text for reason in row} for row in judge.explain(large, large)]
    shares, rated, marks = judge.shares(large), judge.rated(large), judge.marks(large)
    assert "composed and lit more like highly rated photographs than all others" in texts[int(marks.argmax())]
    assert "composed and lit less like highly rated photographs than all others" in texts[int(marks.argmin())]
    assert "better liked content than all others" in texts[int(shares.argmax())]
    assert "less liked content than all others" in texts[int(shares.argmin())]
    assert "better quality than all others" in texts[int(rated.argmax())]
    assert "poorer quality than all others" in texts[int(rated.argmin())]
    assert any(
        "liked content" in text and text.endswith("usual") for text in {r.text for r in judge.explain(large[:1])[0]}
    )


@pytest.mark.parametrize(
    ("share", "count", "words"),
    [
        (0.995, 100, "than all others"), (0.75, 2, "than the other"), (0.93, 30, "than 9 in 10 of these"),
        (0.75, 9, "than most"), (0.6, 100, "than most"), (0.3, 100, "than the average of these"), (0.0, 0, "than usual"),
    ],
)  # fmt: skip
def test_comparisons_in_words(share, count, words):
    assert than_others("sharper", share, count) == f"sharper {words}"


def test_places_of_faults(judge):
    rng = np.random.default_rng(3)
    picture = np.asarray(Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)).resize((384, 384)))
    noisy = picture.astype(float)
    noisy[128:, :256] += rng.normal(0, 80, (256, 256, 1))
    pixels = np.clip(noisy, 0, 255).astype(np.uint8)
    rows = judge.extractor.extract(pixels)
    [explained] = judge.explain(rows, None, judge.places(pixels, rows))
    [technical] = judge.technical.explain(rows, None, judge.technical.places(pixels, rows))
    places = {text for r in technical if ", " in (text := r.text)}
    assert places
    assert places <= {reason.text for reason in explained}


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
    assert judge.stored_name == f"overall-{FAULTS_VERSION:02d}02020201{WEIGHTS_VERSION:02d}"
    monkeypatch.setattr(overall, "APPEAL_VERSION", "appeal-11")
    monkeypatch.setattr(overall, "RATED_QUALITY_VERSION", "rated-quality-12")
    assert judge.stored_name.endswith(f"11120201{WEIGHTS_VERSION:02d}")


def test_it_names_itself_and_the_items_it_needs(judge):
    assert judge.name == "overall"
    assert judge.stored_name == f"overall-{judge.version}"
    assert "+".join(kind.version for kind in judge.kinds) == judge.extractor.version
    assert any(name.startswith("deep/") for name in judge.extractor.names)
