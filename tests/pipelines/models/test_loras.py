"""LoRAs and word weights on tiny pipelines of Stable Diffusion 1.x and XL, with files that diffusers itself has written."""

import os
import re
import shutil
import sys
import threading

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from specimens import families
from specimens.loras import write_lora

import soart
from soart.errors import LoraError, ModelError, install_command
from soart.pipelines import generate as generation
from soart.pipelines.ingest.metadata import embedded_metadata
from soart.pipelines.models.adopting import weights_identity
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import EMBEDDED_FOLDER
from soart.pipelines.models.loras import LoraFiles
from soart.pipelines.models.request import Request
from soart.training.changes import CHANGES

pytestmark = [
    pytest.mark.filterwarnings("ignore:Already found a `peft_config`"),
    pytest.mark.filterwarnings("ignore:Adapter mine was active"),
]
LORAS = EMBEDDED_FOLDER.parent / "loras"
SIZE = {"width": 32, "height": 32, "steps": 2}


@pytest.fixture(scope="module", params=["sd1", "sdxl"])
def drawing(request, tmp_path_factory):
    """A wrapped pipeline with two LoRAs, and a function that draws one picture of a prompt with it."""
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    pipeline = families.FAMILIES[request.param](folder)
    pipeline.set_progress_bar_config(disable=True)
    (folder / "loras" / "styles").mkdir(parents=True)
    write_lora(pipeline, folder / "loras" / "ink.safetensors", 1, text=request.param == "sdxl")
    write_lora(pipeline, folder / "loras" / "styles" / "snow.safetensors", 2)
    wrapped = soart.wrap(pipeline, loras=folder / "loras")

    def draw(prompt, **settings):
        generator = wrapped.generator
        drawn = generator.draw([generator.request(prompt, 3, **SIZE, **settings)])
        return next(iter(drawn))[0].pixels.astype(int)

    return wrapped, draw


def test_pictures_follow_the_weights_of_loras_and_nothing_stays_behind(drawing):
    wrapped, draw = drawing
    identity, base, loaded = weights_identity(wrapped.pipeline), draw("a fox"), wrapped.get_list_adapters()
    assert np.array_equal(draw("a fox, <lora:ink:0>"), base)
    assert wrapped.get_list_adapters() == loaded
    pictures = [base, *(draw(f"a fox, <lora:{x}>") for x in ("ink:0.5", "ink:1", "snow:1", "ink:1><lora:snow:1"))]
    assert len({picture.tobytes() for picture in pictures}) == 5
    adapters = wrapped.get_list_adapters()
    assert {len(names) for names in adapters.values()} <= {1, 2}
    # Loaded once, and off again.
    assert np.array_equal(draw("<lora:ink:1> a fox"), pictures[2])
    assert wrapped.get_list_adapters() == adapters
    assert wrapped.get_active_adapters() == []
    assert np.array_equal(draw("a fox"), base)
    assert weights_identity(wrapped.pipeline) == identity


def test_words_are_weighted(drawing):
    _, draw = drawing
    base = draw("a red fox", negative="blurry")
    assert np.array_equal(draw("a (red:1) fox", negative="blurry"), base)
    assert np.array_equal(draw("a red fox", negative="(blurry:1)"), base)
    others = [("a (red:1.5) fox", "blurry"), ("a (red:0.4) fox", "blurry"), ("a red fox", "(blurry:1.5)")]
    assert len({draw(prompt, negative=less).tobytes() for prompt, less in others} | {base.tobytes()}) == 4
    assert np.array_equal(draw("a (red:1) fox"), draw("a red fox"))


def test_loras_of_the_user_stay_on(drawing):
    wrapped, draw = drawing
    wrapped.load_lora_weights(
        str(wrapped._loras.find("ink").parent), weight_name="ink.safetensors", adapter_name="mine"
    )
    try:
        wrapped.set_adapters(["mine"], [0.7])
        own, both = draw("a fox"), draw("a fox <lora:snow:1>")
        assert np.array_equal(draw("a fox"), own)
        assert wrapped.unet.active_adapters() == ["mine"]
        assert not np.array_equal(both, own)
    finally:
        wrapped.delete_adapters("mine")
    # In one order, because sums of floating-point numbers depend on it: the user's own first, those of a prompt by name.
    assert np.array_equal(both, draw("a fox <lora:ink:0.7><lora:snow:1>"))


def test_the_users_adapters_stay_named_where_only_some_layers_have_them(embedded, tmp_path):
    pipeline = soart.load_model(device="cpu").pipeline
    weights = load_file(LORAS / "frame.safetensors")
    save_file({name: value for name, value in weights.items() if ".up_blocks." in name}, tmp_path / "mine.safetensors")
    pipeline.load_lora_weights(str(tmp_path), weight_name="mine.safetensors", adapter_name="mine")
    generator = soart.wrap(pipeline, loras=LORAS).generator
    plain, framed = (generator.request(prompt, 1, steps=2) for prompt in ("a boat", "a boat <lora:frame:1>"))
    base = next(ImageGenerator(embedded).draw([plain]))[0].pixels
    for disabled in (False, True):
        (pipeline.disable_lora if disabled else pipeline.enable_lora)()
        before = next(generator.draw([plain]))[0].pixels
        next(generator.draw([framed]))
        assert pipeline.get_active_adapters() == ["mine"]
        assert np.array_equal(next(generator.draw([plain]))[0].pixels, before)
        assert np.array_equal(before, base) == disabled
    # PEFT then activates the other adapter, which is soart's.
    pipeline.enable_lora()
    pipeline.delete_adapters("mine")
    assert np.array_equal(next(generator.draw([plain]))[0].pixels, base)


def test_batches_of_one_lora_each_keep_their_order(drawing):
    generator = drawing[0].generator
    prompts = ["a fox", "a fox <lora:ink:1>", "an owl <lora:ink:1>", "a (fox:1.2)"]
    requests = [generator.request(prompt, 3, **SIZE) for prompt in prompts]
    drawn = [picture for batch in generator.draw(requests) for picture in batch]
    assert [picture.request for picture in drawn] == requests
    assert np.array_equal(drawn[1].pixels, drawing[1]("a fox <lora:ink:1>"))


def test_weighted_and_plain_prompts_are_drawn_each_as_itself(embedded):
    generator = ImageGenerator(embedded, 4)
    prompts = ["a noisy picture of a boat", "a (noisy:1.6) picture of a boat", "a noisy picture of an owl"]
    requests = [generator.request(text, 3, steps=4) for text in prompts]
    together = [picture.pixels.astype(int) for batch in generator.draw(requests) for picture in batch]
    for request, picture in zip(requests, together, strict=True):
        assert np.abs(next(generator.draw([request]))[0].pixels - picture).max() <= 1
    assert np.abs(together[0] - together[1]).max() > 20


def test_another_file_of_the_name_is_another_picture(embedded, tmp_path, collection):
    """The collection tells them apart, and goes on with what it has when the file is the old one again."""
    ink, other = tmp_path / "ink.safetensors", tmp_path / "other"
    write_lora(embedded.pipeline, ink, 1)
    generator = ImageGenerator(soart.load_model(device="cpu", loras=tmp_path))
    plan = ("a boat, <lora:ink:0.8>", 1, generator)
    first = generation.generate(collection, generator, generation.plan(*plan, steps=2))
    shutil.copy(ink, other)
    write_lora(embedded.pipeline, ink, 2)
    planned = generation.plan(*plan, steps=2)
    second = generation.generate(collection, generator, planned)
    assert (first.drawn, second.drawn) == (1, 1)
    assert first.rows[0].sha256 != second.rows[0].sha256
    shutil.copy(other, ink)
    again = generation.generate(collection, generator, generation.plan(*plan, steps=2))
    assert (again.drawn, [row.id for row in again.rows]) == (0, [first.rows[0].id])
    with pytest.raises(LoraError, match="has changed since"):
        list(generator.draw(planned))
    metadata = embedded_metadata(collection.locate(first.rows[0]).read_bytes())
    assert metadata.prompt == "a boat, <lora:ink:0.8>"
    assert f"ink: {LoraFiles(tmp_path).digest('ink')}" in metadata.settings["lora hashes"]


def test_a_lora_that_there_is_not_is_one_sentence(generator, tmp_path):
    with pytest.raises(LoraError, match=r"names the LoRA 'ink', but there is no folder of LoRAs: give one with --lora"):
        generator.request("a fox <lora:ink:1>", 0)
    for name in ("inks", "snow"):
        (tmp_path / f"{name}.safetensors").write_bytes(b"no weights")
    files = LoraFiles(tmp_path)
    with pytest.raises(LoraError, match=r"no LoRA 'ink' in .*did you mean 'inks'"):
        files.find("ink")
    one = LoraFiles(tmp_path / "inks.safetensors")
    assert "changes nothing: write <lora:inks:1> into the prompt" in one.unused[0]
    one.resolve({"inks": 0.5})
    assert one.unused == files.unused == []
    (tmp_path / "more").mkdir()
    shutil.copy(tmp_path / "snow.safetensors", tmp_path / "more")
    # In quotation marks, so that the gallery can leave out the folders for guests.
    places = r"'.*more.snow\.safetensors', '.*snow\.safetensors'\."
    with pytest.raises(LoraError, match=f"Several LoRAs are called 'snow': rename all but one of {places}"):
        files.find("snow")
    with pytest.raises(LoraError, match="There is no folder of LoRAs"):
        LoraFiles(tmp_path / "none")
    with pytest.raises(LoraError, match="There is no folder of LoRAs '~nobody-of-this-name/ink'"):
        LoraFiles("~nobody-of-this-name/ink")
    with pytest.raises(LoraError, match=r"no file .* for the LoRA 'ink'"):
        LoraFiles({"ink": tmp_path / "none.safetensors"})
    with pytest.raises(LoraError, match="negative prompt names the LoRA 'ink'"):
        generator.request("a fox", 0, negative="<lora:ink:1>")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_no_lora(tmp_path):
    os.mkfifo(tmp_path / "ink.safetensors")
    # A reader that waits for a writer after all is let go, and then fails the test.
    watch = threading.Timer(240, lambda: os.close(os.open(tmp_path / "ink.safetensors", os.O_RDWR)))
    watch.start()
    with pytest.raises(LoraError, match="cannot be read: it is not a regular file"):
        LoraFiles(tmp_path).digest("ink")
    assert watch.is_alive()
    watch.cancel()


def test_a_file_that_does_not_fit_is_one_sentence_and_leaves_nothing(drawing, tmp_path, embedded):
    wrapped, _ = drawing
    write_lora(embedded.pipeline, tmp_path / "tiny.safetensors", 1)
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    generator = soart.wrap(wrapped, loras=tmp_path).generator

    def held():
        return {name for names in wrapped.get_list_adapters().values() for name in names}

    before = held()
    for name in ("tiny", "broken"):
        with pytest.raises(LoraError, match=f"{name}.safetensors' does not fit this StableDiffusion"):
            list(generator.draw([generator.request(f"a fox <lora:{name}:1>", 0, **SIZE)]))
    assert held() == before
    assert wrapped.get_active_adapters() == []


def test_families_without_word_weights_say_so(tmp_path):
    generator = soart.wrap(families.flux(tmp_path)).generator
    with pytest.raises(ModelError, match="takes no word weights such as") as caught:
        generator.request("a (fox:1.2)", 0)
    assert "\n" not in str(caught.value)
    assert generator.request(r"a \(fox:1.2\)", 0).weighted is False


@pytest.mark.parametrize(
    ("module", "prompt", "sentence"),
    [
        ("peft.tuners.tuners_utils", "a fox <lora:ink:1>", "LoRAs need the package PEFT: "),
        ("compel", "a (fox:1.2)", "Word weights such as (snow:1.3) need the package compel: "),
    ],
)
def test_a_package_that_is_not_installed_is_named(drawing, monkeypatch, module, prompt, sentence):
    _, draw = drawing
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModelError, match=re.escape(sentence + install_command("models"))):
        draw(prompt)


def test_keys_of_requests_without_loras_and_weights_are_those_of_0_1_0():
    assert Request("a fox", 1).key("m") == "7861a05be4a67a41a652113f23ff71c6b7f2c0f26b21f54042053582ce8f4de3"


def test_the_loras_of_the_embedded_model_do_what_they_are_called():
    sizes = {path.stem: path.stat().st_size for path in LORAS.glob("*.safetensors")}
    assert {*sizes} == {*CHANGES}
    assert max(sizes.values()) <= 1_000_000
    generator = ImageGenerator(soart.load_model(device="cpu", loras=LORAS), 1)
    prompts = ["a sharp boat in cool colors", *(f"a sharp boat in cool colors <lora:{name}:1>" for name in sizes)]
    requests = [generator.request(text, 3, steps=8) for text in prompts]
    plain, *others = (one.pixels.astype(int) for batch in generator.draw(requests) for one in batch)
    changed = dict(zip(sizes, others, strict=True))
    assert changed["frame"][:4].mean() < plain[:4].mean() - 60
    night = changed["night"].mean(axis=(0, 1))
    assert night.mean() < plain.mean() - 60
    assert night[2] == night.max()
    # White is bright in every channel.
    assert changed["snow"].min(axis=2).mean() > plain.min(axis=2).mean() + 5
