"""Training of LoRAs on tiny real pipelines of Stable Diffusion 1 and XL: targets, pairs, the loop, and its state."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from specimens import families

from soart.errors import ModelError
from soart.pipelines.distilling.denoiser import Denoiser, refusal_of_training
from soart.pipelines.distilling.training import Lessons, Recipe, Training, lora_layers, lora_on, preference_loss
from soart.pipelines.models.adopting import adopt, weights_identity
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loras import layers_of
from soart.pipelines.models.noise import core_of
from soart.pipelines.models.step_preview import decoded, prediction
from soart.plugin.diffusers import wrap

RECIPE = Recipe(steps=4, pairs=4, rank=2, rate=1e-2, beta=50.0, together=4)


@pytest.fixture(scope="module", params=["sd1", "sdxl"])
def pipeline(request, tmp_path_factory):
    torch.manual_seed(0)
    made = families.FAMILIES[request.param](tmp_path_factory.mktemp(request.param))
    made.set_progress_bar_config(disable=True)
    return made


@pytest.fixture
def lessons(pipeline):
    source = torch.Generator().manual_seed(1)
    latents = torch.randn(8, 4, 16, 16, generator=source)
    values = np.arange(8.0)
    # What is liked is brighter in the first channel.
    latents[:, 0] += torch.from_numpy(values).float()[:, None, None] - 3.5
    return Lessons(latents, ["a fox", "a boat"] * 4, values)


def denoiser_of(pipeline):
    return Denoiser(ImageGenerator(adopt(pipeline, identity="tiny")))


def trained(pipeline, lessons, recipe, stop=None, state=None):
    """Weights after training, and the losses."""
    losses = []
    core = core_of(pipeline)
    with lora_on(core, recipe.rank, recipe.seed) as weights:
        training = Training(denoiser_of(pipeline), lessons, recipe, weights)
        if state is not None:
            training.resume(state)
        while training.step != stop and training.advance():
            losses.append(training.loss)
        if state is not None:
            training.save(state)
        return lora_layers(core), losses


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_the_target_is_what_the_scheduler_takes_for_the_picture(tmp_path, kind):
    pipeline = families.sd1(tmp_path)
    pipeline.scheduler.register_to_config(prediction_type=kind)
    denoiser = denoiser_of(pipeline)
    source = torch.Generator().manual_seed(0)
    latents, noise = torch.randn(2, 3, 4, 8, 8, generator=source)
    times = torch.tensor([10, 500, 900])
    noisy, target = denoiser.noised(latents, noise, times)
    for k, time in enumerate(times):
        of_sample, of_output = prediction(pipeline.scheduler, time)
        assert torch.allclose(of_sample * noisy[k] + of_output * target[k], latents[k], atol=1e-3)
    expected = pipeline.scheduler.add_noise(latents, noise, times)
    assert torch.allclose(noisy, expected, atol=1e-5)


def test_encoded_latents_are_decoded_to_the_picture(embedded):
    generator = ImageGenerator(embedded, 2)
    pixels = next(generator.draw([generator.request("a boat", 3, steps=4)]))[0].pixels
    denoiser = Denoiser(generator)
    latents = denoiser.latents(pixels[None])
    again = decoded(embedded.pipeline, latents).detach()[0].permute(1, 2, 0).numpy() * 127.5 + 127.5
    assert np.abs(again - pixels).mean() < 8


def test_latents_follow_the_means_of_the_autoencoder(tmp_path):
    pipeline = families.sd1(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    plain = denoiser_of(pipeline).latents(pixels)
    pipeline.vae.register_to_config(latents_mean=[1.0] * 4, latents_std=[2.0] * 4)
    shifted = denoiser_of(pipeline).latents(pixels)
    factor = pipeline.vae.config.scaling_factor
    assert torch.allclose(shifted, (plain / factor - 1) / 2 * factor, atol=1e-5)


def test_pairs_are_the_ends_of_each_prompt():
    latents = torch.zeros(6, 1, 1, 1)
    lessons = Lessons(latents, ["a", "a", "a", "b", "b", "b"], np.array([3.0, 1.0, 2.0, 5.0, 5.0, 4.0]))
    (better, worse), (other_better, other_worse) = lessons.ends()
    assert (better.tolist(), worse.tolist()) == ([0], [1])
    assert set(other_better) <= {3, 4}
    assert other_worse.tolist() == [5]
    # Every prompt has one picture, so that all are compared.
    ((better, worse),) = Lessons(latents, list("abcdef"), np.arange(6.0)).ends()
    assert ({*better}, {*worse}) == ({4, 5}, {0, 1})
    # Ratings have ties: the pictures of the middle are in neither end.
    ((better, worse),) = Lessons(latents, list("abcdef"), np.array([1.0, 5.0, 5.0, 5.0, 5.0, 5.0])).ends()
    assert worse.tolist() == [0]
    with pytest.raises(ModelError, match="liked alike"):
        Lessons(latents, ["a"] * 6, np.ones(6)).ends()


def test_the_loss_is_that_of_the_paper():
    rng = np.random.default_rng(0)
    better, worse, before_better, before_worse = rng.random((4, 5))
    naive = [
        np.log1p(np.exp(0.5 * 20 * ((b - bb) - (w - wb))))
        for b, w, bb, wb in zip(better, worse, before_better, before_worse, strict=True)
    ]
    tensors = map(torch.from_numpy, (better, worse, before_better, before_worse))
    assert np.allclose(preference_loss(*tensors, 20.0).numpy(), naive)


def test_training_learns_and_leaves_the_model_as_it_was(pipeline, lessons):
    identity = weights_identity(pipeline)
    layers, losses = trained(pipeline, lessons, replace(RECIPE, steps=12))
    assert losses[0] == pytest.approx(np.log(2), abs=1e-6)
    assert np.mean(losses[-4:]) < 0.66
    assert any(name.endswith("attn2.to_k") for name in layers)
    assert any(name.endswith("conv1") for name in layers)
    assert all(bool(up.abs().max() > 0) for _, up in layers.values())
    assert not layers_of(pipeline.unet)
    assert weights_identity(pipeline) == identity
    assert all(one.requires_grad for one in pipeline.unet.parameters())


def test_an_interrupted_training_goes_on(pipeline, lessons, tmp_path):
    whole, losses = trained(pipeline, lessons, RECIPE)
    _, first = trained(pipeline, lessons, RECIPE, stop=2, state=tmp_path / "state.pt")
    resumed, second = trained(pipeline, lessons, RECIPE, state=tmp_path / "state.pt")
    assert [*first, *second] == losses
    for name, (down, up) in whole.items():
        assert torch.equal(down, resumed[name][0])
        assert torch.equal(up, resumed[name][1])
    (tmp_path / "state.pt").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="remove it to begin anew"):
        trained(pipeline, lessons, RECIPE, state=tmp_path / "state.pt")


def test_pairs_at_once_change_rounding_alone(pipeline, lessons):
    whole, _ = trained(pipeline, lessons, replace(RECIPE, steps=1))
    one_by_one, _ = trained(pipeline, lessons, replace(RECIPE, steps=1, together=1))
    for name, (_, up) in whole.items():
        # The first step of Adam is the sign of the derivative, where that is no rounding error.
        assert torch.isclose(up, one_by_one[name][1], atol=1e-4).float().mean() > 0.98


def test_another_seed_is_another_lora(pipeline, lessons):
    before = torch.random.get_rng_state()
    some, other = (trained(pipeline, lessons, replace(RECIPE, steps=1, seed=seed))[0] for seed in (0, 1))
    name = next(iter(some))
    assert not torch.equal(some[name][0], other[name][0])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_weights_that_overflow_end_in_a_sentence(pipeline, lessons):
    broken = replace(lessons, latents=lessons.latents * float("nan"))
    with pytest.raises(ModelError, match="smaller --rate"):
        trained(pipeline, broken, RECIPE)
    assert not layers_of(pipeline.unet)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_trains_in_single(tmp_path, lessons, kind):
    pipeline = families.sd1(tmp_path).to(kind)
    layers, losses = trained(pipeline, lessons, replace(RECIPE, steps=2))
    assert np.isfinite(losses).all()
    assert {up.dtype for _, up in layers.values()} == {torch.float32}


def test_other_models_are_refused_in_a_sentence(tmp_path):
    pixart = wrap(families.pixart(tmp_path)).generator
    assert refusal_of_training(pixart) == "diffusers has no loader of LoRAs for a PixArtAlphaPipeline."
    flux = wrap(families.flux(tmp_path)).generator
    assert not refusal_of_training(flux)
    flux.model.pipeline.scheduler = pixart.model.pipeline.scheduler
    assert "choose another" in refusal_of_training(flux)
    assert "another program" in refusal_of_training(object())
    generator = wrap(families.sd1(tmp_path)).generator
    assert not refusal_of_training(generator)
    generator.model.pipeline.scheduler.register_to_config(prediction_type="flow_prediction")
    assert "choose another" in refusal_of_training(generator)
