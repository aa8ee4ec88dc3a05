"""Painted pictures: the plain ones in their light, and changes that look alike at both sizes."""

import numpy as np
import pytest

from soart.pipelines.tiny.words import SETTINGS, STYLES, SUBJECTS, WEATHERS
from soart.training.captions import Scene
from soart.training.changes import CHANGES, changed
from soart.training.light import halved, paint, shade
from soart.training.render import render, scene_colors
from soart.training.surroundings import random_stage


def painted(seed=0, **change):
    scene = Scene(**{"subject": "boat", "palette": "warm", "style": "flat", "quality": "sharp", **change})
    return scene, *paint(scene, np.random.default_rng(seed))


SCENES = [{"subject": subject} for subject in SUBJECTS] + [{"second": "fox", "weather": "snow"}]
SCENES += [{"setting": s, "weather": w} for s, w in zip(SETTINGS, WEATHERS, strict=True)]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("change", SCENES, ids=lambda change: " ".join(change.values()))
def test_every_picture_is_the_plain_one_in_its_light(change, style):
    scene, plain, picture = painted(style=style, **change)
    assert (picture.shape, picture.dtype) == ((128, 128, 3), np.uint8)
    assert np.array_equal(plain, render(scene, np.random.default_rng(0)))
    assert np.array_equal(picture, painted(style=style, **change)[2])
    seen = halved(picture)
    assert np.corrcoef(seen.ravel(), plain.ravel())[0, 1] > 0.45
    assert abs(seen.mean() - plain.mean()) < 30


def test_light_comes_from_the_left_and_a_shadow_falls_to_the_right():
    rng = np.random.default_rng(1)
    stage = random_stage(Scene("mushroom", "warm", "flat", "sharp"), rng)
    shaded = shade(stage, scene_colors(stage.scene, rng))
    body = shaded.roles > 1
    columns = np.arange(512) < stage.layouts[0].x * 512
    assert shaded.light[body & columns].mean() > shaded.light[body & ~columns].mean() + 0.1
    ground = shaded.roles == 1
    assert shaded.light[ground & columns].mean() > shaded.light[ground & ~columns].mean()


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_looks_alike_at_both_sizes(name):
    large = painted(subject="castle")[2]
    plain = halved(large)
    first, second = (changed(one, name, np.random.default_rng(3)) for one in (plain, large))
    assert (first.shape, second.shape) == (plain.shape, large.shape)
    apart = np.abs(first.astype(int) - halved(second)).mean()
    assert apart < 0.2 * np.abs(first.astype(int) - plain).mean()
