"""Prompts and settings of pictures, as soart and other tools made them."""

import json
import time

import numpy as np
import pytest
from PIL import Image
from specimens.time_zones import local_time

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.provenance import good_prompts, origins, provenance_of
from soart.pipelines.collection.ratings import rate
from soart.pipelines.collection.tables import MetadataRow
from soart.pipelines.ingest.file_rows import link_files
from soart.pipelines.ingest.metadata.a1111 import read_parameters
from soart.pipelines.ingest.metadata.record import record
from soart.pipelines.ingest.metadata_rows import store_metadata
from soart.pipelines.ingest.scan import FileEntry
from soart.pipelines.scoring.grouping import by_burst, by_prompt


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


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ({"rating": "5"}, {}, True),
        ({"job": "1a"}, {"job": "2b"}, True),
        ({"created date": "2026-11-01"}, {"created date": "2026-11-02"}, True),
        ({"createdat": "1", "id": "7", "url": "a"}, {"createdat": "2", "id": "8", "url": "b"}, True),
        ({"variation seed": "1", "batch pos": "0"}, {"variation seed": "2", "batch pos": "1"}, True),
        ({"size": "512x512"}, {"size": "512x768"}, False),
        ({"model hash": "a"}, {"model hash": "b"}, False),
        ({"timesteps": "8"}, {"timesteps": "9"}, False),
    ],
)
def test_pictures_that_are_made_alike_are_of_one_group(tmp_path, one, other, together):
    """Stars in a photo manager, or the job of Midjourney, took a picture out of the group of its prompt."""
    with Collection(None) as collection:
        rows = []
        for number, settings in enumerate((one, other)):
            Image.fromarray(np.full((16, 16, 3), 40 * number, np.uint8)).save(tmp_path / f"{number}.png")
            rows.append(collection.add_file(tmp_path / f"{number}.png")[0])
            told = record("AUTOMATIC1111", "png:parameters", prompt="a fox", seed=number, settings=settings)
            store_metadata(collection, [(rows[-1].sha256, told)])
        made = origins(collection, [row.id for row in rows])
        groups = by_prompt([made[row.id] for row in rows]).tolist()
    assert groups == ([0, 0] if together else [-1, -1])


def test_an_exact_copy_takes_no_picture_out_of_its_numbered_burst(tmp_path, collection):
    """The first path in alphabetical order was taken for the picture's, here that of the copy."""
    rows = []
    for number in range(3):
        Image.fromarray(np.full((16, 16, 3), 40 * number, np.uint8)).save(tmp_path / f"{number}.png")
        rows.append(collection.add_file(tmp_path / f"{number}.png")[0])
        told = record("AUTOMATIC1111", "png:parameters", prompt="a fox", seed=number)
        store_metadata(collection, [(rows[-1].sha256, told)])
    files = [(f"/p/out/000{n}.png", n, row.id) for n, row in enumerate(rows)] + [
        ("/p/best/favourite.png", 1, rows[1].id)
    ]
    link_files(collection, 1, [(FileEntry(path, 9, (n + 1) * 10**13), image) for path, n, image in files])
    made = origins(collection, [row.id for row in rows])
    assert made[rows[1].id].path == "/p/out/0001.png"
    assert by_burst([made[row.id] for row in rows]).tolist() == [0, 0, 0]


def test_the_time_zone_comes_back_after_a_failure():
    zone = time.timezone
    with pytest.raises(ZeroDivisionError), local_time("Pacific/Kiritimati"):
        assert 1 / 0
    assert time.timezone == zone


def test_the_time_of_a_picture_is_the_latest_change_of_its_files_however_recent(tmp_path, collection):
    """Of a change too recent to be relied on, scans store the time with a minus sign."""
    Image.fromarray(np.full((16, 16, 3), 40, np.uint8)).save(tmp_path / "a.png")
    row, _ = collection.add_file(tmp_path / "a.png")
    with local_time("Pacific/Kiritimati"):
        assert origins(collection, [row.id])[row.id].time == pytest.approx(row.created_at.timestamp())
    files = [
        FileEntry(str(tmp_path / name), 9, changed)
        for name, changed in (("a.png", 1_700_000_005 * 10**9), ("b.png", -1_700_000_007 * 10**9))
    ]
    link_files(collection, 1, [(file, row.id) for file in files])
    made = origins(collection, [row.id])[row.id]
    assert (made.time, made.path) == (1_700_000_007.0, str(tmp_path / "a.png"))
