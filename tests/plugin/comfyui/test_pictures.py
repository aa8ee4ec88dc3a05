"""ComfyUI's cache must not hide files that change, that cannot be written, or that another program replaces."""

import re
import shutil
import sqlite3
import sys

import numpy as np
import pytest
from safetensors.torch import load_file, save

from soart.metrics.tastes.taste_files import load_taste, same_taste
from soart.pipelines.collection.collection import Collection
from soart.pipelines.models.loading import EMBEDDED_FOLDER
from soart.pipelines.models.request import DrawnPicture, Request

PROMPT = {
    "prompt": "a boat", "negative": "", "count": 1, "seed": 3, "prompt_seed": 1, "steps": 3, "guidance": -1.0, "width": 0, "height": 0,
}  # fmt: skip


def pictures(graph, kind="vivid", count=4, seed=0):
    return graph.add("TestPictures", kind=kind, count=count, seed=seed)


def table(ran, node):
    return ran.outputs[node.id]["soart_table"][0]["rows"]


def texts(ran, node):
    return " ".join(ran.outputs[node.id]["text"])


def fill(folder, count):
    """A collection of pictures that are not measured."""
    with Collection(folder) as collection:
        for seed in range(count):
            pixels = np.random.default_rng(seed).integers(0, 255, (24, 24, 3)).astype(np.uint8)
            collection.add_drawn([DrawnPicture(Request("a", seed), pixels, None, 0.0)], "m", "s")


def taste_file(host, name):
    return host.base / "config" / "soart" / "tastes" / f"{name}.taste.safetensors"


def test_a_taste_that_another_graph_replaced_is_learnt_again(host, graph):
    mine = {"good": pictures(graph, "vivid", 8).out(), "bad": pictures(graph, "dull", 8, seed=1).out()}
    learnt = graph.add("SoartTaste", name="shared", **mine)
    assert "replaced" not in texts(host.run(graph), learnt)
    own = load_taste(taste_file(host, "shared"))
    for _ in range(2):
        ran = host.run(graph)
    assert learnt.id not in ran.executed
    theirs = type(graph)()
    others = {"good": pictures(theirs, "dull", 8, seed=2).out(), "bad": pictures(theirs, "vivid", 8, seed=3).out()}
    other = theirs.add("SoartTaste", name="shared", **others)
    said = texts(host.run(theirs), other)
    assert re.search(r"It replaced the taste of that name saved on \d{4}-\d\d-\d\d \d\d:\d\d\.", said), said
    assert not same_taste(load_taste(taste_file(host, "shared")), own)
    ran = host.run(graph)
    assert learnt.id in ran.executed
    assert "It replaced" in texts(ran, learnt)
    assert same_taste(load_taste(taste_file(host, "shared")), own)
    taste_file(host, "shared").unlink()
    host.run(graph)
    assert same_taste(load_taste(taste_file(host, "shared")), own)


@pytest.mark.parametrize("earlier", [False, True])
def test_a_taste_that_could_not_be_saved_is_tried_again(comfy, graph, monkeypatch, earlier):
    name = f"unsaved {earlier}"
    good, bad = pictures(graph, "vivid", 8, seed=4), pictures(graph, "dull", 8, seed=5)
    if earlier:
        before = type(graph)()
        more = {"good": pictures(before, "dull", 8).out(), "bad": pictures(before, "vivid", 8).out()}
        before.add("SoartTaste", name=name, **more)
        comfy.run(before)
    learnt = graph.add("SoartTaste", name=name, good=good.out(), bad=bad.out())

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        said = comfy.run(graph).error
    assert "No space left on device" in said
    ran = comfy.run(graph)
    assert learnt.id in ran.executed
    assert f"{name}: " in texts(ran, learnt)
    assert ("It replaced" in texts(ran, learnt)) == earlier
    assert taste_file(comfy, name).is_file()


def test_percentiles_among_a_large_collection_can_be_waited_for_and_interrupted(comfy, graph):
    fill(comfy.base / "output" / "many", 12)
    source = pictures(graph, count=2, seed=7)
    graph.add("SoartScore", images=source.out(), profile="blur", among="many")
    bar = sys.modules["comfy.utils"].ProgressBar
    bar.interrupt_after = 0
    assert not comfy.run(graph).ok
    assert bar.interrupt_after is None
    bar.seen.clear()
    assert comfy.run(graph).ok
    assert (12, 12) in bar.seen
    assert bar.seen[-1] == (2, 2)


def test_weights_that_are_overwritten_are_loaded_anew(host, graph, tmp_path):
    model = tmp_path / "changing"
    shutil.copytree(EMBEDDED_FOLDER, model)
    drawn = graph.add("SoartGenerate", **{**PROMPT, "model": str(model)})
    judged = graph.add("SoartScore", images=drawn.out(), profile="technical")
    first = host.run(graph)
    assert drawn.id not in host.run(graph).executed
    [file] = (model / "unet").glob("*.safetensors")
    weights = {name: value * 0.7 for name, value in load_file(file).items()}
    file.write_bytes(save(weights, metadata={"format": "pt"}))
    second = host.run(graph)
    assert drawn.id in second.executed
    assert table(second, judged) != table(first, judged)


def test_a_collection_that_was_locked_is_asked_again(comfy, graph, monkeypatch):
    monkeypatch.setattr(sys.modules[f"{comfy.pack}.pipelines.collection.database"], "LOCK_SECONDS", 0.2)
    fill(comfy.base / "output" / "busy", 3)
    judged = graph.add("SoartScore", images=pictures(graph, count=2).out(), profile="noise", among="busy")
    lock = sqlite3.connect(comfy.base / "output" / "busy" / "soart.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    said = comfy.run(graph).error
    # Nothing is written after all, so that the files are as they were.
    lock.execute("ROLLBACK")
    assert "another soart writing to it" in said
    assert len(table(comfy.run(graph), judged)) == 2
    lock.close()
