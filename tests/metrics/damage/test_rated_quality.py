"""Rated quality: what the shipped models say of pictures."""

import numpy as np
import pytest
from scipy import ndimage

from soart.metrics.damage.rated_quality import TOP, RatedQuality, rated_appearance_model, rated_quality_model
from soart.metrics.items.combined import default_network, taste_extractor


def test_the_highest_rated_quality_costs_nothing():
    model = rated_quality_model()
    left = model.shares_left(np.array([0.0, 0.5, TOP, 1.0, np.nan]))
    assert np.allclose(left[1:], [0.5 / TOP, 1, 1, model.usual / TOP])
    assert 0 < left[0] < 0.1


def scene(side=512):
    """Hills under a sky, with grass."""
    rng, (y, x) = np.random.default_rng(4), np.mgrid[:side, :side] / side
    picture = np.stack([0.45 + 0.3 * y, 0.6 + 0.2 * y, 0.9 - 0.1 * y], axis=2)
    for level, colour in ((0.5, (0.35, 0.45, 0.35)), (0.62, (0.25, 0.42, 0.2)), (0.78, (0.2, 0.35, 0.1))):
        ridge = level + 0.06 * np.sin(5 * x + 20 * level) + 0.02 * np.sin(17 * x + 9 * level)
        grain = ndimage.gaussian_filter(rng.normal(size=(side, side)), (2, 0.7))
        shade = np.array(colour) * (1 + 1.2 * grain[:, :, None])
        picture[y > ridge] = shade[y > ridge]
    return (255 * np.clip(picture, 0, 1)).astype(np.uint8)


def test_the_shipped_model_prefers_sound_pictures():
    extractor, model = taste_extractor(default_network()), rated_quality_model()
    rng, sound = np.random.default_rng(1), scene()
    damaged = [
        ndimage.gaussian_filter(sound, (3, 3, 0)),
        np.clip(sound + rng.normal(0, 40, sound.shape), 0, 255).astype(np.uint8),
        (sound * 0.15).astype(np.uint8),
        np.kron(sound[::6, ::6], np.ones((6, 6, 1), dtype=np.uint8))[:512, :512],
    ]
    scores = model.scores(np.concatenate([extractor.extract(p) for p in (sound, *damaged)]), extractor.names)
    assert (scores[0] > scores[1:] + 0.05).all()
    assert ((scores > 0) & (scores < 1)).all()
    half = model.scores(extractor.extract(sound.reshape(256, 2, 256, 2, 3).mean(axis=(1, 3)) / 255), extractor.names)
    assert abs(half[0] - scores[0]) < 0.15


def test_rated_quality_from_appearance_needs_no_network_and_does_not_mind_mirrors():
    extractor, model, sound = taste_extractor(), rated_appearance_model(), scene()
    assert model.names == extractor.names
    damaged = [
        ndimage.gaussian_filter(sound, (3, 3, 0)),
        np.clip(sound + np.random.default_rng(1).normal(0, 40, sound.shape), 0, 255).astype(np.uint8),
        np.kron(sound[::6, ::6], np.ones((6, 6, 1), dtype=np.uint8))[:512, :512],
    ]
    scores = model.scores(np.concatenate([extractor.extract(p) for p in (sound, *damaged)]), extractor.names)
    assert (scores[0] > scores[1:]).all()
    turned = [sound[:, ::-1], np.rot90(sound), np.rot90(sound, 2), sound.transpose(1, 0, 2)]
    for other in turned:
        again = model.scores(extractor.extract(np.ascontiguousarray(other)), extractor.names)
        assert again[0] == pytest.approx(scores[0], abs=0.02)


def test_the_shipped_model_is_of_all_items_of_the_default_network():
    model = rated_quality_model()
    assert isinstance(model, RatedQuality)
    assert model.names == taste_extractor(default_network()).names
    assert np.isfinite(model.weights).all()
    assert 0.5 < model.usual < 0.8
