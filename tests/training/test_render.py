import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from soart.pipelines.tiny.words import FACTORS, PALETTES, QUALITIES, SETTINGS, WEATHERS
from soart.training.captions import Scene, caption, corpus, random_scene
from soart.training.pen import LIGHT, MAIN, RIM, SECOND, SKY
from soart.training.render import palette_colors, render
from soart.training.surroundings import random_stage, stage_map, surrounded_colors


def rendered(seed=0, **change):
    scene = {"subject": "boat", "palette": "warm", "style": "flat", "quality": "sharp", **change}
    return render(Scene(**scene), np.random.default_rng(seed))


def test_palettes_have_their_hues():
    mean = {palette: rendered(palette=palette).reshape(-1, 3).mean(0) for palette in PALETTES}
    assert mean["warm"][0] > mean["warm"][2] + 40
    assert mean["cool"][2] > mean["cool"][0] + 40
    assert np.ptp(mean["monochrome"]) == 0
    assert mean["neon"].mean() < 90 < 180 < mean["pastel"].mean()


def test_qualities_change_the_picture():
    def roughness(picture):
        gray = picture.mean(2)
        return np.abs(gray - ndimage.uniform_filter(gray, 3)).mean()

    rough = {q: roughness(rendered(quality=q)) for q in QUALITIES}
    assert rough["blurry"] < rough["faded"] < rough["sharp"] < rough["noisy"]
    assert rendered(quality="faded").std() < 0.6 * rendered(quality="sharp").std()
    assert rendered(quality="vivid").std() > rendered(quality="sharp").std()


def test_captions_say_only_what_is_true():
    rng = np.random.default_rng(5)
    for _ in range(300):
        scene = random_scene(rng)
        text = f" {caption(scene, rng).replace(',', ' ')} "
        for name in ("subject", "palette", "setting"):
            shown = {getattr(scene, name), scene.second if name == "subject" else ""} - {""}
            others = {o: w for o, w in FACTORS[name].items() if o not in shown}
            said = [w for words in others.values() for w in words if f" {w} " in text]
            allowed = [w for option in shown for w in FACTORS[name][option]]
            assert not [w for w in said if not any(w in a for a in allowed)], (scene, text)


def test_two_subjects_stand_side_by_side_and_the_left_one_is_named_first():
    scene = Scene("boat", "warm", "flat", "sharp", second="fox")
    [(first, left), (second, right)] = random_stage(scene, np.random.default_rng(2)).subjects
    assert left.x + left.size - 0.02 < right.x - right.size < 0.6
    for text in (caption(scene, np.random.default_rng(s)) for s in range(60)):
        found = [re.search("|".join(FACTORS["subject"][name]), text) for name in (first, second)]
        assert not any(found) or found[0].start() < found[1].start()


@pytest.mark.parametrize("around", [{"weather": w} for w in WEATHERS] + [{"setting": s} for s in SETTINGS])
@pytest.mark.parametrize("palette", PALETTES)
def test_surroundings_change_what_is_behind_and_leave_the_subject_clear(palette, around):
    alone = Scene("cactus", palette, "flat", "sharp")
    before, roles = (stage_map(random_stage(s, np.random.default_rng(1))) for s in (alone, replace(alone, **around)))
    colors = surrounded_colors(palette_colors(palette, np.random.default_rng(1)), replace(alone, **around))
    body = (before >= MAIN) & (before <= LIGHT)
    assert (roles[body] == before[body]).mean() > 0.9
    assert (roles[~body] != before[~body]).mean() > 0.03
    assert np.abs(colors[SECOND] - colors[[RIM, SKY]]).max() > 0.15


def test_captions_vary_and_repeat_by_seed():
    scene = Scene("fox", "neon", "pixel", "noisy", "far")
    texts = [caption(scene, np.random.default_rng(s)) for s in range(60)]
    assert len(set(texts)) > 50
    assert texts == [caption(scene, np.random.default_rng(s)) for s in range(60)]
    assert {"fox", "neon", "pointillism"} <= set(corpus())
