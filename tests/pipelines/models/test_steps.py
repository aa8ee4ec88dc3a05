import numpy as np
import pytest
import torch
from specimens import families

from soart.errors import ModelError
from soart.pipelines.models import steps as steps_module
from soart.pipelines.models.step_preview import decode
from soart.pipelines.models.steps import StepReport, all_too_low


def requests(generator, count=3, **settings):
    return [generator.request("a sharp boat in warm colors", seed, steps=6, **settings) for seed in range(count)]


def drawn(generator, report=None, **settings):
    return [picture for batch in generator.draw(requests(generator, **settings), report) for picture in batch]


@pytest.mark.parametrize(("scores", "low"), [([39.9], True), ([40.0], False), ([10.0, 40.0], False), ([np.nan], True)])
def test_a_picture_that_just_reaches_the_limit_is_finished(scores, low):
    assert all_too_low(np.array(scores), 40) == low


def test_decoders_that_overflow_in_half_precision_are_used_in_single(tmp_path):
    pipe = families.sdxl(tmp_path)
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    pipe.vae.to(torch.float16).to(torch.float32)
    wanted = decode(pipe, latents)
    pipe.vae.to(torch.float16)
    assert pipe.vae.config.force_upcast
    np.testing.assert_array_equal(decode(pipe, latents), wanted)
    assert pipe.vae.dtype == torch.float16


def test_every_step_of_every_batch_is_reported(generator):
    generator.batch_size, seen = 2, []
    pictures = drawn(generator, StepReport(seen.append))
    assert [(s.number, s.total, s.pictures, s.drawn) for s in seen] == [
        *((n, 6, 2, 0) for n in range(1, 7)),
        *((n, 6, 1, 2) for n in range(1, 7)),
    ]
    assert {step.preview for step in seen} == {None}
    for picture, silent in zip(pictures, drawn(generator), strict=True):
        np.testing.assert_array_equal(picture.pixels, silent.pixels)


def test_previews_come_near_to_the_picture_and_change_nothing(generator, monkeypatch):
    monkeypatch.setattr(steps_module, "PREVIEW_SHARE", 1e9)
    seen, plain = [], drawn(generator, count=1)
    [picture] = drawn(generator, StepReport(seen.append, previews=True), count=1)
    np.testing.assert_array_equal(picture.pixels, plain[0].pixels)
    assert {step.preview.shape for step in seen} == {picture.pixels.shape}
    errors = [np.abs(step.preview.astype(float) - picture.pixels).mean() for step in seen]
    assert errors[-1] < 2
    assert errors[0] > 2 * errors[-1]
    # The scheduler is as it was.
    assert "step" not in vars(generator.model.pipeline.scheduler)


@pytest.mark.parametrize("scheduler", ["EulerAncestralDiscreteScheduler", "LCMScheduler"])
def test_the_noise_that_a_scheduler_adds_comes_from_the_seed_under_previews_too(generator, monkeypatch, scheduler):
    monkeypatch.setattr(steps_module, "PREVIEW_SHARE", 1e9)
    settings = {"count": 1, "scheduler": scheduler}
    [plain] = drawn(generator, **settings)
    seen = []
    [watched] = drawn(generator, StepReport(seen.append, previews=True), **settings)
    np.testing.assert_array_equal(watched.pixels, plain.pixels)
    first, second = (next(generator.preview(requests(generator, **settings), 0.5))[0].pixels for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, seen[2].preview)


def test_previews_take_a_share_of_the_time(generator, monkeypatch):
    clock = iter(np.arange(0, 1e4, 1.0))
    monkeypatch.setattr(steps_module.time, "monotonic", lambda: next(clock))
    seen = []
    drawn(generator, StepReport(seen.append, previews=True), count=1)
    # A preview takes one tick as every step does, so that there is time for the first alone.
    assert [step.preview is not None for step in seen] == [True, *[False] * 5]


def test_latents_that_cannot_be_decoded_have_no_preview(generator, monkeypatch):
    monkeypatch.setattr(steps_module, "decode", lambda *_: (_ for _ in ()).throw(ValueError("packed")))
    seen = []
    assert len(drawn(generator, StepReport(seen.append, previews=True), count=1)) == 1
    assert {step.preview for step in seen} == {None}


class StopError(Exception):
    pass


def test_the_caller_ends_the_drawing_and_the_pipeline_its_own(generator):
    numbers = []

    def after(step):
        numbers.append(step.number)
        if step.number == 2:
            raise StopError

    with pytest.raises(StopError):
        drawn(generator, StepReport(after, previews=True))
    assert numbers == [1, 2]
    assert "step" not in vars(generator.model.pipeline.scheduler)
    with pytest.raises(ModelError, match="failed"):
        drawn(generator, StepReport(numbers.append), width=65, height=65)
    assert len(drawn(generator)) == 3
