import numpy as np
from scipy import ndimage

from soart.pipelines.tiny.words import FACTORS, PALETTES, QUALITIES
from soart.training.captions import Scene, caption, corpus, random_scene
from soart.training.render import render


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
        for name in ("subject", "palette"):
            others = {o: w for o, w in FACTORS[name].items() if o != getattr(scene, name)}
            said = [w for words in others.values() for w in words if f" {w} " in text]
            allowed = list(FACTORS[name][getattr(scene, name)])
            assert not [w for w in said if not any(w in a for a in allowed)], (scene, text)


def test_captions_vary_and_repeat_by_seed():
    scene = Scene("fox", "neon", "pixel", "noisy", "far")
    texts = [caption(scene, np.random.default_rng(s)) for s in range(60)]
    assert len(set(texts)) > 50
    assert texts == [caption(scene, np.random.default_rng(s)) for s in range(60)]
    assert {"fox", "neon", "pointillism"} <= set(corpus())
