"""Classes of pipelines: what is wrapped, what is refused, fixed inputs, and guidance under other names."""

import re
from pathlib import Path
from types import SimpleNamespace

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image
from specimens import families
from specimens.pipeline_classes import BUILDERS, build, table
from specimens.pipeline_classes.stable_diffusion import inpainting_unet, ip_adapter, mask, picture, sd_controlnet

from soart.errors import JudgeError, ModelError, PromptError, SoartError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.models.calls import check_inputs, listed_classes, needed_inputs
from soart.pipelines.models.fixed_inputs import inputs_digest
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.tuning.panel import Panel
from soart.pipelines.tuning.tuner import Tuner
from soart.plugin.diffusers import SoartCallback, wrap
from soart.prompts.space.space import PromptSpace

SIZE = {"width": 32, "height": 32}
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning", "ignore:.*deprecated:FutureWarning"
)


def draw(generator, **settings):
    size = SIZE if {"width", "height"} <= generator.model.accepts else {}
    [[drawn]] = generator.draw([generator.request("a fox", 1, **{"steps": 2, **size, **settings})])
    return drawn.pixels


@pytest.fixture(scope="module")
def stable(tmp_path_factory):
    torch.manual_seed(0)
    pipeline = families.sd1(tmp_path_factory.mktemp("sd1"))
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="module")
def from_pictures(stable):
    parts = {**stable.components, "requires_safety_checker": False}
    pipeline = diffusers.StableDiffusionImg2ImgPipeline(**parts)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_the_page_lists_every_class_of_the_installed_diffusers():
    page = table.PAGE.read_text(encoding="utf-8")
    names = re.findall(r"^[|*] (\w+) ", page, re.M)
    assert {kind.__name__ for kind in listed_classes()} <= set(names)
    assert len(names) >= 35
    assert set(names) - set(table.REFUSED) - set(table.NOT_TRIED) - set(BUILDERS) == {
        "class", "HeliosPipeline", "HeliosPyramidPipeline",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_page_is_what_the_classes_do(tmp_path):
    assert table.page(table.rows(tmp_path)) == table.PAGE.read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["StableDiffusionControlNetPipeline", "QwenImagePipeline"])
def test_a_class_does_what_the_page_says(name, tmp_path):
    row = table.try_class(name, tmp_path)
    assert row.draws == table.YES
    page = table.PAGE.read_text(encoding="utf-8")
    assert f"| {name} | {row.previews} | {row.guidance} | {row.inputs} |" in page


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["StableDiffusionPAGPipeline", "QwenImage21Pipeline", "Flux2KleinPipeline"])
def test_a_gradient_passes_through_other_attention_and_latents_of_any_form(name, tmp_path):
    pipeline, inputs = build(name, tmp_path)
    found = wrap(pipeline, **inputs).optimize("a fox", by="technical", seconds=None, pictures=6, steps=2, **SIZE)
    assert set(found.steps) == {"gradient"}
    assert not [sentence for sentence in found.sentences if "seeds" in sentence]


@pytest.mark.parametrize(("like", "words"), [(3, "Expected RGB pictures, got int"), ("nowhere.png", "nowhere.png")])
def test_what_is_no_picture_to_draw_on_is_refused(stable, like, words):
    with pytest.raises(SoartError, match=words):
        wrap(stable).optimize("a fox", like=like)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("WanPipeline", "draws videos"),
        ("HeliosPipeline", "draws videos"),
        ("AudioLDM2Pipeline", "draws sounds"),
        ("StableCascadeDecoderPipeline", "one half of a pair"),
        ("StableCascadePriorPipeline", "one half of a pair"),
        ("DiTPipeline", "takes no prompt"),
        ("FluxControlPipeline", r"from text alone: give its control_image too, as in soart.wrap\(pipeline, control_image=…\)"),
        ("StableDiffusionInpaintPipeline", "give its image and mask_image too"),
    ],
)  # fmt: skip
def test_what_draws_no_picture_from_text_is_refused_in_a_sentence(name, words):
    # Without weights: the class decides, before they are read.
    pipeline = type(name, (getattr(diffusers, name),), {"__init__": lambda self: None, "components": {}})()
    with pytest.raises(ModelError, match=words) as refused:
        wrap(pipeline)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["Flux2Pipeline", "Flux2KleinPipeline", "FluxKontextPipeline", "GlmImagePipeline", "QwenImage21Pipeline", "ZImageOmniPipeline"])  # fmt: skip
def test_listed_classes_that_may_take_a_picture_draw_without(name):
    kind = getattr(diffusers, name)
    assert needed_inputs(kind) == ()
    check_inputs(kind, ())
    check_inputs(kind, ["image"])


@pytest.mark.parametrize("drawing", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_compiled_pipeline_is_the_same_model(tmp_path, drawing):
    torch.manual_seed(0)
    pipeline = families.sd1(tmp_path)
    pipeline.set_progress_bar_config(disable=True)
    plain = wrap(pipeline).generator
    pixels = draw(plain)
    pipeline.unet = torch.compile(pipeline.unet, backend="eager")
    compiled = wrap(pipeline).generator
    assert compiled.model.identity == plain.model.identity
    assert compiled.model.size == plain.model.size == (32, 32)
    if drawing:
        assert np.abs(draw(compiled).astype(int) - pixels).max() <= 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_of_half_the_size_draw_on_the_cpu(dtype, tmp_path):
    torch.manual_seed(0)
    pipeline = families.sdxl(tmp_path).to(dtype)
    pipeline.set_progress_bar_config(disable=True)
    assert np.isfinite(wrap(pipeline).best_of("a fox", n=1, steps=2, **SIZE)[0].score)
    callback = SoartCallback(below=-1e9, share=0.5)
    pipeline("a fox", num_inference_steps=4, callback_on_step_end=callback, **SIZE)
    assert np.isfinite(callback.scores).all()


def test_a_wrapper_can_be_wrapped(stable, tmp_path):
    (tmp_path / "ink.safetensors").touch()
    first = wrap(stable, identity="mine", batch_size=2, loras=tmp_path, clip_skip=1)
    again = wrap(first)
    assert again.generator.model.loras.files() == first.generator.model.loras.files() != {}
    assert again.pipeline is stable
    assert again.generator.model.identity == first.generator.model.identity
    assert again.generator.batch_size == 2
    assert wrap(first, identity="yours").generator.model.identity.startswith("yours+")


@pytest.mark.parametrize(
    "wrong", ["a/model", None, 3, SimpleNamespace(components={}), diffusers.StableDiffusionPipeline]
)
def test_what_is_no_pipeline_is_refused(wrong):
    with pytest.raises(ModelError, match="Expected a loaded pipeline of diffusers, got"):
        wrap(wrong)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"prompt": 5}, PromptError, "the prompt as a text or a list of texts, got 5"),
        ({"n": 2.5}, PromptError, "the number of pictures as a whole number, got 2.5"),
        ({"n": True}, PromptError, "got True"),
        ({"keep": "x"}, SoartError, "keep as a number"),
        ({"keep": -1}, SoartError, "keep at least one picture, got -1"),
        ({"seed": "x"}, SoartError, "the seeds as whole numbers"),
        ({"progress": 3}, SoartError, "progress as a function"),
        ({"by": 3}, JudgeError, "The judge 'int' has no 'name'"),
        ({"by": {"technical": "much"}}, JudgeError, "the weights of judges as numbers"),
        ({"taste": "mine"}, ModelError, "no setting 'taste'"),
        ({"steps": "many"}, ModelError, "Expected steps in 1…1000, got 'many'"),
        ({"guidance": "x"}, ModelError, "Expected guidance in 0…100"),
        ({"width": "x", "height": 32}, ModelError, "Expected size in"),
        ({"negative": 3}, ModelError, "the negative prompt as text"),
        ({"scheduler": 3}, ModelError, "the class name of a diffusers scheduler"),
        (
            {"ip_adapter_image": object()},
            ModelError,
            "'ip_adapter_image' cannot be identified because it holds a object",
        ),
    ],
)
def test_wrong_types_are_one_sentence(stable, arguments, error, words):
    arguments = {"prompt": "a fox", "n": 1, "steps": 1, **arguments}
    with pytest.raises(error, match=words):
        wrap(stable).best_of(arguments.pop("prompt"), **arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"space": 3}, "a prompt space or its text"),
        ({"budget": "x"}, "the budget as a whole number"),
        ({"batch": 1.5}, "the batch as a whole number"),
        ({"seed": "x"}, "the seed as a whole number"),
        ({"by": 3}, "The judge 'int' has no 'name'"),
        ({"raters": ["me"]}, "no setting 'raters'"),
        ({"collection": 3}, "the collection as the path of a folder"),
        ({"progress": 3}, "progress as a function"),
        ({"strength": 0.5}, "no setting 'strength'"),
    ],
)
def test_wrong_types_of_a_tune_are_one_sentence(stable, tmp_path, arguments, words):
    arguments = {"space": "a {fox|boat}", "collection": tmp_path / "study", **arguments}
    with pytest.raises(SoartError, match=words):
        wrap(stable).tune(arguments.pop("space"), **arguments)


def test_wrong_numbers_of_a_wrapper_and_a_callback(stable):
    for batch_size in (0, "x", 1.5):
        with pytest.raises(ModelError, match="batch size of at least 1"):
            wrap(stable, batch_size=batch_size)
    with pytest.raises(SoartError, match="the identity as text"):
        wrap(stable, identity=3)
    with pytest.raises(SoartError, match="below as a score"):
        SoartCallback(below="x")
    with pytest.raises(SoartError, match="share of the steps as a number"):
        SoartCallback(below=0, share="x")
    with pytest.raises(ModelError, match="below as a score, got nan"):
        SoartCallback(below=float("nan"))
    for size in ({"width": 64}, {"height": 64}):
        with pytest.raises(ModelError, match="width and height together"):
            SoartCallback(below=0, **size)
    for share in (0, 1, 2, -0.5):
        with pytest.raises(ModelError, match="a share of the steps between 0 and 1"):
            SoartCallback(below=0, share=share)
    for size in ({"width": "64", "height": "64"}, {"width": 0, "height": 64}):
        with pytest.raises(ModelError, match="Expected width and height"):
            SoartCallback(below=0, **size)


def test_fixed_inputs_reach_the_picture_and_its_identity(stable):
    plain = wrap(stable)
    request = plain.generator.request("a fox", 1, steps=2, **SIZE)
    seen = {request.key(plain.generator.model.identity): draw(plain.generator)}
    for inputs in ({"eta": 1.0}, {"guidance_rescale": 0.9}, {"eta": 1.0, "guidance_rescale": 0.9}):
        wrapped = wrap(stable, **inputs)
        seen[request.key(wrapped.generator.model.identity)] = draw(wrapped.generator)
        # Given with a call, they count the same.
        again = plain.best_of("a fox", n=1, seed=1, steps=2, **SIZE, **inputs)[0]
        assert np.array_equal(again.pixels, draw(wrapped.generator))
    assert len(seen) == len({pixels.tobytes() for pixels in seen.values()}) == 4
    # And the wrapper itself is as it was.
    assert np.array_equal(draw(plain.generator), next(iter(seen.values())))
    with pytest.raises(ModelError, match=r"takes no 'strength': its fixed inputs are .*eta"):
        wrap(stable, strength=0.5)
    for own, words in (("generator", "leave it out."), ("guidance_scale", "pass guidance to best_of or tune")):
        with pytest.raises(ModelError, match=words):
            wrap(stable, **{own: 1})


def test_a_subclass_that_hands_its_arguments_on_is_called_as_its_parent(stable):
    class All(diffusers.StableDiffusionPipeline):
        def __call__(self, *a, **k):
            return super().__call__(*a, **k)

    class Some(diffusers.StableDiffusionPipeline):
        def __call__(self, prompt=None, guidance_scale=2.5, **k):
            return super().__call__(prompt, guidance_scale=guidance_scale, **k)

    class Alone(diffusers.StableDiffusionPipeline):
        def __call__(self, prompt=None, num_inference_steps=3, generator=None, output_type=None):
            return super().__call__(
                prompt, 32, 32, num_inference_steps=num_inference_steps, generator=generator, output_type=output_type
            )

    drawn = {}
    for kind, guidance in ((All, 7.5), (Some, 2.5), (Alone, 5.0)):
        pipeline = kind(**stable.components, requires_safety_checker=False)
        pipeline.set_progress_bar_config(disable=True)
        model = wrap(pipeline).generator.model
        assert model.guidance == guidance
        drawn[kind] = [draw(wrap(pipeline).generator, guidance=value).tobytes() for value in (1.5, 9.0)]
    plain = [draw(wrap(stable).generator, guidance=value).tobytes() for value in (1.5, 9.0)]
    assert drawn[All] == drawn[Some] == plain
    assert plain[0] != plain[1]
    # What it does not hand on it does not take.
    assert not {"width", "negative_prompt"} & model.accepts
    assert model.guidance_argument is None
    with pytest.raises(ModelError, match="takes no 'eta': its fixed inputs are none"):
        wrap(pipeline, eta=1.0)


def test_a_strength_that_leaves_no_step_is_refused_in_a_sentence(from_pictures):
    for strength, steps in ((0, 4), (0.1, 4), (float("nan"), 4)):
        with pytest.raises(ModelError, match=r"leaves none of the 4 steps to draw: give a strength of at least 0\.25"):
            wrap(from_pictures, image=picture(), strength=strength).best_of("a fox", n=1, steps=steps)


def test_an_ip_adapter_without_a_picture_is_told_what_it_needs(tmp_path):
    adapted = wrap(ip_adapter(tmp_path))
    with pytest.raises(ModelError, match=r"give it as ip_adapter_image=…, or unload the adapter"):
        adapted.best_of("a fox", n=1, steps=2, **SIZE)


def test_a_picture_is_known_by_its_pixels():
    first, second = picture(), picture()
    other = picture()
    other.putpixel((0, 0), (255, 0, 0))
    tensors = [torch.zeros(2, 3), torch.zeros(3, 2)]
    values = [first, np.asarray(first), *tensors, [first, other], [first], {"a": 1}, {"a": "1"}, 1, 1.0, None]
    digests = [inputs_digest({"image": value}) for value in [*values, other]]
    assert len(set(digests)) == len(digests)
    assert inputs_digest({"image": second}) == digests[0]
    assert inputs_digest({"mask_image": first}) != digests[0]
    assert inputs_digest({"a": 1, "b": 2}) == inputs_digest({"b": 2, "a": 1})
    with pytest.raises(ModelError, match="'image' cannot be identified"):
        inputs_digest({"image": [object()]})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"generator": 1},
            "'generator' cannot be given because soart sets it for every picture: leave it out, and pass seed",
        ),
        ({"guidance_scale": 3, "guidance": 4}, "'guidance_scale' and 'guidance' are the same setting"),
        ({"steps": 3, "num_inference_steps": 2}, "'num_inference_steps' and 'steps' are the same setting"),
    ],
)
def test_arguments_that_contradict_soart_are_refused(stable, options, message):
    for method in (wrap(stable).best_of, wrap(stable).tune):
        with pytest.raises(ModelError, match=message):
            method("a {fox|owl}", **options)


def test_best_of_takes_the_counts_and_generators_of_diffusers(stable):
    wrapped, options = wrap(stable), {"steps": 2, "by": "technical", **SIZE}
    seeded = wrapped.best_of("a fox", 2, seed=5, **options)
    given = wrapped.best_of("a fox", num_images_per_prompt=2, generator=torch.Generator().manual_seed(5), **options)
    assert {one.request for one in seeded} == {one.request for one in given}
    several = wrapped.best_of(["a fox", "an owl"], num_images_per_prompt=2, **options)
    drawn = sorted((one.request.prompt, one.request.seed) for one in several)
    assert drawn == [("a fox", 0), ("a fox", 1), ("an owl", 0), ("an owl", 1)]
    assert len(wrapped.best_of(["a fox", "an owl"], 1, **options)) == 2
    for wrong in ({"n": 2, "num_images_per_prompt": 2}, {"seed": 1, "generator": torch.Generator()}):
        with pytest.raises(ModelError, match="are the same setting"):
            wrapped.best_of("a fox", **wrong, **options)
    with pytest.raises(SoartError, match="at least one prompt, got an empty list"):
        wrapped.best_of([], 1, **options)
    with pytest.raises(ModelError, match="'num_images_per_prompt' cannot be given"):
        wrapped.tune("a {fox|owl}", num_images_per_prompt=2)
    table = several.to_pandas()
    assert list(table.columns[:4]) == ["score", "percentile", "reasons", "prompt"]
    assert table["score"].is_monotonic_decreasing
    assert several._repr_html_().count("<img") == 4


def test_palettes_count_in_the_digest_of_pictures():
    digests = []
    for colour in ([255, 0, 0], [0, 0, 255]):
        picture = Image.new("P", (8, 8), 1)
        picture.putpalette([0, 0, 0, *colour])
        digests.append(inputs_digest({"image": picture}))
    assert digests[0] != digests[1]


def test_a_picture_is_drawn_on(from_pictures):
    wrapped = wrap(from_pictures, image=picture(), strength=0.6)
    assert wrapped.generator.model.size is None
    best = wrapped.best_of("a {fox|boat}", n=3, steps=4)
    assert {one.image.size for one in best} == {(32, 32)}
    # Another picture or strength is another request; the default of the wrapper is replaced for one call only.
    faint = wrapped.best_of("a fox", n=1, steps=4, strength=0.3)[0]
    assert not np.array_equal(faint.pixels, wrapped.best_of("a fox", n=1, steps=4)[0].pixels)
    with pytest.raises(ModelError, match="does not take a size"):
        wrapped.best_of("a fox", n=1, width=64, height=64)
    # The early look counts the steps that are taken: two of four.
    generator = wrap(from_pictures, image=picture(), strength=0.5).generator
    request = generator.request("a fox", 1, steps=4)
    [[early]], [[final]] = generator.preview([request], 0.5), generator.draw([request])
    assert not np.array_equal(early.pixels, final.pixels)


def test_fixed_pictures_are_drawn_on_one_at_a_time(from_pictures):
    assert wrap(from_pictures, image=picture()).generator.batch_size == 1
    assert wrap(from_pictures, image=picture(), batch_size=3).generator.batch_size == 3


def test_tune_takes_settings_and_fixed_inputs(from_pictures, stable, tmp_path):
    space = "template: a {thing}\nslots:\n  thing: [fox, boat]"
    wrapped = wrap(from_pictures, image=picture())
    for strength in (0.5, 0.9):
        wrapped.tune(
            space, collection=tmp_path / "study", budget=2, batch=2, num_inference_steps=4, negative_prompt="blurry",
            strength=strength,
        )  # fmt: skip
    with Collection(tmp_path / "study") as collection:
        rows = list(collection.images())
        assert {(row.generation.steps, row.generation.negative) for row in rows} == {(4, "blurry")}
        assert len({row.generation.model for row in rows}) == 2
    wrap(stable).tune(space, collection=tmp_path / "sized", budget=2, batch=2, steps=1, width=32, height=64)
    with Collection(tmp_path / "sized") as collection:
        assert {(row.width, row.height) for row in collection.images()} == {(32, 64)}


@pytest.mark.filterwarnings("ignore")
def test_guidance_goes_where_the_class_takes_it(tmp_path):
    qwen, inputs = build("QwenImagePipeline", tmp_path)
    generator = wrap(qwen, **inputs).generator
    assert generator.model.guidance_argument == "true_cfg_scale"
    assert generator.model.guidance == 4.0
    # Its pictures of before had no guidance.
    assert "+true_cfg_scale+" in generator.model.identity
    assert not np.array_equal(draw(generator, guidance=1.5), draw(generator, guidance=30.0))
    hunyuan, inputs = build("HunyuanImagePipeline", tmp_path)
    own = hunyuan.guider.guidance_scale
    generator = wrap(hunyuan, **inputs).generator
    assert not np.array_equal(draw(generator, guidance=1.5), draw(generator, guidance=30.0))
    assert hunyuan.guider.guidance_scale == own


def test_a_slot_that_changes_nothing_is_said(tmp_path, caplog):
    torch.manual_seed(0)
    flux = families.flux(tmp_path)
    flux.set_progress_bar_config(disable=True)
    space = "template: a {thing}\nslots:\n  thing: [fox, boat]\n  guidance: ['1', '9']\n  steps: ['1', '2']\n  size: ['32x32']"
    findings = wrap(flux).tune(space, collection=tmp_path / "study", budget=4, batch=4)
    # These weights were not distilled to follow guidance.
    sentence = "Slot 'guidance' changes nothing: this model draws the same picture with 1 and 9. It is left out."
    assert sentence in findings.alarms
    assert [record.getMessage() for record in caplog.records if "changes nothing" in record.getMessage()] == [sentence]


def test_slots_that_work_are_not_accused(stable, tmp_path):
    text = (
        "template: a fox\nnegative: '{flaw}'\nslots:\n  flaw: {kind: negative, options: ['', blurry and dull]}\n"
        "  guidance: ['3', '9']\n  scheduler: ['', EulerDiscreteScheduler]\n  steps: ['2']\n  size: ['32x32']"
    )
    generator, panel = wrap(stable).generator, Panel("technical")

    def found(text):
        return Tuner(collection, generator, PromptSpace.parse(text), panel).find_dead_slots()

    with Collection(tmp_path) as collection:
        assert found(text) == []
        # Without guidance nothing keeps away from the negative prompt.
        [sentence] = found(text.replace("['3', '9']", "['1']"))
        assert sentence.startswith(
            "Slot 'flaw' changes nothing: this model draws the same picture with (nothing) and blurry"
        )
        assert not any(collection.images())


def test_pictures_with_transparency_are_laid_over_white(stable):
    class Transparent:
        scheduler = stable.scheduler

        def __call__(self, **arguments):
            output = stable(**arguments)
            alpha = np.zeros((*output.images.shape[:3], 1), dtype=np.float32)
            return SimpleNamespace(images=np.concatenate([output.images, alpha], axis=3))

    model = wrap(stable).generator.model
    model = type(model)(**{name: getattr(model, name) for name in model.__slots__} | {"pipeline": Transparent()})
    assert draw(ImageGenerator(model)).min() == 255


def test_the_second_example_in_the_docs_runs(stable, from_pictures, tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs/diffusers.md").read_text(encoding="utf-8")
    example = re.findall(r"```python\n(.*?)```", page, re.S)[1]
    for long, short in {"n=8": "n=2, num_inference_steps=2", "budget=40": "budget=2, num_inference_steps=2"}.items():
        assert long in example
        example = example.replace(long, short)
    parts = {**stable.components, "requires_safety_checker": False}
    names = {
        "image_to_image": from_pictures,
        "inpainting": diffusers.StableDiffusionInpaintPipeline(**{**parts, "unet": inpainting_unet()}),
        "controlnet": diffusers.StableDiffusionControlNetPipeline(**parts, controlnet=sd_controlnet()),
        "with_ip_adapter": ip_adapter(tmp_path),
        **{name: picture() for name in ("sketch", "photo", "pose", "face")},
        "mask": mask(),
        "soart": SimpleNamespace(wrap=wrap),
    }
    for name in ("inpainting", "controlnet"):
        names[name].set_progress_bar_config(disable=True)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "diffusers.md", "exec"), names)  # noqa: S102
    assert len(names["findings"].winners) == 2
    # The face reaches the picture.
    adapted = wrap(names["with_ip_adapter"])
    faces = [
        adapted.best_of("a fox", n=1, steps=2, **SIZE, ip_adapter_image=face)
        for face in (picture(), picture().rotate(90))
    ]
    assert not np.array_equal(faces[0][0].pixels, faces[1][0].pixels)
