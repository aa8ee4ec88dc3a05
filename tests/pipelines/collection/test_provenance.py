"""Prompts and settings of pictures, as soart and other tools made them."""

import json

from soart.pipelines.collection.provenance import good_prompts, provenance_of
from soart.pipelines.collection.ratings import rate
from soart.pipelines.collection.tables import MetadataRow
from soart.pipelines.ingest.metadata.a1111 import read_parameters


def test_the_parameters_of_a_drawn_picture_are_read_back(collection, make_drawn):
    (row,) = collection.add_drawn([make_drawn(7, prompt='a "boat", {odd}\nline')], "m: x", "DPMSolverMultistep")
    provenance = provenance_of(collection, [row])[row.id]
    read = read_parameters(provenance.parameters, "x")
    assert (read.prompt, read.seed, read.steps, read.model) == (provenance.prompt, 7, provenance.steps, "m: x")
    assert read.sampler == "DPM++ 2M"
    assert provenance.parameters.endswith(f"\n{provenance.settings_line}")


def test_the_metadata_of_other_tools_is_an_origin_too(collection, paint, tmp_path):
    paths = sorted(paint(tmp_path / "found", 2, 3, vivid=True).iterdir())
    rows = [collection.add_file(path)[0] for path in paths]
    seed = str(2**64 - 1)
    with collection.session("be written", write=True) as session:
        session.add(
            MetadataRow(
                image_id=rows[0].id, tool="Fooocus", prompt="a castle", negative="fog", seed=seed, guidance=4.5,
                settings=json.dumps({"clip skip": "2"}), source="png",
            )
        )  # fmt: skip
    known = provenance_of(collection, rows)
    assert set(known) == {rows[0].id}
    provenance = known[rows[0].id]
    assert (provenance.tool, provenance.seed, provenance.settings) == ("Fooocus", seed, {"clip skip": "2"})
    assert provenance.parameters == f"a castle\nNegative prompt: fog\nCFG scale: 4.5, Seed: {seed}, Size: 20x20"


def test_only_a_size_other_than_that_of_the_picture_is_a_setting(collection, paint, tmp_path):
    rows = [collection.add_file(path)[0] for path in sorted(paint(tmp_path / "found", 4, 3, vivid=True).iterdir())]
    with collection.session("be written", write=True) as session:
        for row, size in zip(rows, ("20x20", "20 × 20", "10x10"), strict=False):
            settings = json.dumps({"size": size, "clip skip": "2"})
            session.add(MetadataRow(image_id=row.id, tool="AUTOMATIC1111", settings=settings, source="png"))
        session.add(MetadataRow(image_id=rows[3].id, tool="ComfyUI", settings="{}", source="png"))
    known = provenance_of(collection, rows)
    assert [known[row.id].settings for row in rows[:2]] == [{"clip skip": "2"}] * 2
    assert known[rows[2].id].settings == {"size": "10x10", "clip skip": "2"}
    assert known[rows[3].id].settings == {}


def test_good_prompts_are_those_of_the_best_rated_pictures(collection, make_drawn):
    rows = collection.add_drawn(
        [make_drawn(seed, prompt=f"a boat, style {seed}") for seed in range(4)], "model", "unknown"
    )
    rate(collection, "me", {rows[0].id: 3.5, rows[1].id: 5.0, rows[2].id: 4.0})
    collection.set_scores("blue", {rows[3].id: 9.0, rows[1].id: 1.0, rows[0].id: 0.0})
    # Neither what was rated below four stars, nor what scores below the mean.
    assert good_prompts(collection, ["me", "blue"]) == [f"a boat, style {n}" for n in (1, 2, 3)]
    keys = {rows[1].generation.request_key}
    assert good_prompts(collection, ["me"], keys) == ["a boat, style 2"]
    assert good_prompts(collection, ["nobody"]) == []
