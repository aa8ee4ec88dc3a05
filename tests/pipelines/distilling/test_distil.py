"""Distilling a taste: pictures, training, the file and its card, interruptions, and degenerate input."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from specimens import families
from specimens.judging import Brightness, bright_taste

import soart
from soart.errors import JudgeError, LoraError, ModelError, PromptError, SoartError, TasteError
from soart.files import MOST_WEIGHTS
from soart.metrics.formats.tensors import read_header
from soart.pipelines.collection.ratings import rate
from soart.pipelines.distilling import distil as distilling
from soart.pipelines.distilling.distil import UNFINISHED, distil
from soart.pipelines.distilling.lora_file import CARD
from soart.pipelines.distilling.training import Recipe
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.models.loras import LoraFiles

RECIPE = Recipe(steps=3, pairs=2, rank=2)
TEMPLATE = "a picture of a {boat|fox|owl|tree}"


@pytest.fixture(scope="module")
def own(embedded):
    """A generator of its own: LoRAs change the layers of a pipeline."""
    return ImageGenerator(load_model(device="cpu"), 8)


@pytest.fixture(scope="module")
def taste(own):
    requests = [own.request("a boat in cool colors", seed, steps=2) for seed in range(100, 124)]
    return bright_taste(np.stack([one.pixels for batch in own.draw(requests) for one in batch]))


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Few pictures of other subjects, few strengths, two seeds of each prompt, and a state after every step."""
    for name, value in (("OTHERS", 1), ("OF_OTHER", 2), ("SEEDS", 2), ("SAVED", 1)):
        monkeypatch.setattr(distilling, name, value)
    for module in (distilling, __import__("soart.pipelines.distilling.card", fromlist=["card"])):
        monkeypatch.setattr(module, "STRENGTHS", (0.5, 1.0))


def run(collection, generator, taste, path, **options):
    settings = {"by": taste, "prompt": TEMPLATE, "pictures": 8, "check": 2, "recipe": RECIPE, "steps": 2, **options}
    return distil(collection, generator, path, **settings)


def test_a_lora_is_trained_examined_and_drawn_with(collection, own, taste, tmp_path):
    told, seen = [], []
    found = run(collection, own, taste, tmp_path / "mine.safetensors", estimate=told.append, progress=seen.append)
    assert json.loads(read_header(found.path, most=MOST_WEIGHTS)[0][CARD]) == found.card.as_json()
    assert found.card.learnt_from == 8
    assert found.card.pictures == 2
    assert found.card.new_prompts
    assert [one.strength for one in found.card.strengths] == [0, 0.5, 1]
    assert np.isfinite([found.card.wins, found.card.second_wins, *found.card.adherence, *found.card.freedom]).all()
    assert "few ratings" in found.sentences[0]
    (estimate,) = told
    assert estimate.seconds > 0
    assert estimate.memory > 100_000
    assert [one.stage for one in seen if one.stage != "drawing"][:3] == ["training"] * 3
    assert seen[-1].done == seen[-1].total
    # The pictures that were trained on are kept, those of the card are not.
    assert len(collection.images()) == 8
    prompts = {row.generation.prompt for row in collection.images()}
    assert len(prompts) == 3
    assert not [*collection.file(UNFINISHED).iterdir()]
    drawing = ImageGenerator(replace(own.model, loras=LoraFiles(found.path)))
    plain, changed = (
        next(drawing.draw([drawing.request(prompt, 1, steps=2)]))[0].pixels
        for prompt in ("a fox", "a fox, <lora:mine:1>")
    )
    assert not np.array_equal(plain, changed)


@pytest.mark.slow
def test_an_interrupted_run_goes_on_and_comes_to_the_same(collection, own, taste, tmp_path):
    def interrupt(progress):
        if progress.stage == "training" and progress.loss == progress.loss and len(steps) == 1:
            raise KeyboardInterrupt
        if progress.stage == "training":
            steps.append(progress.loss)

    steps = []
    path = tmp_path / "mine.safetensors"
    with pytest.raises(KeyboardInterrupt):
        run(collection, own, taste, path, progress=interrupt)
    assert not path.exists()
    found = run(collection, own, taste, path, check=2)
    assert any("went on from step 2" in one for one in found.sentences)
    whole = run(collection, own, taste, tmp_path / "whole.safetensors")
    assert all(torch.equal(value, load_file(whole.path)[name]) for name, value in load_file(path).items())
    assert whole.card == found.card


def test_rated_pictures_are_what_it_learns_from(collection, own, taste, tmp_path):
    soart.generate("a {boat|fox}", 6, collection, model=own, by="technical", steps=2)
    rate(collection, "me", {row.id: 1.0 + 4 * (k % 2) for k, row in enumerate(collection.images())})
    found = run(collection, own, taste, tmp_path / "mine.safetensors", prompt=None, rated=True)
    assert found.card.learnt_from == 6
    assert not found.card.new_prompts
    assert len(collection.images()) == 6


@pytest.mark.slow
def test_rated_prompts_are_drawn_without_their_loras(collection, own, taste, tmp_path):
    soart.generate("a boat", 2, collection, model=own, by="technical", steps=2)
    rate(collection, "me", {row.id: 5.0 for row in collection.images()})
    found = run(collection, own, taste, tmp_path / "mine.safetensors", prompt=None, pictures=4)
    assert found.card.learnt_from == 4
    assert {row.generation.prompt for row in collection.images()} == {"a boat"}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"by": "overall"}, JudgeError, "is not a taste"),
        ({"prompt": None}, PromptError, "give one with --prompt"),
        ({"prompt": None, "rated": True}, SoartError, "has rated 0 pictures"),
        ({"pictures": 1}, SoartError, "at least 2 pictures"),
        ({"check": 0}, SoartError, "trust card"),
        ({"recipe": Recipe(steps=0)}, SoartError, "above 0"),
        ({"recipe": Recipe(rate=-1.0)}, SoartError, "above 0"),
    ],
)
def test_mistakes_are_refused_before_anything_is_drawn(collection, own, taste, tmp_path, change, error, message):
    with pytest.raises(error, match=message):
        run(collection, own, taste, tmp_path / "mine.safetensors", **change)
    assert not collection.images()


@pytest.mark.parametrize("name", ["mine.pt", "a:b.safetensors", "<x>.safetensors", " .safetensors"])
def test_a_file_that_no_prompt_can_name_is_refused(collection, own, taste, tmp_path, name):
    with pytest.raises(LoraError, match="Expected a file"):
        run(collection, own, taste, tmp_path / name)


def test_a_taste_at_chance_is_refused(collection, own, taste, tmp_path):
    chance = replace(taste, trust=replace(taste.trust, word="no better than chance"))
    with pytest.raises(TasteError, match="--anyway"):
        run(collection, own, chance, tmp_path / "mine.safetensors")


def test_models_that_cannot_learn_are_refused(collection, taste, tmp_path):
    generator = soart.wrap(families.pixart(tmp_path)).generator
    with pytest.raises(ModelError, match="no loader of LoRAs for a PixArtAlphaPipeline"):
        run(collection, generator, taste, tmp_path / "mine.safetensors")


@pytest.mark.slow
def test_a_transformer_learns_too(collection, taste, tmp_path):
    pipeline = families.flux(tmp_path)
    pipeline.set_progress_bar_config(disable=True)
    generator = soart.wrap(pipeline).generator
    found = run(collection, generator, taste, tmp_path / "mine.safetensors", pictures=4, width=32, height=32)
    assert all(name.startswith("transformer.") for name in load_file(found.path))
    assert json.loads(read_header(found.path, most=MOST_WEIGHTS)[0][CARD]) == found.card.as_json()


def test_pictures_that_are_liked_alike_teach_nothing(collection, own, taste, tmp_path):
    soart.generate("a boat", 2, collection, model=own, by="technical", steps=2)
    rate(collection, "me", {row.id: 3.0 for row in collection.images()})
    with pytest.raises(ModelError, match="liked alike"):
        run(collection, own, taste, tmp_path / "mine.safetensors", prompt=None, rated=True)


@pytest.mark.slow
def test_memory_decides_how_training_runs(collection, own, taste, tmp_path, monkeypatch):
    told = []

    class ToldError(Exception):
        pass

    def tell(estimate):
        told.append(estimate)
        raise ToldError

    for free in (None, 10**12, 1):
        monkeypatch.setattr(distilling, "free_memory", lambda device, free=free: free)
        with pytest.raises(ToldError):
            run(collection, own, taste, tmp_path / "mine.safetensors", estimate=tell)
    unknown, enough, little = told
    assert not unknown.checkpointed
    assert not enough.checkpointed
    assert little.checkpointed
    assert little.memory < enough.memory


@pytest.mark.slow
def test_each_block_may_be_computed_twice(collection, own, taste, tmp_path, monkeypatch):
    plain = run(collection, own, taste, tmp_path / "plain.safetensors")
    monkeypatch.setattr(distilling, "free_memory", lambda device: 1)
    twice = run(collection, own, taste, tmp_path / "twice.safetensors")
    weights = load_file(twice.path)
    near = [torch.allclose(value, weights[name], atol=0.05) for name, value in load_file(plain.path).items()]
    assert np.mean(near) > 0.9
    assert not own.model.pipeline.unet.training


def test_a_pipeline_with_a_lora_on_is_left_alone(collection, taste, tmp_path):
    pipeline = load_model(device="cpu").pipeline
    pipeline.load_lora_weights(str(soart.__path__[0] + "/pipelines/tiny/loras"), weight_name="frame.safetensors")
    with pytest.raises(ModelError, match="unload it first"):
        run(collection, soart.wrap(pipeline).generator, taste, tmp_path / "mine.safetensors")


def test_a_judge_of_another_kind_is_no_taste(collection, own, tmp_path):
    with pytest.raises(JudgeError, match="learn one"):
        run(collection, own, Brightness(), tmp_path / "mine.safetensors")
