"""Drawing on pictures: image-to-image with the networks of tiny real pipelines, from given noise and with derivatives."""

import numpy as np
import pytest
import torch
from specimens import families
from specimens.pipeline_classes import language_models

from soart.errors import ModelError
from soart.pipelines.models.adopting import adopt
from soart.pipelines.models.drawing_on import drawing_on, fitted
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.noise import NoiseSampler, fewest_steps, refusal
from soart.plugin.diffusers import wrap

PROMPT = "a boat in cool colors"
UNSIZED = ("sd1", "sdxl")


def brightness(pixels):
    """The mean of a picture, and its derivative."""
    return float(pixels.mean()), np.full_like(pixels, 1 / pixels.size)


@pytest.fixture(scope="module")
def favourite(embedded):
    generator = ImageGenerator(embedded)
    return next(generator.draw([generator.request(PROMPT, 8, steps=4)]))[0].pixels


def apart(some, other):
    return np.abs(some.astype(float) - other).mean()


def test_little_changes_at_a_small_strength(generator, favourite):
    found = []
    for strength in (0.25, 0.5, 1.0):
        on = drawing_on(generator, favourite, strength)
        found.append(apart(next(on.draw([on.request(PROMPT, 3, steps=4)]))[0].pixels, favourite))
        assert on.model.identity.startswith(f"{generator.model.identity}+")
    assert found[0] < found[1] < found[2]
    assert on.model.pipeline.unet is generator.model.pipeline.unet
    assert on._in_use is generator._in_use


def test_pictures_on_a_picture_start_from_given_noise(generator, favourite):
    on = drawing_on(generator, favourite, 0.5)
    assert refusal(on) == ""
    sampler = NoiseSampler(on, on.request(PROMPT, 3, steps=4))
    noise = sampler.noise_of(3)
    assert float(noise.std()) == pytest.approx(1, abs=0.1)
    plain = next(on.draw([sampler.request]))[0].pixels
    assert np.array_equal(sampler.draw([noise])[0].pixels, plain)
    assert not np.array_equal(sampler.draw([-noise])[0].pixels, plain)
    value, derivative = sampler.derivative(noise, fewest_steps(on.model), brightness)
    direction = derivative * noise.norm() / derivative.norm()
    assert sampler.derivative(noise + 0.3 * direction, fewest_steps(on.model), brightness)[0] > value
    scheduler = on.model.pipeline.scheduler
    assert not {"add_noise", "step"} & {*vars(scheduler)}


@pytest.mark.parametrize("family", ["sd1", "sdxl", "sd3", "flux"])
def test_every_family_that_diffusers_knows_draws_on_pictures(family, tmp_path, favourite):
    torch.manual_seed(0)
    pipeline = families.FAMILIES[family](tmp_path)
    pipeline.set_progress_bar_config(disable=True)
    on = drawing_on(ImageGenerator(adopt(pipeline, identity=family), steps=4), favourite[:32, :32], 0.5)
    sampler = NoiseSampler(on, on.request("a boat", 7))
    noise = sampler.noise_of(7)
    picture = sampler.draw([noise])[0]
    assert picture.problem is None
    assert picture.pixels.shape == (32, 32, 3)
    assert np.array_equal(picture.pixels, next(on.draw([sampler.request]))[0].pixels)
    _, derivative = sampler.derivative(noise, fewest_steps(on.model), brightness)
    assert derivative.shape == noise.shape
    assert float(derivative.norm()) > 0
    assert sampler.memory_for_gradient() > 0
    assert (sampler.request.width is None) == (family in UNSIZED)


def test_half_precision_has_derivatives_too(tmp_path, favourite):
    torch.manual_seed(0)
    pipeline = families.sdxl(tmp_path).to(torch.float16)
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.vae.config.force_upcast
    on = drawing_on(ImageGenerator(adopt(pipeline, identity="half"), steps=4), favourite[:32, :32], 0.5)
    sampler = NoiseSampler(on, on.request("a boat", 7))
    _, derivative = sampler.derivative(sampler.noise_of(7), fewest_steps(on.model), brightness)
    assert bool(torch.isfinite(derivative).all())
    assert float(derivative.norm()) > 0
    assert pipeline.vae.dtype == torch.float16


def test_sizes_are_those_of_the_picture_or_of_the_model(generator, favourite):
    wide = np.tile(favourite, (4, 8, 1))
    assert drawing_on(generator, wide, 0.5).model.inputs["image"].size == (176, 96)
    assert drawing_on(generator, favourite[:40, :50], 0.5).model.inputs["image"].size == (48, 32)
    assert drawing_on(generator, wide, 0.5, (96, 64)).model.inputs["image"].size == (96, 64)
    assert fitted(favourite, None) is favourite
    middle = fitted(np.tile(np.arange(60, dtype=np.uint8)[:, None, None], (1, 20, 3)), (20, 20))
    assert middle.mean() == pytest.approx(29.5, abs=0.6)


def test_memory_is_measured_on_a_smaller_picture(generator, favourite):
    small, large = (
        NoiseSampler(on, on.request(PROMPT, 3)).memory_for_gradient()
        for on in (drawing_on(generator, favourite, 0.5, (side, side)) for side in (64, 320))
    )
    assert large == pytest.approx(25 * small, rel=0.35)


def test_what_cannot_draw_on_a_picture_says_so(generator, favourite, tmp_path):
    for strength in (0.0, 1.5, float("nan")):
        with pytest.raises(ModelError, match=r"strength of 0\.05 to 1"):
            drawing_on(generator, favourite, strength)
    for builder, name in ((families.pixart, "PixArtAlphaPipeline"), (language_models.sana(), "SanaPipeline")):
        with pytest.raises(ModelError, match=f"A {name} cannot draw on a picture"):
            drawing_on(wrap(builder(tmp_path)).generator, favourite, 0.5)
    with pytest.raises(ModelError, match="draws on a picture already"):
        drawing_on(drawing_on(generator, favourite, 0.5), favourite, 0.5)

    class Elsewhere(ImageGenerator):
        def draw(self, requests, steps=None):
            yield from super().draw(requests, steps)

    with pytest.raises(ModelError, match="another program"):
        drawing_on(Elsewhere(generator.model), favourite, 0.5)
    with pytest.raises(ModelError, match="none of the 4 steps"):
        drawing_on(generator, favourite, 0.1).request(PROMPT, 1, steps=4)
