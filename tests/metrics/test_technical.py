import numpy as np
import pytest
from scipy import ndimage
from soart.errors import ProfileError
from soart.metrics.technical import TechnicalScorer


@pytest.fixture(scope="module")
def scorer():
    return TechnicalScorer.load()


@pytest.fixture(scope="module")
def scenes():
    """Bright discs and boxes with crisp edges, unlike anything the profile was learnt from."""
    rng = np.random.default_rng(1)
    yy, xx = np.indices((96, 96))
    pictures = []
    for _ in range(12):
        image = np.broadcast_to(rng.uniform(0.3, 1, 3), (96, 96, 3)).copy()
        for _ in range(8):
            y, x, r = rng.uniform(0, 96, 2).tolist() + [rng.uniform(6, 24)]
            inside = np.hypot(yy - y, xx - x) < r if rng.random() < 0.5 else np.maximum(abs(yy - y), abs(xx - x)) < r
            image[inside] = rng.uniform(0, 1, 3)
        pictures.append(ndimage.uniform_filter(image, (2, 2, 0)))
    return pictures


def mean_score(scorer, pictures):
    rows = [scorer.extractor.extract(np.clip(p, 0, 1).astype(np.float32))[0] for p in pictures]
    return scorer.score(np.stack(rows)).mean()


def test_score_falls_with_damage(scorer, scenes):
    rng = np.random.default_rng(2)
    clean = mean_score(scorer, scenes)
    blurred = [mean_score(scorer, [ndimage.gaussian_filter(p, (s, s, 0)) for p in scenes]) for s in (1.0, 2.5)]
    noisy = [mean_score(scorer, [p + s * rng.standard_normal(p.shape) for p in scenes]) for s in (0.1, 0.25)]
    assert clean > blurred[0] > blurred[1]
    assert clean > noisy[0] > noisy[1]
    assert clean > mean_score(scorer, [0.5 + 0.2 * (p - 0.5) for p in scenes])


def test_reasons_add_up_to_the_score(scorer, scenes):
    items = scorer.extractor.extract(scenes[0].astype(np.float32))
    reasons = scorer.explain(items, top=1000)[0]
    assert sum(r.contribution for r in reasons) == pytest.approx(scorer.score(items)[0] - 100, abs=1e-6)
    assert abs(reasons[0].contribution) == max(abs(r.contribution) for r in reasons)


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
