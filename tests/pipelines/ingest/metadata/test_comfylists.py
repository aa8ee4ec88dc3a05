"""Lists of prompts in ComfyUI's graphs: each picture has its own, or none, and never all of them."""

import json
import random
import time

import pytest

from soart.pipelines.ingest.metadata import embedded_metadata
from soart.pipelines.ingest.metadata.comfyui import read_graph
from soart.pipelines.support.comfygraph import Graph

THREE = "a fox\nan owl\n\na hare"


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def base(**more):
    sampled = {"seed": 5, "steps": 20, "cfg": 8, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0]}
    return {
        "3": node("KSampler", **sampled),
        "4": node("CheckpointLoaderSimple", ckpt_name="dream"),
        "6": node("CLIPTextEncode", text=["20", 0], clip=["4", 1]),
        "7": node("CLIPTextEncode", text="blur", clip=["4", 1]),
        "9": node("SaveImage", images=["3", 0]),
        "21": node("PrimitiveInt", value=1),
        "22": node("PrimitiveStringMultiline", value=THREE),
    } | more


def read(nodes):
    return read_graph(Graph.of_prompt(nodes), "x")


KNOWN = {
    "rows": (node("CR Text List", multiline_text=THREE, start_index=1, max_rows=1, loops=1), "an owl"),
    "around": (node("CR Prompt List", prepend_text="oil, ", multiline_text=THREE, append_text="!", start_index=0, max_rows=1), "oil, a fox!"),
    "one row": (node("CR Prompt List", prepend_text="oil, ", multiline_text="a fox", append_text="", start_index=0, max_rows=1000), "oil, a fox"),
    "last row": (node("easy promptLine", prompt=THREE, start_index=9, max_rows=1000, remove_empty_lines=True), "a hare"),
    "not empty": (node("easy promptLine", prompt=THREE, start_index=2, max_rows=1, remove_empty_lines=True), "a hare"),
    "linked place": (node("easy promptLine", prompt=["22", 0], start_index=["21", 0], max_rows=1), "an owl"),
    "selector": (node("ImpactStringSelector", strings=THREE, multiline=False, select=5), "an owl"),
    "line of a text": (node("Text Load Line From File", file_path="", dictionary_name="d", label="b", mode="index", index=3, multiline_text=["22", 0]), "a hare"),
    "flagged": (node("StringConstantMultiline", string=THREE, strip_newlines=True), THREE),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_the_entry_that_a_graph_names_is_the_prompt(name):
    lines, prompt = KNOWN[name]
    found = read(base(**{"20": lines}))
    assert (found.prompt, found.guessed, found.seed) == (prompt, False, 5)


GUESSED = {
    "unknown node": (node("Prompt Picker", prompt=["22", 0], index=2), "a hare"),
    "round": (node("My Lines", text=THREE, line_number=["21", 0]), "an owl"),
    "between bars": (node("SplitByBar", text="a fox|an owl|a hare", delimiter="|", index=4), "an owl"),
    "by seed": (node("Text Random Line", text=["22", 0], seed=8), random.Random(8).choice(THREE.split("\n"))),
}  # fmt: skip


@pytest.mark.parametrize("name", GUESSED)
def test_an_entry_by_a_rule_that_the_graph_does_not_state_is_a_guess(name):
    lines, prompt = GUESSED[name]
    found = read(base(**{"20": lines}))
    assert (found.prompt, found.guessed) == (prompt, True)
    assert type(found.prompt) is str
    # What is joined with a guess is one.
    joined = {"20": node("StringConcatenate", string_a="oil", string_b=["23", 0], delimiter=" of "), "23": lines}
    assert (read(base(**joined)).prompt, read(base(**joined)).guessed) == (f"oil of {prompt}", True)
    both = {"20": lines, "3": node("KSampler", seed=5, steps=20, model=["4", 0], positive=["24", 0])}
    both["24"] = node("ConditioningCombine", conditioning_1=["7", 0], conditioning_2=["6", 0])
    assert (read(base(**both)).prompt, read(base(**both)).guessed) == (f"blur, {prompt}", True)


OPEN = {
    "all rows": node("easy promptLine", prompt=THREE, start_index=0, max_rows=1000),
    "place from elsewhere": node("Prompt Picker", prompt=THREE, index=["8", 0]),
    "counter": node("Text Load Line From File", mode="automatic", index=1, multiline_text=THREE),
    "place or seed": node("Line Switcher", text=THREE, mode="random", line=1, seed=4),
    "two places": node("Prompt Picker", prompt=THREE, index=0, row=1),
    "batch": node("Prompt Batch", text=THREE),
    "prompts": node("AllPrompts", prompts=THREE),
    "split at bars": node("StringSplit", string="a fox|an owl", delimiter="|"),
    "joined as a list": node("JoinStringMulti", inputcount=2, string_1="a fox", string_2="an owl", delimiter=" ", return_list=True),
    "wildcards by line": node("easy wildcards", text=THREE, seed=3, multiline_mode=True),
    "frames": node("Prompt Schedule", text='"0": "a fox", "12": "an owl"'),
    "several": node("easy promptList", prompt_1="a fox", prompt_2="an owl"),
}  # fmt: skip


@pytest.mark.parametrize("name", OPEN)
def test_no_picture_has_a_whole_list_of_prompts(name):
    found = read(base(**{"20": OPEN[name]}))
    assert (found.prompt, found.guessed, found.negative, found.seed) == (None, False, "blur", 5)


CONDITIONS = {
    "frames": node("BatchPromptSchedule", text='"0": "a fox",\n"12": "an owl"', clip=["4", 1], max_frames=20),
    "lines": node("CLIPTextEncodeList", text=THREE, clip=["4", 1]),
    "batch": node("ConditioningBatch4", conditioning_0=["7", 0], conditioning_1=["23", 0]),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_conditionings_that_belong_to_a_picture_each_give_no_common_prompt(name):
    owl = node("CLIPTextEncode", text="an owl", clip=["4", 1])
    nodes = base(**{"6": CONDITIONS[name], "23": owl})
    assert (read(nodes).prompt, read(nodes).negative) == (None, "blur")
    # One entry is that of all pictures.
    one = {"text": "an owl"} if name != "batch" else {"conditioning_0": ["23", 0]}
    nodes["6"]["inputs"].update(one)
    assert read(nodes).prompt == "an owl"


def picture(build, nodes, *editor):
    return embedded_metadata(build.png({"prompt": json.dumps(nodes), "workflow": json.dumps({"nodes": editor})}))


def test_the_editor_marks_outputs_that_are_lists(build):
    """A node whose name says nothing hands out its lines as a list: the editor draws such outputs as grids."""
    nodes = base(**{"20": node("Fancy Text", text=THREE)})
    editor = {"id": 20, "type": "Fancy Text", "outputs": [{"name": "STRING", "shape": 6}]}
    assert picture(build, nodes, editor).prompt is None
    assert picture(build, nodes, {**editor, "outputs": [{"name": "STRING", "shape": 3}]}).prompt == THREE
    # Of another node of that number, or for one entry, it says nothing.
    assert picture(build, nodes, {**editor, "type": "Other"}).prompt == THREE
    nodes["20"]["inputs"]["text"] = "a fox"
    assert picture(build, nodes, editor).prompt == "a fox"
    nodes = base(**{"20": node("Join Texts", string_1="a fox", string_2="an owl", delimiter=", ")})
    assert picture(build, nodes, {**editor, "type": "Join Texts"}).prompt is None
    parts = node("ConditioningMany", conditioning_1=["7", 0], conditioning_2=["7", 0])
    owl = node("CLIPTextEncode", text="an owl", clip=["4", 1])
    editor = {"id": 6, "type": "ConditioningMany", "outputs": [{"name": "CONDITIONING", "shape": 6}]}
    assert picture(build, base(**{"6": parts}), editor).prompt == "blur"
    parts["inputs"]["conditioning_2"] = ["23", 0]
    assert picture(build, base(**{"6": parts, "23": owl}), editor).prompt is None


@pytest.mark.parametrize("place", ["on the way", "beside it"])
def test_a_text_that_was_shown_when_the_graph_ran_is_the_prompt(build, place):
    maker = node("OllamaGenerate", prompt="describe a fox", model="llama", seed=1)
    nodes = base(**{"20": maker, "30": node("ShowText|pysssss", text=["20", 0], text_0="stale")})
    if place == "on the way":
        nodes["6"]["inputs"]["text"] = ["30", 0]
    shown = {"id": 30, "type": "ShowText|pysssss", "outputs": [{"name": "STRING", "shape": 6}]}
    found = picture(build, nodes, {**shown, "widgets_values": [["a red fox"]]})
    assert (found.prompt, found.guessed) == ("a red fox", False)
    # The editor writes texts of an earlier run alone, not in a list.
    assert picture(build, nodes, {**shown, "widgets_values": ["an old fox"]}).prompt is None
    # All entries of a list were shown.
    assert picture(build, nodes, {**shown, "widgets_values": [["a red fox", "an owl"]]}).prompt is None
    assert picture(build, nodes, {**shown, "widgets_values": [["a red fox"] * 130]}).prompt == "a red fox"
    # What was shown counts before a guess.
    nodes["20"] = node("Prompt Picker", prompt=THREE, index=1)
    found = picture(build, nodes, {**shown, "widgets_values": [["a hare"]]})
    assert (found.prompt, found.guessed) == ("a hare", False)
    assert picture(build, nodes).guessed


@pytest.mark.parametrize("text", ["", "\n \n", "a fox", "\na fox\n"])
def test_a_list_of_at_most_one_entry_is_its_text(text):
    for more in ({"index": 1}, {"start_index": 0, "index": 1}, {"line": ["8", 0]}):
        found = read(base(**{"20": node("Prompt Picker", prompt=text, **more)}))
        assert (found.prompt, found.guessed, found.seed) == (text if text.strip() else None, False, 5)


@pytest.mark.parametrize("place", [-1, 2**70, 1.5, "1", "x", None, True, [1], {"content": 1}])
@pytest.mark.parametrize("name", ["start_index", "index", "select", "seed"])
def test_odd_places_raise_nothing(place, name):
    kinds = {"start_index": "CR Text List", "select": "ImpactStringSelector", "seed": "Text Random Line"}
    lines = node(kinds.get(name, "Prompt Picker"), text=THREE, multiline=False, **{name: place})
    if name == "start_index":
        lines["inputs"]["max_rows"] = place
    assert read(base(**{"20": lines})).prompt in (None, *THREE.split("\n"))


def test_ten_thousand_prompts_take_no_long_time(build):
    many = "\n".join(f"fox {number}" for number in range(9_000))
    begun = time.perf_counter()
    nodes = base(**{"20": node("Prompt Picker", prompt=many, index=8_000)})
    assert read(nodes).prompt == "fox 8000"
    shown = {"id": 20, "type": "Show Text", "widgets_values": [[f"fox {number}" for number in range(10_000)]]}
    nodes = base(**{"20": node("Show Text", text=many)})
    assert picture(build, nodes, shown).prompt is None
    # Each of many nodes takes another line of the same text.
    nodes = base(**{str(100 + n): node("Prompt Picker", prompt=["23", 0], index=n) for n in range(10_000)})
    nodes["23"] = node("PrimitiveStringMultiline", value=many)
    nodes["20"] = node("Text Concatenate", **{f"text_{n}": [str(100 + n), 0] for n in range(10_000)})
    assert read(nodes).prompt is None
    assert time.perf_counter() - begun < 20


def test_deep_chains_and_loops_of_lists_end():
    chain = {str(100 + n): node("Prompt Picker", prompt=[str(101 + n), 0], index=0) for n in range(5_000)}
    assert read(base(**chain, **{"20": node("Prompt Picker", prompt=["100", 0], index=0)})).prompt is None
    loop = {"20": node("Prompt Picker", prompt=["23", 0], index=["23", 0]), "23": node("Text List", text=["20", 0])}
    assert read(base(**loop)).prompt is None
    batch = node("ConditioningBatch", conditioning_1=["6", 0], conditioning_2=["7", 0])
    assert read(base(**{"6": batch})).prompt is None
