"""LoRAs of tiny real pipelines of Stable Diffusion 3, Flux and Sana: words, targets, training, and the file that diffusers reads."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from specimens import families
from specimens.pipeline_classes import language_models

from soart.pipelines.distilling.denoiser import Denoiser, refusal_of_training
from soart.pipelines.distilling.lora_file import described, diffusers_weights, write_lora
from soart.pipelines.distilling.training import Lessons, Recipe, Training, lora_layers, lora_on
from soart.pipelines.models.adopting import adopt
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loras import LoraFiles, layers_of
from soart.pipelines.models.noise import core_of, replaced_forward

BUILDERS = {"sd3": families.sd3, "flux": families.flux, "sana": language_models.sana()}
RECIPE = Recipe(steps=6, pairs=4, rank=2, rate=1e-2, beta=50.0, together=4)
PROMPT = "a fox"
#: Side of the latents; Sana draws multiples of 32 pixels.
SIDE = 16


@pytest.fixture(scope="module", params=BUILDERS)
def generator(request, tmp_path_factory):
    torch.manual_seed(0)
    pipeline = BUILDERS[request.param](tmp_path_factory.mktemp(request.param))
    pipeline.set_progress_bar_config(disable=True)
    inputs = {"use_resolution_binning": False} if request.param == "sana" else {}
    return ImageGenerator(adopt(pipeline, identity=request.param, inputs=inputs))


@pytest.fixture
def latents(generator):
    return torch.randn(8, Denoiser(generator).channels, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def side_of(generator):
    return SIDE * generator.model.pipeline.vae_scale_factor


def drawn(generator, prompt):
    side = side_of(generator)
    request = generator.request(prompt, 4, steps=2, width=side, height=side, guidance=3.0)
    return next(generator.draw([request]))[0].pixels


def test_the_denoiser_says_what_the_pipeline_hears(generator):
    heard, core = [], core_of(generator.model.pipeline)
    own, side = core.forward, side_of(generator)

    def listen(*inputs, **options):
        heard.append((inputs, options, own(*inputs, **options)))
        return heard[-1][2]

    request = generator.request(PROMPT, 4, steps=3, width=side, height=side)
    with replaced_forward(core, listen), generator.ready(request) as pipeline, torch.no_grad():
        pipeline(**generator.arguments([request]))
    inputs, options, (said,) = heard[0]
    given = inputs[0] if inputs else options["hidden_states"]
    denoiser = Denoiser(generator, {"guidance": request.guidance})
    if given.ndim == 3:
        given, said = (pipeline._unpack_latents(one, side, side, pipeline.vae_scale_factor) for one in (given, said))
    with torch.no_grad():
        words = [denoiser.words(text, (SIDE, SIDE)) for text in (PROMPT, "a boat")]
        own_said, other = denoiser(given[-1:].repeat(2, 1, 1, 1), torch.tensor([0, 0]), words)
    assert torch.allclose(own_said, said[-1].float(), atol=1e-5)
    assert not torch.allclose(own_said, other, atol=1e-6)


def test_targets_lead_back_to_the_picture(generator, latents):
    denoiser = Denoiser(generator)
    noise, times = torch.randn(latents.shape), torch.tensor([0, 100, 300, 500, 700, 900, 950, 999])
    noisy, target = denoiser.noised(latents, noise, times)
    assert torch.allclose(noisy[0], noise[0], atol=0.05)
    assert (noisy[-1] - latents[-1]).abs().max() < 0.3
    levels = ((noisy - latents) / (noise - latents)).median(dim=3).values.median(dim=2).values.median(dim=1).values
    assert torch.allclose(noisy - levels.view(-1, 1, 1, 1) * target, latents, atol=1e-3)
    assert (levels.diff() < 0).all()


def test_training_learns_and_diffusers_reads_the_file(generator, latents, tmp_path):
    values = np.arange(8.0)
    # What is liked is brighter in the first channel.
    lessons = Lessons(
        latents + torch.from_numpy(values).float().view(-1, 1, 1, 1) / 2 - 2, [PROMPT, "a boat"] * 4, values
    )
    core, losses, plain = core_of(generator.model.pipeline), [], drawn(generator, PROMPT)
    with lora_on(core, RECIPE.rank, RECIPE.seed) as weights:
        training = Training(Denoiser(generator), lessons, RECIPE, weights)
        while training.advance():
            losses.append(training.loss)
        with torch.no_grad():
            for one in weights:
                one += 0.2 * torch.randn(one.shape, generator=torch.Generator().manual_seed(3))
        layers, changed = lora_layers(core), drawn(generator, PROMPT)
    assert losses[0] == pytest.approx(np.log(2), abs=1e-6)
    assert min(losses[1:]) < losses[0]
    assert all(bool(up.abs().max() > 0) for _, up in layers.values())
    assert not layers_of(core)
    assert np.abs(changed.astype(int) - plain).max() > 4
    file = tmp_path / "mine.safetensors"
    write_lora(file, diffusers_weights(layers), described(core, "flow_prediction", "mine", RECIPE.rank), {"wins": 1.0})
    with safe_open(file, framework="pt") as opened:
        assert opened.metadata()["modelspec.title"] == "mine"
    with_file = ImageGenerator(replace(generator.model, loras=LoraFiles(file)))
    again = drawn(with_file, f"{PROMPT}, <lora:mine:1>")
    # The file has half precision, and the comma is read.
    commaless = drawn(generator, f"{PROMPT},")
    assert np.abs(again.astype(int) - changed).mean() < np.abs(commaless.astype(int) - changed).mean() / 4
    generator.model.pipeline.unload_lora_weights()
    assert np.array_equal(drawn(generator, PROMPT), plain)


def test_nothing_speaks_against_training(generator):
    assert refusal_of_training(generator) == ""
