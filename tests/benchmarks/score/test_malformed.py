"""Malformed versions of pictures."""

import numpy as np
from PIL import Image

from soart.benchmarks.score.malformed import aucs, versions, within


def test_malformed_versions_differ_in_places_only():
    picture = np.asarray(Image.effect_mandelbrot((120, 100), (-2, -1.2, 1, 1.2), 30).convert("RGB"))
    for seed in range(6):
        sound, malformed = versions(picture, np.random.default_rng(seed))
        assert sound.shape == malformed.shape == picture.shape
        changed = (np.abs(sound.astype(int) - malformed).max(axis=2) > 8).mean()
        assert 0 < changed < 0.6


def test_thirds_are_compared_within_prompts():
    prompts = np.repeat(["a", "b"], 9)
    ticks = np.tile(np.arange(9) / 9, 2)
    assert aucs(-ticks, ticks, prompts) == [1.0, 1.0]
    assert (
        within(ticks + (prompts == "b"), prompts).round(6).tolist()
        == np.tile(within(ticks[:9], prompts[:9]), 2).round(6).tolist()
    )
