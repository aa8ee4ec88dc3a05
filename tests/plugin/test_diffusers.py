"""Soart inside diffusers, on tiny pipelines of the families."""

import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    DiffusionPipeline,
    EulerDiscreteScheduler,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    StableDiffusionXLAutoBlocks,
)
from PIL import Image
from specimens import families

import soart
from soart.errors import ImageError, JudgeError, ModelError
from soart.metrics.damage.fitness import JudgesItems
from soart.metrics.items.colour import ColourExtractor
from soart.pipelines.collection.collection import Collection
from soart.pipelines.models.loading import load_model
from soart.pipelines.models.step_preview import decode
from soart.pipelines.scoring.in_memory import as_pictures
from soart.plugin.diffusers import CUSTOM_PIPELINES, SoartCallback, SoartScoreBlock, wrap

#: Settings that change what a scheduler draws.
SETTINGS = {
    "DDIMScheduler": {"beta_end": 0.01},
    "EulerDiscreteScheduler": {"use_karras_sigmas": True},
    "FlowMatchEulerDiscreteScheduler": {"shift": 3.0},
}
SIZE = {"width": 32, "height": 32}
# Of a scheduler of diffusers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


class Bright(JudgesItems):
    """A judge of brightness."""

    name, version, stored_name = "bright", "1", "bright"
    scale = (-np.inf, np.inf, "")
    extractor = ColourExtractor()

    def score(self, items):
        return items[:, self.extractor.names.index("colour/luma/mean")]

    def explain(self, items, among=None):
        return [[] for _ in items]


@pytest.fixture(scope="module", params=["sd1", "sdxl", "flux"])
def pipe(request, tmp_path_factory):
    torch.manual_seed(0)
    made = families.FAMILIES[request.param](tmp_path_factory.mktemp(request.param))
    made.set_progress_bar_config(disable=True)
    return made


#: For what no family does in its own way.
ONE = pytest.mark.parametrize("pipe", ["sd1"], indirect=True)


def call(pipe, seed=1, steps=6, **more):
    return pipe(
        "a fox", num_inference_steps=steps, generator=torch.Generator().manual_seed(seed), output_type="np", **{**SIZE, **more}
    ).images  # fmt: skip


def test_the_callback_lets_good_pictures_through(pipe):
    plain = call(pipe)
    callback = SoartCallback(below=-1e9)
    watched = call(pipe, callback_on_step_end=callback)
    assert np.array_equal(plain, watched)
    assert not callback.stopped
    assert callback.pictures.shape == (1, 32, 32, 3)
    assert np.isfinite(callback.scores).all()
    assert "step" not in vars(pipe.scheduler)


def test_the_callback_stops_pictures_that_score_too_low(pipe):
    steps = []

    class Counting(SoartCallback):
        def callback_fn(self, pipeline, step_index, timestep, callback_kwargs):
            steps.append(step_index)
            return super().callback_fn(pipeline, step_index, timestep, callback_kwargs)

    callback = Counting(below=1e9, share=0.5)
    call(pipe, callback_on_step_end=callback)
    assert callback.stopped
    assert steps == [0, 1, 2]
    # The next call begins anew, and one of a single step is never judged.
    call(pipe, steps=1, callback_on_step_end=callback)
    assert callback.scores is None
    assert not callback.stopped
    callback.below = -1e9
    assert np.array_equal(call(pipe, callback_on_step_end=callback), call(pipe))


def test_the_callback_leaves_nothing_in_the_scheduler(pipe):
    call(pipe, steps=1, callback_on_step_end=SoartCallback(below=0))
    assert "step" not in vars(pipe.scheduler)
    for last in range(4):
        callback = SoartCallback(below=-1e9, share=0.5)

        def ending(pipeline, number, timestep, tensors, callback=callback, last=last):
            callback(pipeline, number, timestep, tensors)
            pipeline._interrupt = number == last
            return {}

        call(pipe, callback_on_step_end=ending, callback_on_step_end_tensor_inputs=["latents"])
        call(pipe, steps=1)
        assert "step" not in vars(pipe.scheduler)


def test_a_step_of_ones_own_survives_previews(pipe):
    own = pipe.scheduler.step
    try:
        pipe.scheduler.step = own
        generator = wrap(pipe).generator
        next(generator.preview([generator.request("a fox", 1, steps=4, **SIZE)], 0.5))
        call(pipe, callback_on_step_end=SoartCallback(below=-1e9))
        assert vars(pipe.scheduler)["step"] is own
    finally:
        del pipe.scheduler.step


def latent_consistency(folder):
    torch.manual_seed(0)
    parts = {
        **families.sd1(folder).components,
        "unet": families.unet(time_cond_proj_dim=32),
        "scheduler": LCMScheduler(),
    }
    made = LatentConsistencyModelPipeline(**parts, requires_safety_checker=False)
    made.set_progress_bar_config(disable=True)
    return made


def test_a_pipeline_that_cannot_be_interrupted_is_judged(tmp_path, caplog):
    lcm = latent_consistency(tmp_path)
    plain = call(lcm, steps=4)
    for below, words in (
        (-1e9, []),
        (
            1e9,
            [
                "All pictures will score below 1e+09, but a LatentConsistencyModelPipeline cannot be interrupted: it draws to the end."
            ],
        ),
    ):
        callback = SoartCallback(below=below, share=0.5)
        assert np.array_equal(call(lcm, steps=4, callback_on_step_end=callback), plain)
        assert callback.scores.shape == (1,)
        assert not callback.stopped
        assert [record.message for record in caplog.records] == words
    # What its scheduler says is denoised after two of four steps: the end of the same steps drawn alone.
    timesteps = lcm.scheduler.timesteps.tolist()[:2]
    assert np.abs(callback.pictures - call(lcm, steps=None, timesteps=timesteps)).max() < 1e-5
    assert len(wrap(lcm).best_of("a fox", n=2, steps=2, **SIZE)) == 2


@pytest.mark.parametrize("lacking", ["vae", "image_processor"])
def test_a_pipeline_that_cannot_be_judged_early_is_refused(tmp_path, lacking):
    lcm = latent_consistency(tmp_path)
    setattr(lcm, lacking, None)
    with pytest.raises(ModelError, match=f"LatentConsistencyModelPipeline without {lacking} cannot be previewed"):
        SoartCallback(below=0)(lcm, 0, 999, {"latents": torch.zeros(1, 4, 16, 16)})


def test_latents_of_a_strange_form_are_one_sentence(tmp_path):
    lcm, callback = latent_consistency(tmp_path), SoartCallback(below=0)
    lcm._num_timesteps = 2
    callback(lcm, 0, 999, {"latents": torch.zeros(1, 7, 16, 16)})
    with pytest.raises(ModelError, match="it packs its latents in a way of its own"):
        callback(lcm, 1, 499, {"latents": torch.zeros(1, 7, 16, 16)})
    assert "step" not in vars(lcm.scheduler)


def test_the_early_look_is_what_the_generator_foresees(pipe):
    wrapped = wrap(pipe)
    request = wrapped.generator.request("a fox", 1, steps=6, **SIZE)
    [[foreseen]] = wrapped.generator.preview([request], 0.5)
    callback = SoartCallback(below=-1e9, share=0.5)
    call(pipe, callback_on_step_end=callback, guidance_scale=request.guidance)
    assert np.abs(callback.pictures[0] * 255 - foreseen.pixels).max() <= 1


@ONE
def test_a_batch_is_stopped_only_if_all_score_too_low(pipe):
    callback = SoartCallback(below=0, by=Bright())
    pipe(["a fox", "a boat"], num_inference_steps=4, callback_on_step_end=callback, **SIZE)
    assert callback.scores.shape == (2,)
    callback.below = float(callback.scores.mean())
    pipe(["a fox", "a boat"], num_inference_steps=4, callback_on_step_end=callback, **SIZE)
    assert not callback.stopped


class Failing:
    """A judge that fails on every picture."""

    name, version, scale, needs = "failing", "1", (0.0, 1.0, ""), ("pixels",)

    def values(self, pictures):
        raise RuntimeError("out of order")


@ONE
def test_a_threshold_has_one_judge_of_pictures_alone(pipe):
    for by, words in (
        ("adherence", "needs a prompt, and here only the pictures are known"),
        ("person:me", "needs a person"),
        (["technical", "blur"], "Expected one judge, because a threshold counts in its values, got 2"),
    ):
        with pytest.raises(JudgeError, match=words):
            SoartCallback(below=0, by=by)
    with pytest.raises(JudgeError, match="needs a prompt"):
        SoartScoreBlock("adherence")
    # Without a value of a failing judge nothing is stopped in silence.
    with pytest.raises(JudgeError, match="RuntimeError: out of order"):
        call(pipe, callback_on_step_end=SoartCallback(below=0, by=Failing()))


@ONE
def test_a_preview_with_nothing_to_judge_counts_as_too_low(pipe, monkeypatch):
    monkeypatch.setattr(
        "soart.pipelines.models.step_preview.decode", lambda *given: np.zeros((1, 32, 32, 3), dtype=np.float32)
    )
    callback = SoartCallback(below=0, by="technical")
    call(pipe, callback_on_step_end=callback)
    assert np.isnan(callback.scores).all()
    assert callback.stopped


@ONE
def test_best_of(pipe):
    wrapped = soart.wrap(pipe)
    best = wrapped.best_of("a {fox|boat}", n=4, steps=2, by=Bright(), **SIZE)
    scores = [one.score for one in best]
    assert scores == sorted(scores, reverse=True)
    assert len({one.request.seed for one in best}) == 4
    assert best[0].image.size == (32, 32)
    assert wrapped.best_of("a {fox|boat}", n=4, keep=1, steps=2, by=Bright(), **SIZE)[0].score == scores[0]
    assert len(wrapped("a fox", num_inference_steps=1, **SIZE).images) == 1
    assert wrapped.scheduler is pipe.scheduler


@pytest.mark.slow
def test_optimize(pipe, tmp_path):
    found = soart.wrap(pipe).optimize("a fox", by=Bright(), seconds=None, pictures=6, num_inference_steps=2, **SIZE)
    assert found.marks.value >= found.start_marks.value
    assert found.image.size == (32, 32)
    assert set(found.steps) == {"seeds"}
    found.image.save(tmp_path / "fox.png")
    on = soart.wrap(pipe).optimize("a fox", by=Bright(), seconds=None, pictures=6, like=tmp_path / "fox.png", steps=4)
    assert np.array_equal(on.start, found.pixels)
    assert on.record["parents"][0]["strength"] == 0.5


@ONE
def test_settings_have_the_names_of_diffusers_too(pipe):
    wrapped = wrap(pipe)
    first = wrapped.best_of("a fox", n=1, steps=2, guidance=3.0, **SIZE)[0]
    second = wrapped.best_of("a fox", n=1, num_inference_steps=2, guidance_scale=3.0, **SIZE)[0]
    assert first.request == second.request
    with pytest.raises(ModelError, match="no setting 'strength'"):
        wrapped.best_of("a fox", n=1, strength=0.5)


@ONE
def test_tune(pipe, tmp_path):
    wrapped = wrap(pipe)
    space = "template: a {colour} {thing}\nslots:\n  colour: [red, blue]\n  thing: [fox, boat]\n  steps: ['2']\n  size: ['32x32']"
    done = []
    found = wrapped.tune(space, collection=tmp_path / "study", by=Bright(), budget=4, batch=2, progress=done.append)
    assert sum(done) == 4
    assert found.winners[0].words[0].prompt.startswith("a ")
    again = wrapped.tune(space, collection=tmp_path / "study", by=Bright(), budget=4, batch=2)
    assert [winner.choice for winner in again.winners] == [winner.choice for winner in found.winners]
    assert again.optimized is None
    ended = wrapped.tune(space, collection=tmp_path / "study", by=Bright(), budget=4, batch=2, optimize=0.1)
    assert ended.optimized.marks.value >= ended.optimized.start_marks.value
    assert ended.optimized.path.is_file()


@ONE
def test_identity_follows_the_weights(pipe):
    before = wrap(pipe).generator.model.identity
    assert before == wrap(pipe).generator.model.identity
    weight = next(pipe.vae.parameters())
    kept = weight.detach().clone()
    with torch.no_grad():
        weight.add_(1)
        assert wrap(pipe).generator.model.identity != before
        weight.copy_(kept)
    assert wrap(pipe).generator.model.identity == before
    named, after = (wrap(pipe, identity=identity).generator.model for identity in ("mine", None))
    assert named.identity == "mine+" + after.identity.partition("+")[2]


def test_another_scheduler_is_used_and_kept(pipe):
    wrapped, other = wrap(pipe), wrap(pipe)
    old, request = pipe.scheduler, wrapped.generator.request("a fox", 1, steps=4, **SIZE)
    try:
        before, identity = next(wrapped.generator.draw([request]))[0].pixels, wrapped.generator.model.identity
        # Of the same class with other settings, through the wrapper; then on the pipeline itself.
        changed = type(old).from_config(old.config, **SETTINGS[type(old).__name__])
        wrapped.scheduler = changed
        assert pipe.scheduler is wrapped.scheduler is other.scheduler is changed
        assert not np.array_equal(next(wrapped.generator.draw([request]))[0].pixels, before)
        assert other.best_of("a fox", n=1, steps=4, **SIZE)
        assert pipe.scheduler is changed
        seen = {identity, *(one.generator.model.identity for one in (wrapped, other, wrap(pipe)))}
        assert len(seen) == 2
        assert {one.partition("+")[0] for one in seen} == {identity.partition("+")[0]}
        pipe.scheduler = type(old).from_config(
            changed.config, **{name: old.config[name] for name in SETTINGS[type(old).__name__]}
        )
        assert np.array_equal(next(wrapped.generator.draw([request]))[0].pixels, before)
        assert wrapped.generator.model.identity == identity
    finally:
        pipe.scheduler = old


def test_pictures_of_another_scheduler_or_weights_are_not_taken_for_these(tmp_path):
    torch.manual_seed(0)
    wrapped = wrap(families.sd1(tmp_path))
    wrapped.set_progress_bar_config(disable=True)

    def tuned():
        space = "template: a {thing}\nslots:\n  thing: [fox, boat]\n  steps: ['2']\n  size: ['32x32']"
        wrapped.tune(space, collection=tmp_path / "study", by=Bright(), budget=2, batch=2)
        with Collection(tmp_path / "study") as collection:
            return sorted({(row.generation.sampler, row.generation.model) for row in collection.images()})

    assert [sampler for sampler, _ in tuned()] == ["DDIM"]
    wrapped.scheduler = EulerDiscreteScheduler.from_config(wrapped.scheduler.config)
    assert [sampler for sampler, _ in tuned()] == ["DDIM", "EulerDiscrete"]
    with torch.no_grad():
        next(wrapped.unet.parameters()).add_(1)
    assert [sampler for sampler, _ in tuned()] == ["DDIM", "EulerDiscrete", "EulerDiscrete"]


def test_the_wrapper_is_copied_pickled_and_moved(tmp_path):
    torch.manual_seed(0)
    wrapped = wrap(families.sd1(tmp_path), identity="mine", batch_size=2)
    twin = copy.copy(wrapped)
    assert twin.pipeline is wrapped.pipeline
    for made in (copy.deepcopy(wrapped), pickle.loads(pickle.dumps(wrapped))):  # noqa: S301
        assert made.pipeline is made.generator.model.pipeline is not wrapped.pipeline
        assert made.generator.model.identity == wrapped.generator.model.identity
        made.set_progress_bar_config(disable=True)
        assert len(made.best_of("a fox", n=1, steps=1, **SIZE)) == 1
    with pytest.raises(AttributeError, match="no_such_thing"):
        wrapped.no_such_thing  # noqa: B018
    assert {"best_of", "generator", "load_lora_weights", "unet"} <= set(dir(wrapped))
    assert repr(wrapped) == f"SoartPipeline({wrapped.pipeline!r})"
    assert wrapped.to(torch.float64) is wrapped
    assert wrapped.dtype == torch.float64
    assert wrapped.generator.model.dtype == "float64"
    assert wrapped.generator.batch_size == 2


def test_decode_says_what_is_missing(tmp_path):
    torch.manual_seed(0)
    flux = families.flux(tmp_path)
    packed = torch.randn(1, 6, 32)
    with pytest.raises(ModelError, match="pass width and height"):
        decode(flux, packed)
    factor = 2 * flux.vae_scale_factor
    assert decode(flux, packed, (3 * factor, 2 * factor)).shape == (1, 2 * factor, 3 * factor, 3)


def test_what_does_not_draw_from_text_is_refused(tmp_path):
    from diffusers import StableDiffusionImg2ImgPipeline

    torch.manual_seed(0)
    parts = families.sd1(tmp_path).components
    with pytest.raises(ModelError, match="does not draw pictures from text alone"):
        wrap(StableDiffusionImg2ImgPipeline(**parts, requires_safety_checker=False))
    with pytest.raises(ModelError, match="between 0 and 1"):
        SoartCallback(below=0, share=1.0)
    with pytest.raises(JudgeError, match="There is no judge 'nobody at all'"):
        SoartCallback(below=0, by="nobody at all")


@pytest.mark.parametrize(("family", "folder"), [("sd1", "stable_diffusion"), ("sdxl", "stable_diffusion_xl"), ("sd3", "stable_diffusion_3"), ("flux", "flux")])  # fmt: skip
def test_custom_pipeline(tmp_path, monkeypatch, family, folder):
    monkeypatch.setattr("diffusers.utils.dynamic_modules_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    saved = families.save_family(family, tmp_path)
    pipe = DiffusionPipeline.from_pretrained(
        saved, custom_pipeline=str(CUSTOM_PIPELINES[folder]), trust_remote_code=True
    )
    pipe.set_progress_bar_config(disable=True)
    assert type(pipe).__name__ == "SoartPipeline"
    best = pipe.best_of("a fox", n=2, steps=2, **SIZE)
    assert len(best) == 2
    assert best[0].score >= best[1].score


def modular(tmp_path, *, block=None):
    torch.manual_seed(0)
    blocks = StableDiffusionXLAutoBlocks().get_workflow("text2image")
    blocks.sub_blocks.insert("soart_score", block or SoartScoreBlock(Bright()), len(blocks.sub_blocks))
    pipe = blocks.init_pipeline()
    parts = families.sdxl(tmp_path).components
    pipe.update_components(
        **{name: part for name, part in parts.items() if part is not None and name in pipe.component_names}
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.mark.parametrize("kind", ["pil", "np", "pt"])
def test_modular_block_after_decode(tmp_path, kind):
    pipe = modular(tmp_path)
    state = pipe(
        prompt="a fox", num_inference_steps=2, num_images_per_prompt=3, output_type=kind, generator=torch.Generator().manual_seed(0), **SIZE
    )  # fmt: skip
    images, scores, ranking = (state.get(name) for name in ("images", "scores", "ranking"))
    assert len(images) == len(scores) == 3
    assert scores[ranking[0]] == max(scores)
    assert scores[ranking[2]] == min(scores)


def test_pictures_in_any_form():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
    tensor = torch.from_numpy(pixels).movedim(-1, 1) / 255
    forms = [pixels, list(pixels), [Image.fromarray(p) for p in pixels], tensor]
    for form in forms:
        found = as_pictures(form)
        assert list(found) == [0, 1]
        scale = 255 if found[0].dtype != np.uint8 else 1
        assert np.allclose(found[1] * scale, pixels[1], atol=1e-3)
    with pytest.raises(ImageError, match="Expected RGB pictures"):
        as_pictures(torch.zeros(1, 4, 8, 8))
    with pytest.raises(ImageError, match="got str"):
        as_pictures(["a.png"])


def test_the_example_in_the_docs_runs(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs/diffusers.md").read_text(encoding="utf-8")
    example = next(code for code in re.findall(r"```python\n(.*?)```", page, re.S) if "soart.wrap" in code)
    for long, short in {
        "MODEL": str(families.save_family("sd1", tmp_path)),
        "n=16": "n=2",
        "budget=60": "budget=4",
    }.items():
        assert long in example
        example = example.replace(long, short)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "diffusers.md", "exec"), {})  # noqa: S102
    assert "picture of a" in capsys.readouterr().out
    assert len(list(tmp_path.glob("seed *.png"))) == 1


def test_best_of_and_tune_by_a_judge(embedded, tmp_path):
    class Redness:
        name, version, scale, needs = "redness", "1", (0.0, 1.0, "share of red"), ("pixels",)

        def values(self, pictures):
            return [float(pixels[..., 0].mean()) / 255 for pixels in pictures.pixels()]

    pipe = soart.wrap(embedded.pipeline, identity="embedded")
    best = pipe.best_of("a boat, {cool|warm} palette", n=3, by=Redness(), num_inference_steps=2)
    assert [c.score for c in best] == pytest.approx([c.pixels[..., 0].mean() / 255 for c in best])
    assert best[0].score >= best[-1].score
    findings = pipe.tune("{boat|fox}, {cool|warm} palette", collection=tmp_path / "c", by=Redness(), budget=2, batch=2)
    assert findings.goal == {"judge:redness@1": 1.0}


def test_the_embedded_pipeline_keeps_its_own_steps_and_guidance(embedded):
    model = wrap(embedded.pipeline, identity="embedded").generator.model
    assert (model.steps, model.guidance) == (16, 2.0)


def test_a_taste_learnt_in_memory_judges_everywhere(embedded, tmp_path):
    pipe = soart.wrap(embedded.pipeline, identity="embedded")
    drawn = pipe.best_of("a boat, {cool|warm} palette", n=4, num_inference_steps=2)
    pictures = [candidate.image for candidate in drawn]
    taste = soart.learn_from_pictures("mine", good=pictures[:2], bad=pictures[2:], network=None)
    assert len(pipe.best_of("a boat", n=2, by=taste, num_inference_steps=2)) == 2
    findings = pipe.tune("{boat|fox}, {cool|warm} palette", collection=tmp_path / "c", by=taste, budget=2, batch=2)
    assert findings.goal == {"taste:mine": 1.0}
    callback = SoartCallback(below=-1, by=taste)
    pipe("a boat", num_inference_steps=4, callback_on_step_end=callback)
    assert callback.scores is not None
    assert not callback.stopped


def test_the_negative_prompt_of_a_tune_stays_in_every_one(tmp_path):
    wrapped = wrap(load_model(device="cpu").pipeline)
    options = {"vocabulary": "embedded", "budget": 3, "batch": 3, "prune": False, "steps": 2}
    wrapped.tune("a boat", collection=tmp_path / "plain", negative_prompt="dull, grey", **options)
    with Collection(tmp_path / "plain") as collection:
        drawn = [row.generation.negative for row in collection.images()]
    assert len(drawn) == 3
    assert all(negative.startswith("dull, grey") for negative in drawn)
