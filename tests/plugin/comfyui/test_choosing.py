"""Runs that pause until pictures are picked: on the stand-in always, and on the real server where COMFYUI_DIR names a checkout."""

import sys
import threading

import numpy as np
import pytest
from specimens.waiting import until

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import comparisons


def choose(graph, count=4, kind="vivid", **more):
    source = graph.add("TestPictures", kind=kind, count=count, seed=5)
    node = graph.add("SoartChoose", images=source.out(), by="technical", **{"seconds": 100, "fallback": 1} | more)
    return source, node, graph.add("PreviewImage", images=node.out())


def waiting(host, count=1):
    """The open choices, once there are as many."""
    return until(lambda: len(found := host.json("/soart/waiting")) == count and found)


def run_beside(host, graph, extra=None):
    """Run in the background; returns a function that waits for the result."""
    results = []
    thread = threading.Thread(target=lambda: results.append(host.run(graph, extra)))
    thread.start()

    def result():
        thread.join(240)
        [ran] = results
        return ran

    return result


def test_a_run_waits_for_a_pick_and_passes_it_on(host, graph):
    source, node, shown = choose(graph)
    first = graph.add("PreviewImage", images=source.out())
    result = run_beside(host, graph, {"workflow": {"id": "w"}})
    [question] = waiting(host)
    assert (question["node"], question["workflow"], question["fallback"]) == (node.id, "w", 1)
    assert 0 < question["seconds"] <= 100
    # Best first, each with its picture, points and reasons.
    values = [card["value"] for card in question["cards"]]
    assert values == sorted(values, reverse=True)
    assert sorted(card["title"] for card in question["cards"]) == list("1234")
    assert host.image(question["cards"][0]["image"]).shape == (24, 24, 3)
    assert host.send("/soart/pick", {"id": question["id"], "picked": [3, 1, 3]}) == (200, {})
    ran = result()
    assert ran.ok, ran.error
    assert ran.outputs[node.id]["text"] == ["You picked pictures 3, 1."]
    images = [host.image(entry) for entry in ran.outputs[first.id]["images"]]
    picked = [host.image(entry) for entry in ran.outputs[shown.id]["images"]]
    np.testing.assert_array_equal(picked, [images[2], images[0]])
    assert [card["title"] for card in ran.outputs[node.id]["soart_cards"]] == ["3", "1"]
    assert host.json("/soart/waiting") == []
    # It was answered, and cannot be again.
    status, document = host.send("/soart/pick", {"id": question["id"], "picked": [1]})
    assert (status, "waits no longer" in document["error"]) == (400, True)


@pytest.mark.parametrize(
    ("picked", "said"),
    [([5], "no picture 5 to pick"), ([True], "list of numbers"), ("1", "list of numbers"), (None, "list of numbers")],
)
def test_a_pick_that_cannot_be_is_refused_and_the_run_waits_on(host, graph, picked, said):
    _, node, _ = choose(graph)
    result = run_beside(host, graph)
    [question] = waiting(host)
    status, document = host.send("/soart/pick", {"id": question["id"], "picked": picked})
    assert (status, said in document["error"]) == (400, True)
    assert [one["id"] for one in host.json("/soart/waiting")] == [question["id"]]
    host.send("/soart/pick", {"id": question["id"], "picked": [2]})
    assert result().outputs[node.id]["text"] == ["You picked picture 2."]


@pytest.mark.parametrize(("fallback", "passes"), [(1, 1), (2, 2), (0, 0)])
def test_the_best_pass_if_nobody_picks_in_time(host, graph, fallback, passes):
    _, node, shown = choose(graph, seconds=1, fallback=fallback)
    ran = host.run(graph)
    assert ran.ok, ran.error
    [said] = ran.outputs[node.id]["text"]
    assert said.startswith("Nobody picked within 1 seconds, so ")
    assert len(ran.outputs[shown.id]["images"] if shown.id in ran.outputs else []) == passes
    rows = ran.outputs[node.id]["soart_table"][0]["rows"]
    best = [str(row[0]) for row in rows[:passes]]
    assert [card["title"] for card in ran.outputs[node.id]["soart_cards"]] == best
    # It asks anew in every run, also for a client that sends something else as the workflow.
    again = host.run(graph, {"workflow": "text"})
    assert again.ok, again.error
    assert node.id in again.executed


def test_the_judge_decides_at_once_if_asked_to(host, graph):
    _, node, _ = choose(graph)
    result = run_beside(host, graph)
    [question] = waiting(host)
    host.send("/soart/pick", {"id": question["id"], "picked": []})
    [said] = result().outputs[node.id]["text"]
    assert said.startswith("You left it to the judge, so the best by the judge pass: picture ")


def test_a_picture_that_cannot_be_judged_can_be_picked_all_the_same(host, graph):
    _, node, shown = choose(graph, kind="one black")
    result = run_beside(host, graph)
    [question] = waiting(host)
    assert [(card["title"], card["score"]) for card in question["cards"]][-1] == ("2", "not judged")
    host.send("/soart/pick", {"id": question["id"], "picked": [2]})
    ran = result()
    assert ran.outputs[node.id]["text"][0] == "You picked picture 2."
    assert not host.image(ran.outputs[shown.id]["images"][0]).any()


def test_picks_are_choices_that_a_taste_learns_from(host, graph):
    _, node, _ = choose(graph, count=6, learn=True)
    result = run_beside(host, graph)
    [question] = waiting(host)
    host.send("/soart/pick", {"id": question["id"], "picked": [1, 2]})
    ran = result()
    assert "8 pairs of a better and a worse picture" in ran.outputs[node.id]["text"][1]
    with Collection(host.base / "output" / "soart-rated") as collection:
        pairs = comparisons(collection, "me")[-8:]
    assert len({winner for winner, _ in pairs}) == 2
    assert len({loser for _, loser in pairs}) == 4


def test_several_may_wait_at_once_and_each_is_told_to_every_page(comfy, graph):
    server = sys.modules["server"].PromptServer.instance
    server.sent.clear()
    other = type(graph)()
    nodes = choose(graph)[1], choose(other, count=3)[1]
    results = run_beside(comfy, graph), run_beside(comfy, other)
    for question in sorted(waiting(comfy, 2), key=lambda one: len(one["cards"])):
        comfy.send("/soart/pick", {"id": question["id"], "picked": [len(question["cards"])]})
    texts = [result().outputs[node.id]["text"][0] for result, node in zip(results, nodes, strict=True)]
    assert texts == ["You picked picture 4.", "You picked picture 3."]
    assert sorted(event for event, _ in server.sent) == ["soart.asked"] * 2 + ["soart.closed"] * 2
    told = [{data["id"] for event, data in server.sent if event == name} for name in ("soart.asked", "soart.closed")]
    assert told[0] == told[1]


def test_the_interrupt_of_the_host_ends_the_wait(comfy, graph):
    choose(graph)
    result = run_beside(comfy, graph)
    waiting(comfy)
    sys.modules["comfy.utils"].ProgressBar.interrupt_after = 0
    ran = result()
    assert (ran.ok, ran.error) == (False, "")
    assert comfy.json("/soart/waiting") == []
