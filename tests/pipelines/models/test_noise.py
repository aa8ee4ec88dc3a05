"""Drawing from given noise, and derivatives by it, with tiny pipelines of several families."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from specimens.families import FAMILIES, save_family
from specimens.pipeline_classes import language_models

from soart.errors import ModelError
from soart.pipelines.models import noise as noises
from soart.pipelines.models.adopting import adopt
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.models.noise import NoiseSampler, refusal, refusal_of_gradient
from soart.pipelines.models.step_preview import replaced


def brightness(pixels):
    """The mean of a picture, and its derivative."""
    return float(pixels.mean()), np.full_like(pixels, 1 / pixels.size)


def sampler_of(generator, **settings):
    return NoiseSampler(generator, generator.request("a boat in cool colors", 5, steps=3, **settings))


def test_the_noise_of_a_seed_draws_the_picture_of_the_seed(generator):
    sampler = sampler_of(generator)
    noise = sampler.noise_of(5)
    assert noise.dtype == torch.float32
    assert float(noise.std()) == pytest.approx(1, abs=0.1)
    (batch,) = generator.draw([sampler.request])
    assert np.array_equal(sampler.draw([noise])[0].pixels, batch[0].pixels)
    others = sampler.draw([noise, sampler.noise_of(6)])
    assert not np.array_equal(others[0].pixels, others[1].pixels)


def test_a_derivative_is_that_of_differences(generator):
    sampler = sampler_of(generator)
    noise = sampler.noise_of(5)
    _, derivative = sampler.derivative(noise, 2, lambda pixels: brightness(pixels.astype(np.float64)))
    direction = derivative / derivative.norm()
    up, down = (sampler.derivative(noise + sign * 0.02 * direction, 2, brightness)[0] for sign in (1, -1))
    assert up > down
    # The derivative has any length, so two directions are compared.
    other = torch.roll(derivative, 3, dims=1) / derivative.norm()
    level, below = (sampler.derivative(noise + sign * 0.02 * other, 2, brightness)[0] for sign in (1, -1))
    share = float((derivative * other).sum() / (derivative * direction).sum())
    assert (level - below) / (up - down) == pytest.approx(share, abs=0.15)


def test_weights_and_methods_are_as_before(generator):
    sampler, pipeline = sampler_of(generator), generator.model.pipeline
    weights = [p.requires_grad for p in pipeline.unet.parameters()]
    sampler.derivative(sampler.noise_of(5), 2, brightness)
    sampler.draw([sampler.noise_of(5)])
    assert [p.requires_grad for p in pipeline.unet.parameters()] == weights
    assert all(p.grad is None for p in pipeline.unet.parameters())
    assert "forward" not in vars(pipeline.unet)
    assert "prepare_latents" not in vars(pipeline)
    assert "step" not in vars(pipeline.scheduler)


def test_a_caller_may_end_a_drawing_within_a_step(generator):
    class EndedError(Exception):
        pass

    def end():
        raise EndedError

    sampler = NoiseSampler(generator, generator.request("a boat", 1, steps=3), end)
    noise = sampler.noise_of(1)
    for work in (lambda: sampler.draw([noise]), lambda: sampler.derivative(noise, 2, brightness)):
        with pytest.raises(EndedError):
            work()
    assert "prepare_latents" not in vars(generator.model.pipeline)


def test_memory_is_told_beforehand(generator):
    needed = sampler_of(generator).memory_for_gradient()
    assert 1e6 < needed < 1e9
    assert noises.free_memory("cpu") is None or noises.free_memory("cpu") > 0


def test_memory_is_that_of_the_decoder_or_of_one_step(generator):
    sampler = sampler_of(generator)
    kept, called = {}, []
    unet = generator.model.pipeline.unet

    def keep(tensor):
        kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    weights = {weight.data_ptr() for part in (unet, generator.model.pipeline.vae) for weight in part.parameters()}
    request = replace(sampler.request, steps=2)
    noise = sampler.noise_of(5).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        handle = unet.register_forward_hook(lambda *_: called.append(1))
        with sampler._differentiable(noise, request, checkpointed=False):
            handle.remove()
    whole = sum(size for place, size in kept.items() if place not in weights)
    needed = sampler.memory_for_gradient() / noises.SLACK
    # The largest of the decoder and some steps is at least their mean.
    assert whole / (len(called) + 1) * 0.99 <= needed < whole
    assert "forward" not in vars(unet)


def test_out_of_memory_is_one_sentence(generator, monkeypatch):
    sampler = sampler_of(generator)
    noise = sampler.noise_of(5)

    def full(*_inputs, **_options):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(generator.model.pipeline.unet, "forward", full)
    with pytest.raises(ModelError, match="Not enough memory"):
        sampler.derivative(noise, 2, brightness)


def test_fewer_pictures_are_drawn_at_a_time_when_memory_runs_out(generator, monkeypatch):
    sampler = sampler_of(generator)
    unet, noises_of_seeds = generator.model.pipeline.unet, [sampler.noise_of(seed) for seed in (5, 6, 7)]
    drawn, sizes = sampler.draw(noises_of_seeds), []
    own = unet.forward

    def small(latents, *inputs, **options):
        sizes.append(len(latents))
        if len(latents) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return own(latents, *inputs, **options)

    monkeypatch.setattr(unet, "forward", small)
    monkeypatch.setattr(generator, "batch_size", 3)
    few = sampler.draw(noises_of_seeds)
    assert generator.batch_size == 1
    assert max(sizes) > 2 >= sizes[-1]
    assert max(np.abs(a.pixels.astype(int) - b.pixels).max() for a, b in zip(few, drawn, strict=True)) <= 1


def test_an_attribute_that_was_there_comes_back(generator):
    scheduler = generator.model.pipeline.scheduler
    with replaced(scheduler, "step", print):
        assert scheduler.step is print
        with replaced(scheduler, "step", repr):
            assert scheduler.step is repr
        assert scheduler.step is print
    assert "step" not in vars(scheduler)


def test_generators_that_draw_elsewhere_are_refused(generator):
    class Elsewhere(ImageGenerator):
        def draw(self, requests, steps=None):
            yield from super().draw(requests, steps)

    assert refusal(generator) == refusal_of_gradient(generator) == ""
    assert "seeds and no noise" in refusal(Elsewhere(generator.model))
    with pytest.raises(ModelError, match="seeds and no noise"):
        NoiseSampler(Elsewhere(generator.model), generator.request("a boat", 1))


@pytest.fixture(scope="module")
def families(tmp_path_factory):
    folder = tmp_path_factory.mktemp("families")
    loaded = {name: load_model(save_family(name, folder), device="cpu") for name in FAMILIES}
    torch.manual_seed(0)
    loaded["sana"] = adopt(
        language_models.sana()(folder), identity="sana", batch_size=1, inputs={"use_resolution_binning": False}
    )
    return loaded


@pytest.mark.slow
@pytest.mark.parametrize("family", [*FAMILIES, "sana"])
def test_noise_and_derivatives_work_with_every_family(families, family):
    generator = ImageGenerator(families[family])
    size = {"width": 64, "height": 64} if family == "sana" else {}
    sampler = NoiseSampler(generator, generator.request("a boat", 7, steps=3, **size))
    noise = sampler.noise_of(7)
    assert float(noise.std()) == pytest.approx(1, abs=0.2)
    (batch,) = generator.draw([sampler.request])
    plain = sampler.draw([noise])[0].pixels
    assert np.abs(plain.astype(int) - batch[0].pixels).max() <= 1
    value, derivative = sampler.derivative(noise, 2, brightness)
    assert np.isfinite(value)
    assert derivative.shape == noise.shape
    assert bool(torch.isfinite(derivative).all())
    assert float(derivative.norm()) > 0
    higher = sampler.derivative(noise + 0.5 * derivative * noise.norm() / derivative.norm(), 2, brightness)[0]
    assert higher > value
    assert sampler.memory_for_gradient() > 0


@pytest.mark.parametrize("dtype", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
def test_half_precision(dtype):
    generator = ImageGenerator(load_model(device="cpu", dtype=dtype))
    sampler = sampler_of(generator)
    noise = sampler.noise_of(5)
    value, derivative = sampler.derivative(noise, 2, brightness)
    assert np.isfinite(value)
    assert bool(torch.isfinite(derivative).all())
    assert float(derivative.norm()) > 0
    assert sampler.draw([noise])[0].problem is None


def test_negative_prompts_count(generator):
    noise = sampler_of(generator).noise_of(5)
    values = [sampler_of(generator, negative=text).derivative(noise, 2, brightness)[0] for text in ("", "neon, blurry")]
    assert values[0] != values[1]
