import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import DPMSolverSinglestepScheduler, EulerDiscreteScheduler

from soart.errors import ModelError
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import LoadedModel, load_model
from soart.pipelines.models.request import Request

PROMPT = "a sharp picture of a boat in cool colors, watercolor style"


def draw(generator, requests):
    return list(itertools.chain.from_iterable(generator.draw(requests)))


def requests(generator, count, **settings):
    return [generator.request(PROMPT, seed, **{"steps": 4, **settings}) for seed in range(count)]


def test_same_seed_same_picture_whatever_the_batch(embedded):
    batches = {size: ImageGenerator(embedded, size) for size in (4, 3, 1)}
    pictures = {size: np.stack([d.pixels for d in draw(g, requests(g, 4))]) for size, g in batches.items()}
    again = np.stack([d.pixels for d in draw(batches[4], requests(batches[4], 4))])
    assert np.array_equal(pictures[4], again)
    for size in (3, 1):
        assert np.abs(pictures[4].astype(int) - pictures[size]).max() <= 1
    assert len({p.tobytes() for p in pictures[4]}) == 4


def test_generators_of_one_model_draw_in_several_threads(embedded):
    """They stepped one scheduler at the same time, and the model failed."""
    generators = [ImageGenerator(embedded, 2) for _ in range(3)]
    expected = [d.pixels for d in draw(generators[0], requests(generators[0], 4))]
    with ThreadPoolExecutor(3) as pool:
        drawn = list(pool.map(lambda g: draw(g, requests(g, 4)), generators))
    for pictures in drawn:
        assert all(np.array_equal(one.pixels, other) for one, other in zip(pictures, expected, strict=True))


def test_freshly_loaded_model_draws_the_same(embedded, generator):
    other = ImageGenerator(load_model(device="cpu"))
    assert other.model.identity == embedded.identity
    first, second = (draw(g, requests(g, 2)) for g in (generator, other))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    "change", [{"guidance": 1.0}, {"negative": "blurry, noisy"}, {"steps": 6}, {"seed": 99}, {"prompt": "a fox"}]
)
def test_every_part_of_a_request_matters(generator, change):
    base = generator.request(PROMPT, 1, steps=4)
    settings = {"prompt": PROMPT, "seed": 1, "steps": 4, **change}
    other = generator.request(settings.pop("prompt"), settings.pop("seed"), **settings)
    assert base.key("m") != other.key("m")
    first, second = (draw(generator, [r])[0].pixels for r in (base, other))
    assert not np.array_equal(first, second)


def test_mixed_settings_keep_their_order(generator):
    wanted = [generator.request(PROMPT, s, steps=n) for s, n in ((1, 2), (2, 2), (3, 3), (4, 2))]
    assert [d.request for d in draw(generator, wanted)] == wanted


def test_size_and_defaults(generator):
    request = generator.request("a fox", 0)
    assert (request.width, request.height) == (128, 128)
    assert request.steps == generator.model.steps
    wide = draw(generator, [generator.request("a fox", 0, steps=2, width=96, height=64)])[0]
    assert wide.pixels.shape == (64, 96, 3)


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"guidance": -1.0}, {"seed": -1}, {"seed": 2**63}, {"width": 4}, {"guidance": float("nan")}]
)
def test_wrong_requests(generator, wrong):
    with pytest.raises(ModelError, match="Expected"):
        generator.request("a fox", **{"seed": 0, **wrong})


def test_a_setting_that_there_is_not(generator):
    with pytest.raises(
        ModelError, match="There is no setting 'num_inference_steps': choose among negative, steps, guidance, "
    ):
        generator.request("a fox", 0, num_inference_steps=4)


def test_noise_of_inputs_follows_the_seed_and_leaves_the_callers(embedded):
    generator = ImageGenerator(replace(embedded, inputs={"eta": 0.0}))
    torch.manual_seed(9)
    seen = []
    for seed in (1, 2, 1):
        with generator._noise_of_inputs(seed):
            seen.append(torch.rand(3).tolist())
    assert seen[0] == seen[2] != seen[1]
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(9)))


def test_an_empty_negative_prompt_is_no_missing_one(generator):
    hazy = ImageGenerator(generator.model, negative="blurry")
    assert [hazy.request("a fox", 0, negative=words).negative for words in (None, "", "noisy")] == [
        "blurry",
        "",
        "noisy",
    ]


def test_size_the_model_cannot_draw_is_one_sentence(generator):
    with pytest.raises(ModelError, match="failed") as caught:
        draw(generator, [generator.request("a fox", 0, width=61, height=64)])
    assert "\n" not in str(caught.value)


class Cramped:
    """The real pipeline in a memory that holds ``room`` pictures."""

    def __init__(self, pipeline, room):
        self.pipeline, self.room, self.sizes = pipeline, room, []

    def __call__(self, **arguments):
        self.sizes.append(len(arguments["prompt"]))
        if self.sizes[-1] > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.pipeline(**arguments)


def cramped(embedded, room):
    return LoadedModel(
        **{n: getattr(embedded, n) for n in LoadedModel.__slots__} | {"pipeline": Cramped(embedded.pipeline, room)}
    )


def test_batch_is_halved_when_memory_runs_out(embedded, generator):
    model = cramped(embedded, 2)
    small = ImageGenerator(model, 8)
    pictures = draw(small, requests(small, 5, steps=2))
    assert model.pipeline.sizes == [5, 2, 2, 1]
    assert small.batch_size == 2
    expected = draw(generator, requests(generator, 5, steps=2))
    assert all(np.abs(a.pixels.astype(int) - b.pixels).max() <= 1 for a, b in zip(pictures, expected, strict=True))


def test_no_room_for_a_single_picture(embedded):
    small = ImageGenerator(cramped(embedded, 0), 4)
    with pytest.raises(ModelError, match="single picture"):
        draw(small, requests(small, 3))


def test_other_failures_are_not_taken_for_memory(embedded):
    class Broken:
        def __call__(self, **_):
            raise RuntimeError("expected scalar type Half")

    model = LoadedModel(**{n: getattr(embedded, n) for n in LoadedModel.__slots__} | {"pipeline": Broken()})
    with pytest.raises(ModelError, match="expected scalar type Half"):
        draw(ImageGenerator(model), [Request("x", 0)])


@pytest.mark.parametrize(("value", "words"), [(float("nan"), "not a number"), (-9.0, "all black")])
def test_broken_decoder_is_noticed(value, words):
    model = load_model(device="cpu")
    last = model.pipeline.vae.decoder.layers[-1]
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.constant_(last.bias, value)
    drawn = draw(ImageGenerator(model), [Request("a fox", 0, steps=1)])[0]
    assert drawn.problem.startswith(words)
    assert drawn.pixels.max() == 0


def test_safety_checker_blanks_are_noticed(embedded):
    class Careful:
        def __call__(self, **arguments):
            output = embedded.pipeline(**arguments)
            output.nsfw_content_detected = [True, False]
            return output

    model = LoadedModel(**{n: getattr(embedded, n) for n in LoadedModel.__slots__} | {"pipeline": Careful()})
    first, second = draw(ImageGenerator(model), [Request("a fox", s, steps=1) for s in (0, 1)])
    assert "safety checker" in first.problem
    assert second.problem is None


def test_wrong_batch_size(embedded):
    with pytest.raises(ModelError, match="batch size"):
        ImageGenerator(embedded, 0)


def test_a_scheduler_given_to_the_pipeline_is_used_and_kept():
    model = load_model(device="cpu")
    first, second = ImageGenerator(model), ImageGenerator(model)
    old, request = model.pipeline.scheduler, first.request(PROMPT, 1, steps=4)
    assert first.model.identity == model.identity
    before = draw(first, [request])[0].pixels
    new = EulerDiscreteScheduler.from_config(old.config)
    model.pipeline.scheduler = new
    after = draw(first, [request])[0].pixels
    assert not np.array_equal(before, after)
    # One given by name goes before it, for its own pictures alone.
    named = draw(second, [second.request(PROMPT, 1, steps=4, scheduler=type(old).__name__)])[0].pixels
    assert not np.array_equal(named, after)
    assert model.pipeline.scheduler is new
    keys = {request.key(generator.model.identity) for generator in (first, second, ImageGenerator(model))}
    assert len(keys) == 1
    assert request.key(model.identity) not in keys
    assert first.model.sampler == "EulerDiscrete"
    # The same settings are the same scheduler, whoever made it.
    model.pipeline.scheduler = type(old).from_config(old.config)
    assert first.model.identity == model.identity
    assert np.array_equal(draw(first, [request])[0].pixels, before)


def test_a_scheduler_that_writes_into_its_settings_stays_the_same():
    model = load_model(device="cpu")
    model.pipeline.scheduler = DPMSolverSinglestepScheduler.from_config(
        model.pipeline.scheduler.config,
        algorithm_type="dpmsolver++",
        lower_order_final=False,
        final_sigmas_type="sigma_min",
    )
    generator = ImageGenerator(model)
    identity, even = generator.model.identity, generator.request(PROMPT, 1, steps=4)
    before = draw(generator, [even])[0].pixels
    # An odd number of steps makes it write.
    draw(generator, [generator.request(PROMPT, 1, steps=3)])
    assert generator.model.identity == identity
    assert np.array_equal(draw(generator, [even])[0].pixels, before)


def test_the_pipeline_keeps_its_scheduler_where_it_fails(embedded):
    own, request = (
        embedded.pipeline.scheduler,
        Request("a fox", 0, steps=1, width=61, height=64, scheduler="DDIMScheduler"),
    )
    with pytest.raises(ModelError, match="failed"):
        draw(ImageGenerator(embedded), [request])
    assert embedded.pipeline.scheduler is own
