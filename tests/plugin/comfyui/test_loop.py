"""The closed loop in ComfyUI: ask, draw, observe, and again; on the stand-in, and on the real server where COMFYUI_DIR names one."""

import json
import re
import shutil
import sys

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import comparisons
from soart.pipelines.collection.ratings import ratings as stored_ratings
from soart.pipelines.ingest.metadata import embedded_metadata
from soart.pipelines.models.loading import EMBEDDED_FOLDER

SPACE = """
template: a {quality} picture of a {subject} in {palette} colors, {style} style
slots:
  quality: [noisy, blurry, faded, sharp, vivid]
  subject: [boat, tree, house]
  palette: [warm, cool, monochrome]
  style: [flat, watercolor, woodcut, pixel art]
"""
DRAWING = {"model": "embedded", "count": 1, "prompt_seed": 0, "literal": True}


def ask(graph, **more):
    return graph.add("SoartPromptChoice", **{
        "space": SPACE, "by": "technical", "count": 1, "search_seed": 0, "model": "embedded", "usual_steps": 2, "usual_guidance": 3.0,
        "usual_width": 64, "usual_height": 64, **more,
    })  # fmt: skip


def draw(graph, choice, **more):
    names = ("prompt", "negative", "seed", "steps", "guidance", "width", "height")
    links = {name: choice.out(number) for number, name in enumerate(names)}
    return graph.add("SoartGenerate", **{**DRAWING, **links, **more})


@pytest.fixture(scope="module")
def no_house(tmp_path_factory):
    """The embedded model, but whatever holds a house becomes NaN."""
    folder = tmp_path_factory.mktemp("models") / "no-house"
    shutil.copytree(EMBEDDED_FOLDER, folder)
    words = AutoTokenizer.from_pretrained(folder / "tokenizer")("house", add_special_tokens=False).input_ids
    [file] = (folder / "text_encoder").glob("*.safetensors")
    weights = load_file(file)
    [name] = [name for name in weights if "token_embedding" in name]
    weights[name][words] = float("nan")
    save_file(weights, file, metadata={"format": "pt"})
    return str(folder)


def loop(graph, *, effects=True, **more):
    choice = ask(graph, **more)
    seen = graph.add("SoartObserve", image=draw(graph, choice).out(), choice=choice.out(7))
    chart = graph.add("SoartFactorEffects", observed=seen.out()) if effects else None
    values, best = graph.add("TestSink", value=seen.out(1)), chart and graph.add("TestSink", value=chart.out(1))
    return choice, seen, chart, values, best


@pytest.mark.slow
def test_three_queue_runs_get_better(host, graph):
    _, seen, chart, values, best = loop(graph, count=6, collection="loop")
    means, spoken = [], []
    for _ in range(3):
        ran = host.run(graph)
        assert ran.ok, ran.error
        assert len(ran.outputs[seen.id]["text"]) == 6
        means.append(np.mean([float(value) for value in ran.outputs[values.id]["text"]]))
        spoken += ran.outputs[seen.id]["text"]
    # Of six pictures in the first run some are blurry, which costs half of the points; later runs avoid that.
    assert np.mean(means[1:]) > means[0] + 5
    # Every run asked anew.
    assert len({text.split(":")[0] for text in spoken}) == len(spoken)
    [picture] = ran.outputs[chart.id]["images"]
    assert host.image(picture).shape[1] == 900
    [course] = ran.outputs[chart.id]["soart_chart"]
    assert [(run["run"], run["pictures"]) for run in course["runs"]] == [(1, 6), (2, 6), (3, 6)]
    np.testing.assert_allclose([run["mean"] for run in course["runs"]], means, atol=0.02)
    [found] = ran.outputs[chart.id]["soart_table"]
    assert found["columns"][0] == "prompt"
    assert found["rows"][0][0] == ran.outputs[best.id]["text"][0]
    assert any(word in found["rows"][0][0] for word in ("sharp", "vivid"))


@pytest.mark.parametrize(("count", "stop_below", "enough"), [(24, 10.0, True), (8, 10.0, False)])
def test_a_run_says_if_another_one_is_worth_it(host, graph, count, stop_below, enough):
    _, _, chart, _, _ = loop(graph, count=count, collection=f"enough {count} {stop_below}", usual_steps=1)
    graph[chart.id]["inputs"] |= {"runs": 5, "stop_below": stop_below}
    [said] = host.run(graph).outputs[chart.id]["soart_loop"]
    assert said["runs"] == 5
    assert re.fullmatch(r"Expected further gain: at most [\d.]+ ± [\d.]+ \(score\)\.", said["gain"])
    assert said["enough"] == ("Stopped: the expected further gain is below 10 standard deviations." if enough else "")


def test_the_server_counts_the_runs_of_a_page(host, graph):
    _, _, chart, _, _ = loop(graph, collection="counted", usual_steps=1)
    graph[chart.id]["inputs"]["runs"] = 3
    page = {"workflow": {"id": "counted by the server"}}

    def state():
        told = host.json("/soart/loops")
        return [one for one in told if one["workflow"] == "counted by the server" and one.pop("page") is not None]

    # A client of the API queues its runs itself.
    assert host.run(graph).ok
    assert state() == []
    assert host.run(graph, page).ok
    facts = {"workflow": "counted by the server", "node": chart.id, "runs": 3, "why": ""}
    assert state() == [{**facts, "done": 1, "phase": "due"}]
    answers = [host.send("/soart/loop/next", {"workflow": facts["workflow"]}) for _ in range(2)]
    promises = [document["promise"] for _, document in answers]
    assert [type(one) for one in promises] == [int, type(None)]
    assert host.send("/soart/loop/queued", {"promise": promises[0]}) == (200, {})
    assert host.run(graph, page).ok
    assert state() == [{**facts, "done": 2, "phase": "due"}]
    assert host.send("/soart/loop/stop", {"workflow": facts["workflow"], "reason": "by hand"}) == (200, {})
    assert state() == [{**facts, "done": 2, "phase": "", "why": "Stopped after 2 of 3 runs."}]
    for wrong in ({"workflow": facts["workflow"], "reason": "bored"}, {}, []):
        assert host.send("/soart/loop/stop", wrong)[0] == 400
    for wrong in ({"promise": []}, {"promise": "x"}, {}):
        assert host.send("/soart/loop/queued", wrong) == (200, {})
    assert host.send("/soart/loop/next", {"workflow": ["?"]}) == (200, {"promise": None})


def test_ratings_and_other_scores_count_in_place_of_the_judge(host, graph):
    choice = ask(graph, collection="rated")
    image = draw(graph, choice)
    judged = graph.add("SoartScore", images=image.out(), by="blur")
    scored = graph.add(
        "SoartObserve", image=image.out(), choice=choice.out(7), score=judged.out(), rating=4, rater="ann"
    )
    chart = graph.add("SoartFactorEffects", observed=scored.out(), chart_width=400)
    ran = host.run(graph)
    assert ran.ok, ran.error
    [said] = ran.outputs[scored.id]["text"]
    assert "from the linked node" in said
    assert "rated 4 by ann" in said
    assert ran.outputs[chart.id]["soart_table"][0]["columns"][1] == "deviations"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"space": "slots:\n  style: [flat, flat]"}, "the space line 2"),
        ({"space": "a plain boat", "vocabulary": "klingon"}, "klingon"),
        ({"space": "{only}"}, "Nothing varies"),
        ({"space": ""}, "empty"),
        ({"space": "slots: {style: [flat]}"}, "single choice"),
        ({"collection": "../outside"}, "inside ComfyUI's output folder"),
        ({"collection": "/tmp/outside"}, "inside ComfyUI's output folder"),
        ({"collection": ""}, "name of a collection"),
        ({"model": " "}, "a name for the model"),
    ],
)
def test_mistakes_in_words(host, patient_graph, more, said):
    choice = ask(patient_graph, **{"collection": "mistakes", **more})
    image = draw(patient_graph, choice)
    other = patient_graph.add("TestSink", value=patient_graph.add("TestPictures", kind="vivid", count=1, seed=0).out())
    drawn = patient_graph.add("TestSink", value=image.out())
    ran = host.run(patient_graph)
    assert ran.ok, ran.error
    assert drawn.id not in ran.outputs
    assert other.id in ran.outputs
    if ran.refuses_choice(choice):
        return
    [text] = ran.outputs[choice.id]["text"]
    assert said in text
    assert "\n" not in text


def test_pictures_that_cannot_be_learnt_from(host, patient_graph):
    choice = ask(patient_graph, collection="broken")
    many = patient_graph.add("TestPictures", kind="vivid", count=2, seed=0)
    none = patient_graph.add("TestPictures", kind="nan", count=1, seed=0)
    several = patient_graph.add("SoartObserve", image=many.out(), choice=choice.out(7))
    broken = patient_graph.add("SoartObserve", image=none.out(), choice=choice.out(7))
    # Nothing to chart yet is no mistake.
    chart = patient_graph.add("SoartFactorEffects", observed=broken.out(), keep_going=False)
    value = patient_graph.add("TestSink", value=broken.out(1))
    first = host.run(patient_graph)
    assert first.ok, first.error
    assert "got a batch of 2" in first.outputs[several.id]["text"][0]
    assert "nothing is learnt from it: not a number" in first.outputs[broken.id]["text"][0]
    assert value.id not in first.outputs
    assert "No picture of this space can be judged yet" in first.outputs[chart.id]["text"][0]
    # A choice that was told, if only as broken, does not come again.
    second = host.run(patient_graph)
    assert first.outputs[broken.id]["text"] != second.outputs[broken.id]["text"]


def test_a_picture_without_a_score_is_stored_and_can_be_rated(host, graph):
    choice = ask(graph, collection="white")
    white = graph.add("TestPictures", kind="white", count=1, seed=0)
    seen = graph.add("SoartObserve", image=white.out(), choice=choice.out(7), rating=2, rater="ann")
    chart = graph.add("SoartFactorEffects", observed=seen.out())
    value = graph.add("TestSink", value=seen.out(1))
    first, second = host.run(graph), host.run(graph)
    assert first.ok, first.error
    assert second.ok, second.error
    assert first.outputs[seen.id]["text"] == ["Picture 1: no score (all white or transparent), rated 2 by ann."]
    # Its choice does not come again.
    assert second.outputs[seen.id]["text"][0].startswith("Picture 2:")
    assert [card["score"] for card in first.outputs[seen.id]["soart_cards"]] == ["not judged"]
    assert value.id not in first.outputs
    assert second.outputs[chart.id]["soart_table"][0]["columns"][1] == "stars"


def test_a_choice_that_was_never_observed_comes_again(host, graph):
    choice = ask(graph, collection="again", count=2)
    prompts = graph.add("TestSink", value=choice.out())
    seen = host.run(graph).outputs[prompts.id]["text"]
    assert len(seen) == 2
    assert host.run(graph).outputs[prompts.id]["text"] == seen
    graph[choice.id]["inputs"]["count"] = 3
    assert host.run(graph).outputs[prompts.id]["text"][:2] == seen


def test_one_picture_that_fails_does_not_stop_the_loop(host, graph, no_house):
    space = "template: a {quality} {subject}\nslots:\n  quality: [sharp, noisy]\n  subject: [boat, house, tree]\n"
    choice = ask(graph, space=space, collection="one fails", count=6, model="no house")
    image = draw(graph, choice, model=no_house)
    seen = graph.add("SoartObserve", image=image.out(), choice=choice.out(7))
    chart = graph.add("SoartFactorEffects", observed=seen.out())
    prompts, values = graph.add("TestSink", value=choice.out()), graph.add("TestSink", value=seen.out(1))
    ran = host.run(graph)
    assert ran.ok, ran.error
    asked, said = ran.outputs[prompts.id]["text"], ran.outputs[seen.id]["text"]
    assert len(asked) == len(said) == 6
    for prompt, told in zip(asked, said, strict=True):
        assert ("nothing is learnt from it: not a number" in told) == ("house" in prompt), (prompt, told)
    assert len(ran.outputs[values.id]["text"]) == 4
    assert sum("failed: not a number" in text for text in ran.outputs[image.id]["text"]) == 2
    assert len(ran.outputs[chart.id]["images"]) == 1
    assert ran.outputs[chart.id]["soart_table"][0]["rows"]
    # Everything was shown: only leaders are shown again, and a choice that failed is none.
    again = host.run(graph)
    assert again.ok, again.error
    assert not any("house" in prompt for prompt in again.outputs[prompts.id]["text"])


def test_a_choice_that_failed_is_not_asked_again_on_other_seeds(host, graph, no_house):
    space = "template: a {quality} {subject}\nslots:\n  quality: [sharp, noisy]\n  subject: [boat, house]\n"
    choice = ask(graph, space=space, collection="fails alone", model="no house")
    seen = graph.add("SoartObserve", image=draw(graph, choice, model=no_house).out(), choice=choice.out(7))
    prompts = graph.add("TestSink", value=choice.out())
    asked = []
    for number in range(4):
        ran = host.run(graph)
        assert ran.ok, ran.error
        asked += ran.outputs[prompts.id]["text"]
        assert re.match(rf"Picture {number + 1}\b", ran.outputs[seen.id]["text"][0])
    assert len(set(asked)) == 4, asked


def test_settings_that_no_model_takes_block_the_branch_alone(host, patient_graph):
    choice = ask(patient_graph, collection="small")
    image = draw(patient_graph, choice, width=4)
    seen = patient_graph.add("SoartObserve", image=image.out(), choice=choice.out(7))
    other = patient_graph.add("TestSink", value=choice.out())
    ran = host.run(patient_graph)
    assert ran.ok, ran.error
    assert "Expected size in 8" in ran.outputs[image.id]["text"][0]
    assert seen.id not in ran.outputs
    assert other.id in ran.outputs


@pytest.mark.parametrize("rater", ["", "technical-2", "observed score"])
def test_a_rater_nobody_can_be_is_refused_before_anything_is_stored(host, patient_graph, rater):
    choice = ask(patient_graph, collection=f"rater {rater}")
    seen = patient_graph.add(
        "SoartObserve", image=draw(patient_graph, choice).out(), choice=choice.out(7), rating=5, rater=rater
    )
    prompts = patient_graph.add("TestSink", value=choice.out())
    said = {"": "1 to 128 characters"}.get(rater, "reserved for stored scores")
    ran = host.run(patient_graph)
    assert said in ran.outputs[seen.id]["text"][0]
    asked = ran.outputs[prompts.id]["text"]
    # The choice is still to be had, and the collection is as it was.
    patient_graph[seen.id]["inputs"]["rater"] = "ann"
    ran = host.run(patient_graph)
    assert ran.outputs[prompts.id]["text"] == asked
    assert "rated 5 by ann" in ran.outputs[seen.id]["text"][0]
    assert host.run(patient_graph).outputs[prompts.id]["text"] != asked


def test_one_rating_for_several_pictures_says_so(host, graph):
    choice = ask(graph, collection="rated at once", count=2)
    seen = graph.add("SoartObserve", image=draw(graph, choice).out(), choice=choice.out(7), rating=4)
    said = host.run(graph).outputs[seen.id]["text"]
    assert ["applies to all 2 pictures of the run" in text for text in said] == [True, True]
    graph[choice.id]["inputs"]["count"] = 1
    assert "applies to all" not in host.run(graph).outputs[seen.id]["text"][0]


def test_a_scheduler_of_the_space_draws_the_pictures(host, graph):
    names = ("EulerDiscreteScheduler", "HeunDiscreteScheduler")
    space = f"template: a sharp {{subject}}\nslots:\n  subject: [boat]\n  scheduler: [{', '.join(names)}]\n"
    choice = ask(graph, space=space, collection="schedulers", count=2)
    linked = draw(graph, choice, scheduler=choice.out(8), seed=5)
    told = graph.add("TestSink", value=choice.out(8))
    chosen = [draw(graph, choice, scheduler=name, seed=5) for name in names]
    own = draw(graph, choice, seed=5)
    shown = {node.id: graph.add("PreviewImage", images=node.out()) for node in (linked, own, *chosen)}
    ran = host.run(graph)
    assert ran.ok, ran.error
    schedulers = ran.outputs[told.id]["text"]
    assert sorted(schedulers) == sorted(names)

    def picture(node, number):
        return host.image(ran.outputs[shown[node.id].id]["images"][number])

    for number, name in enumerate(schedulers):
        np.testing.assert_array_equal(picture(linked, number), picture(chosen[names.index(name)], number))
    assert not np.array_equal(picture(linked, 0), picture(linked, 1))
    assert any(not np.array_equal(picture(linked, number), picture(own, number)) for number in (0, 1))


def test_a_space_without_schedulers_leaves_the_model_its_own(host, patient_graph):
    choice = ask(patient_graph, collection="own scheduler")
    image, told = (
        draw(patient_graph, choice, scheduler=choice.out(8)),
        patient_graph.add("TestSink", value=choice.out(8)),
    )
    wrong = patient_graph.add("PreviewImage", images=draw(patient_graph, choice, scheduler="euler").out())
    shown = patient_graph.add("PreviewImage", images=image.out())
    ran = host.run(patient_graph)
    assert ran.ok, ran.error
    assert ran.outputs[told.id]["text"] == [""]
    assert shown.id in ran.outputs
    assert wrong.id not in ran.outputs


def test_kept_pictures_hold_prompt_and_workflow_unless_the_host_writes_no_metadata(host, graph, request):
    choice = ask(graph, collection="texts", usual_steps=6)
    seen = graph.add("SoartObserve", image=draw(graph, choice).out(), choice=choice.out(7))
    workflow = {"nodes": [], "extra": {"note": "drawn by the loop – ü"}}
    assert host.run(graph, {"workflow": workflow}).ok
    folder = host.base / "output" / "texts" / "images"
    [first] = folder.glob("*.png")
    with Image.open(first) as picture:
        texts = dict(picture.text)
    assert json.loads(texts["workflow"]) == workflow
    assert json.loads(texts["prompt"])[seen.id]["class_type"] == "SoartObserve"
    assert "Steps: 6" in texts["parameters"]
    # soart reads its own text, and none of the texts of the host.
    read = embedded_metadata(first.read_bytes())
    assert read.prompt == texts["parameters"].splitlines()[0]
    if request.node.callspec.params["host"] == "_stood_in":
        arguments = sys.modules["comfy.cli_args"].args
        arguments.disable_metadata = True
        try:
            assert host.run(graph, {"workflow": workflow}).ok
        finally:
            arguments.disable_metadata = False
        [second] = set(folder.glob("*.png")) - {first}
        with Image.open(second) as picture:
            assert picture.text == {}


def test_pictures_are_rated_by_click(host, graph):
    choice = ask(graph, collection="clicked", count=3)
    seen = graph.add("SoartObserve", image=draw(graph, choice).out(), choice=choice.out(7), rater="ann")
    chart = graph.add("SoartFactorEffects", observed=seen.out())
    cards = host.run(graph).outputs[seen.id]["soart_cards"]
    assert [card["title"] for card in cards] == ["1", "2", "3"]
    assert [host.image(card["image"]).shape for card in cards] == [(64, 64, 3)] * 3
    ratings = [card["rate"] for card in cards]
    assert {rate["stars"] for rate in ratings} == {None}
    for stars, rate in zip((5, 1, 2), ratings, strict=True):
        assert host.send("/soart/rate", rate | {"stars": stars}) == (200, {})
    assert host.send("/soart/rate", ratings[2] | {"stars": None}) == (200, {})
    with Collection(host.base / "output" / "clicked") as collection:
        assert stored_ratings(collection, "ann") == {ratings[0]["image"]: 5, ratings[1]["image"]: 1}
    assert host.run(graph).outputs[chart.id]["soart_table"][0]["columns"][1] == "stars"
    pair = {"collection": "clicked", "rater": "ben", "winner": ratings[0]["image"], "loser": ratings[1]["image"]}
    for _ in range(2):
        assert host.send("/soart/choose", pair | {"choice": "once"}) == (200, {})
    with Collection(host.base / "output" / "clicked") as collection:
        assert comparisons(collection, "ben") == [(pair["winner"], pair["loser"])]


def test_any_batch_is_rated_by_click_and_a_taste_learnt_from_it(host, graph):
    images = graph.add(
        "SoartGenerate", prompt="a {sharp|blurry} boat", negative="", model="embedded", count=12, seed=3, prompt_seed=0,
        steps=2, guidance=3.0, width=0, height=0, device="cpu",
    )  # fmt: skip
    scored = graph.add("SoartScore", images=images.out(), by="technical")
    cards = host.run(graph).outputs[scored.id]["soart_cards"]
    for number, card in enumerate(cards):
        stars = "not for me" if number == 11 else 5 if number % 2 else 1
        assert host.send("/soart/rate", card["rate"] | {"stars": stars}) == (200, {})
    # Again is the same picture, and the better of two works too.
    assert host.send("/soart/rate", cards[0]["rate"] | {"stars": 2}) == (200, {})
    pair = {
        "collection": "soart-rated",
        "rater": "me",
        "winner": cards[1]["image"],
        "loser": cards[0]["image"],
        "choice": "x",
    }
    assert host.send("/soart/choose", pair) == (200, {})
    with Collection(host.base / "output" / "soart-rated") as collection:
        stars = list(stored_ratings(collection, "me", personal=False).values())
        assert sorted(stars) == [1, 1, 1, 1, 1, 2, 5, 5, 5, 5, 5]
        assert len(list(collection.images())) == 12
        assert len(comparisons(collection, "me")) == 1
    # They are read back by the places of the pictures; of what is not there nothing is known.
    images = [cards[1]["image"], cards[11]["image"], 10**6, {"filename": "gone.png", "type": "temp"}]
    asked = {"collection": "soart-rated", "rater": "me", "images": images}
    assert host.send("/soart/rated", asked) == (200, {"stars": [5, "not for me", None, None]})
    assert host.send("/soart/rated", asked | {"collection": "none"}) == (200, {"stars": [None] * 4})
    assert host.send("/soart/rated", asked | {"images": 3})[0] == 400
    taste = graph.add("SoartTaste", name="clicked", rated="soart-rated", network="none")
    assert any("liked and" in text for text in host.run(graph).outputs[taste.id]["text"])


def test_rate_and_learn_sorts_by_what_was_clicked(host, graph):
    nodes = {}
    for stars, kind in ((5, "vivid"), (1, "dull")):
        source = graph.add("TestPictures", kind=kind, count=12, seed=7 + stars)
        nodes[stars] = graph.add("SoartRate", images=source.out(), by="technical", top_k=0, learn=True, grid=2)
    first = host.run(graph)
    for stars, node in nodes.items():
        for card in first.outputs[node.id]["soart_cards"]:
            assert host.send("/soart/rate", card["rate"] | {"stars": stars}) == (200, {})
    best = nodes[5]
    sizes = [graph.add("TestSink", value=best.out(number)) for number in (0, 5)]
    gate = graph.add("SoartGate", images=["1", 0], by="noise", percentile=0.0, taste=best.out(4))
    ran = host.run(graph)
    shown = ran.outputs[best.id]
    assert shown["text"][0].startswith("your stars: ")
    values = [[card["value"] for card in ran.outputs[node.id]["soart_cards"]] for node in nodes.values()]
    assert min(values[0]) > max(values[1])
    assert values[0] == sorted(values[0], reverse=True)
    assert sorted(card["value"] for card in ran.outputs[gate.id]["soart_cards"]) == sorted(values[0])
    assert [ran.outputs[size.id]["text"] for size in sizes] == [["[12, 24, 24, 3]"]] * 2
    # What was liked is shown small, and so are the pictures that reasons are about.
    about = [place for card in shown["soart_cards"] for places in card["like"] for place in places]
    assert about
    assert {host.image(place).ndim for place in (*shown["soart_liked"], *about)} == {3}
    assert "picture " not in " ".join(card["why"][0] for card in shown["soart_cards"])
    # Ratings that cannot be read are not taken for none.
    stored = host.base / "output/soart-rated/soart.db"
    whole = stored.read_bytes()
    stored.write_bytes(b"damaged" * 1000)
    assert host.run(graph).outputs[best.id]["text"][0].startswith("Your taste does not sort the pictures yet: ")
    stored.write_bytes(whole)


def test_rate_and_learn_keeps_nothing_back(host, graph):
    """A flow without a browser goes on with all pictures, those without a score last."""
    source = graph.add("TestPictures", kind="one black", count=4, seed=5)
    node = graph.add("SoartRate", images=source.out(), by="technical", top_k=0, learn=False)
    first, number, heat = (graph.add("TestSink", value=node.out(at)) for at in (0, 1, 5))
    ran = host.run(graph)
    assert [card["title"] for card in ran.outputs[node.id]["soart_cards"]][-1] == "2"
    assert ran.outputs[first.id]["text"] == ["[4, 24, 24, 3]"]
    assert len(ran.outputs[number.id]["text"]) == 3
    assert heat.id not in ran.outputs


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"filename": "../../secret.png", "subfolder": "", "type": "temp"}, "no longer there"),
        ({"filename": "/etc/passwd", "subfolder": "", "type": "output"}, "no longer there"),
        ({"filename": "x.png", "subfolder": "../..", "type": "output"}, "no longer there"),
        ({"filename": "a.png", "subfolder": "", "type": "input"}, "no longer there"),
        ({}, "no longer there"),
    ],
)
def test_a_click_reads_no_other_file_of_this_machine(host, place, said):
    rating = {"collection": "soart-rated", "image": place, "rater": "me", "stars": 3}
    status, document = host.send("/soart/rate", rating)
    assert (status, said in document["error"]) == (400, True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"stars": 9}, "rating from 1 to 5"),
        ({"stars": "5"}, "whole number as stars"),
        ({"image": None}, "whole number as image"),
        ({"image": 99}, "There is no picture 99 in this collection"),
        ({"rater": ""}, "rater's name"),
        ({"rater": "technical-9"}, "reserved"),
        ({"collection": "../elsewhere"}, "inside ComfyUI's output folder"),
        ({"collection": "nowhere"}, "is not a collection"),
        ([], "JSON object"),
    ],
)
def test_a_rating_by_click_that_cannot_be_is_refused(host, wrong, said):
    rating = {"collection": "refused", "image": 1, "rater": "ann", "stars": 3}
    with Collection(host.base / "output" / "refused"):
        pass
    status, document = host.send("/soart/rate", rating | wrong if isinstance(wrong, dict) else wrong)
    assert status == 400
    assert said in document["error"]


def test_a_rating_of_deeply_nested_json_is_refused(comfy):
    status, document = sys.modules["server"].PromptServer.instance.routes.send("/soart/rate", b"[" * 200_000)
    assert (status, document) == (400, {"error": "Expected a JSON object."})
