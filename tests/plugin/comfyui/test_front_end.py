"""The nodes in ComfyUI's own front end, where COMFYUI_DIR names a checkout and Chromium is installed."""

import json
from pathlib import Path

import pytest

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import comparisons
from soart.pipelines.collection.ratings import ratings

ROOT = Path(__file__).parents[3]
#: Milliseconds to wait for a page, and for a run of the loop.
LOAD, RUN = 240_000, 240_000


@pytest.fixture
def page(comfyui_checkout, browser, request):
    server = request.getfixturevalue("_real")
    # No templates over the canvas at the first start.
    server.post("/settings/Comfy.TutorialCompleted", True)
    tab = browser.new_page(viewport={"width": 1900, "height": 1300})
    problems = []
    # The front end has errors of its own.
    tab.on("pageerror", lambda error: problems.append(error.stack) if "/extensions/" in (error.stack or "") else None)
    tab.goto(server.address, timeout=LOAD)
    tab.wait_for_function("window.app?.graph && window.app.extensionManager", timeout=LOAD)
    yield tab
    tab.close()
    assert not problems


def load(tab, name, **values):
    """Open a shipped workflow with other values of widgets, by the name of the widget."""
    workflow = json.loads((ROOT / "example_workflows" / f"{name}.json").read_text(encoding="utf-8"))
    tab.evaluate("(workflow) => window.app.loadGraphData(workflow)", workflow)
    tab.evaluate(
        """(values) => {
            for (const node of window.app.graph._nodes)
                for (const widget of node.widgets ?? [])
                    if (node.type === "SoartPromptChoice" && widget.name in values) widget.value = values[widget.name];
        }""",
        values,
    )


def test_a_workflow_of_an_earlier_version_keeps_its_judge(page):
    text = (ROOT / "example_workflows" / "Try a closed loop.json").read_text(encoding="utf-8")
    earlier = text.replace('"name": "by"', '"name": "profile"')
    page.evaluate("(workflow) => window.app.loadGraphData(workflow)", json.loads(earlier))
    inputs, judge = page.evaluate(
        """() => {
            const node = window.app.graph._nodes.find((node) => node.type === "SoartPromptChoice");
            return [node.inputs.map((input) => input.name), node.widgets.find((one) => one.name === "by").value];
        }"""
    )
    assert "profile" not in inputs
    assert judge == "technical"


def run(tab):
    tab.evaluate("() => window.app.queuePrompt(0)")


def test_pictures_are_rated_by_click_in_the_node(page, request):
    load(page, "Try a closed loop", collection="front", count=3)
    run(page)
    cards = page.locator(".soart-card")
    cards.nth(2).wait_for(timeout=RUN)
    assert cards.count() == 3
    assert "of 100" in cards.first.inner_text()
    # Every picture is there, also where Nodes 2.0 has drawn the panel once more meanwhile.
    whole = (
        "() => [...document.querySelectorAll('.soart-card img')].filter((one) => one.naturalWidth === 128).length === 3"
    )
    page.wait_for_function(whole, timeout=RUN)
    run(page)
    page.locator(".soart-chart svg").wait_for(state="attached", timeout=RUN)
    assert page.locator(".soart-chart circle").count() == 2
    star = cards.first.locator(".soart-star").nth(3)
    with page.expect_response("**/soart/rate") as answer:
        star.dispatch_event("click")
    assert answer.value.ok
    assert cards.first.locator("[aria-pressed=true]").count() == 4
    duel = page.locator(".soart-duel")
    with page.expect_response("**/soart/choose") as answer:
        duel.locator("button").first.dispatch_event("click")
    assert answer.value.ok
    with Collection(request.getfixturevalue("_real").base / "output" / "front") as collection:
        assert list(ratings(collection, "me").values()) == [4]
        assert len(comparisons(collection, "me")) == 1
