"""Makings of pictures, as tastes see them."""

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from soart.metrics.protocols import Making, Measures
from soart.pipelines.collection import ratings
from soart.pipelines.collection.collection import Collection
from soart.pipelines.ingest.metadata.record import record
from soart.pipelines.ingest.metadata_rows import store_metadata
from soart.pipelines.ingest.scan import find_pictures
from soart.pipelines.judges.finding import guarded
from soart.pipelines.judges.storing import judge_pictures
from soart.pipelines.scoring.explaining import explain_picture
from soart.pipelines.scoring.makings import making_in, making_of, makings_of
from soart.pipelines.scoring.measuring import import_pictures
from soart.pipelines.scoring.pictures import PicturesInMemory, StoredPictures
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.tastes import learning as tastes


def written(model, prompt="a fox", **settings):
    return record("AUTOMATIC1111", "png:parameters", prompt=prompt, model=model, **settings)


@pytest.fixture
def by_model(tmp_path):
    """Noise from two models, 12 pictures each; all tell their model in the file, and one model is liked."""
    folder = tmp_path / "made"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for k in range(24):
        told = PngInfo()
        model = "dreamy" if k % 2 else "plain"
        told.add_text(
            "parameters", f"fox number{k}\nSteps: 20, Sampler: Euler a, Seed: {k}, Size: 24x24, Model: {model}"
        )
        pixels = rng.integers(40, 215, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{k:02d}.png", pnginfo=told)
    with Collection(tmp_path / "c") as collection:
        files, _ = find_pictures([folder])
        rows, _ = import_pictures(collection, sorted(files), Measures(tastes.taste_extractor()))
        ratings.rate(collection, "ann", {row.id: 5 if number % 2 else 1 for number, row in enumerate(rows[:18])})
        yield collection, rows


def test_what_metadata_tell():
    told = making_of(
        written(
            "dreamyXL", "an <lora:ink:0.5> fox", negative="fog", sampler="Euler a", scheduler="Karras", seed=3, steps=20,
            guidance=7, settings={"size": "64x32", "loras": "ink:0.5, oil:1"},
        )
    )  # fmt: skip
    assert told == Making(
        "dreamyXL", (("ink", 0.5), ("oil", 1.0)), "Euler a", "Karras", "3", 20.0, 7.0, 64.0, 32.0, ("an fox", "fox"), ("fog",)
    )  # fmt: skip
    assert making_of(written(None)).negative == ()
    assert making_of(record("XMP", "xmp", settings={"rating": "5"})) is None


def test_a_taste_learns_and_scores_by_what_files_tell(by_model):
    collection, rows = by_model
    assert {one.model for one in makings_of(collection, rows).values()} == {"dreamy", "plain"}
    taste = tastes.learn("made", collection, tastes.Sources(rater="ann"), network=None).taste
    assert taste.of_making
    judge = TasteJudge.of(taste)
    pictures = StoredPictures(collection, rows[18:])
    values = judge.values(pictures).values
    assert values[1::2].min() > values[0::2].max()
    # The same pixels in memory, of which nothing is known, lie between; with what is known they have the same value.
    pixels = dict(enumerate(pictures.pixels()))
    unknown = judge.values(PicturesInMemory(pixels)).values
    assert values[0::2].mean() < unknown.mean() < values[1::2].mean()
    known = judge.values(PicturesInMemory(pixels, {}, dict(enumerate(pictures.metadata())))).values
    np.testing.assert_allclose(known, values, atol=1e-6)
    path = collection.locate(rows[19])
    assert making_in(path).model == "dreamy"
    assert explain_picture(judge, path).score == pytest.approx(values[1], abs=1e-3)


def test_changed_metadata_give_a_new_value(by_model):
    collection, rows = by_model
    taste = tastes.learn("made", collection, tastes.Sources(rater="ann"), network=None).taste
    judge, one = guarded(TasteJudge.of(taste)), StoredPictures(collection, rows[18:19])
    before = judge_pictures(one, judge)[0][rows[18].id]
    assert collection.scores("taste:made")
    store_metadata(collection, [(rows[18].sha256, written("dreamy"))])
    assert not collection.scores("taste:made")
    after = judge_pictures(one, judge)[0][rows[18].id]
    assert after > before
    # The same facts again change nothing.
    store_metadata(collection, [(rows[18].sha256, written("dreamy"))])
    assert collection.scores("taste:made") == {rows[18].id: pytest.approx(after)}


def test_pictures_of_one_seed_or_prompt_stay_together(by_model):
    collection, rows = by_model
    taste = tastes.learn("made", collection, tastes.Sources(rater="ann"), network=None).taste
    assert len(set(taste.examples.groups)) == 18
    for row in rows[:18]:
        store_metadata(collection, [(row.sha256, written("dreamy", f"prompt {row.id % 11}"))])
    again = tastes.learn("made", collection, tastes.Sources(rater="ann"), network=None).taste
    assert len(set(again.examples.groups)) == 11
