from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from soart.errors import ProfileError
from soart.metrics.damage.scorer import DETECTORS, TechnicalScorer
from soart.pipelines.tiny.render import render
from soart.pipelines.tiny.words import random_scene


@pytest.fixture(scope="module")
def scorer():
    return TechnicalScorer.load()


@pytest.fixture(scope="module")
def scenes():
    """Undamaged renderings, float in 0…1."""
    rng = np.random.default_rng(77)
    names = [random_scene(rng) for _ in range(24)]
    return [render(replace(scene, quality="sharp"), rng) / 255.0 for scene in names]


def scores(scorer, pictures):
    return scorer.score(np.stack([scorer.extractor.extract(np.clip(p, 0, 1))[0] for p in pictures]))


def test_score_falls_with_damage(scorer, scenes):
    rng = np.random.default_rng(2)
    clean = scores(scorer, scenes)
    blurred = [scores(scorer, [ndimage.gaussian_filter(p, (s, s, 0)) for p in scenes]) for s in (0.8, 2.0)]
    noisy = [scores(scorer, [p + s * rng.standard_normal(p.shape) for p in scenes]) for s in (0.1, 0.25)]
    faded = scores(scorer, [0.5 + 0.3 * (p - 0.5) for p in scenes])
    for worse in (*blurred, *noisy, faded):
        assert (clean > worse).mean() >= 0.7
    assert blurred[0].mean() > blurred[1].mean()
    assert noisy[0].mean() > noisy[1].mean()


def test_reasons_add_up_to_the_score(scorer, scenes):
    items = scorer.extractor.extract(scenes[0])
    reasons = scorer.explain(items, top=1000)[0]
    assert sum(r.contribution for r in reasons) == pytest.approx(scorer.score(items)[0] - 100, abs=1e-6)
    assert abs(reasons[0].contribution) == max(abs(r.contribution) for r in reasons)


def test_nothing_is_much_better_than_undamaged(scorer):
    """Far out in the good direction, beyond all learning pictures, scores rise to a ceiling and keep their order."""
    far = np.linspace(0, 8, 60)[:, None] * np.sign(scorer.weights) * scorer.scale + scorer.centre
    evidence, values = scorer.evidence(far), scorer.score(far)
    assert evidence.max() > 1000
    assert (np.diff(values)[np.diff(evidence) > 0] >= 0).all()
    assert 100 + 0.99 * scorer.headroom < values.max() <= 100 + scorer.headroom
    below = scorer.centre - (far[1:] - scorer.centre)
    assert np.allclose(scorer.score(below), 100 + scorer.evidence(below))
    for row, score in zip(scorer.explain(far[1:], top=1000), values[1:], strict=True):
        assert sum(r.contribution for r in row) == pytest.approx(score - 100)
    # The mean clean picture itself has no reasons.
    assert {r.contribution for r in scorer.explain(far[:1], top=3)[0]} == {0.0}


def test_detectors_use_colours_too(scenes):
    faded = np.stack([TechnicalScorer.detector("fade").extractor.extract(0.5 + 0.3 * (p - 0.5))[0] for p in scenes])
    reasons = {r.text for row in TechnicalScorer.detector("fade").explain(faded, top=3) for r in row}
    assert reasons & {"lightness", "saturation", "hues"}


def test_round_trip(scorer, tmp_path):
    scorer.save(tmp_path / "p.safetensors")
    again = TechnicalScorer.load(tmp_path / "p.safetensors")
    items = np.random.default_rng(0).standard_normal((3, len(scorer.names)))
    assert np.array_equal(again.score(items), scorer.score(items))


def test_wrong_items(scorer):
    with pytest.raises(ProfileError, match="shape"):
        scorer.score(np.zeros((2, 3)))
    with pytest.raises(ProfileError, match="finite"):
        scorer.score(np.full((1, len(scorer.names)), np.nan))


def test_damaged_or_foreign_profile(scorer, tmp_path):
    with pytest.raises(ProfileError, match="cannot be read"):
        TechnicalScorer.load(tmp_path / "none.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"12345678901234")
    with pytest.raises(ProfileError, match="cannot be read"):
        TechnicalScorer.load(tmp_path / "cut.safetensors")
    foreign = TechnicalScorer(scorer.names[:5], scorer.centre, scorer.scale, scorer.weights, scorer.extractor)
    foreign.save(tmp_path / "foreign.safetensors")
    with pytest.raises(ProfileError, match="learnt on items"):
        TechnicalScorer.load(tmp_path / "foreign.safetensors")


def test_detectors_find_their_own_damage(scenes):
    rng = np.random.default_rng(9)
    damages = {
        "blur": lambda p: ndimage.gaussian_filter(p, (1.5, 1.5, 0)),
        "noise": lambda p: p + rng.normal(0, 0.1, p.shape),
        "fade": lambda p: 0.5 + 0.35 * (p - 0.5),
        "pixelate": lambda p: np.kron(p[::4, ::4], np.ones((4, 4, 1))),
    }
    for name, damage in damages.items():
        detector = TechnicalScorer.detector(name)
        assert np.mean(scores(detector, scenes) > scores(detector, [damage(p) for p in scenes])) > 0.8
    assert {TechnicalScorer.detector(name).stored_name for name in DETECTORS} == {f"{name}-2" for name in DETECTORS}
    with pytest.raises(ProfileError, match=r"detector among blur, noise, .*got '\.\./x'"):
        TechnicalScorer.detector("../x")
