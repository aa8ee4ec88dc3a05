"""The scripts of the nodes in Chromium, on a stand-in for the front end that makes its nodes anew as undo does."""

import json
from pathlib import Path

import pytest

WEB = Path(__file__).parents[3] / "plugin/comfyui/web"
ADDRESS = "http://comfy.test"
APP = """
export const app = {
  graph: { id: "w", _nodes: [], setDirtyCanvas() {} },
  registerExtension(extension) { this.extension = extension; },
};
window.app = app;
"""
API = """
export const api = {
  apiURL: (path) => path,
  fetchApi: (path, options) => { (window.sent ??= []).push([path, options?.body]); return fetch(path, options); },
};
"""
#: Makes the nodes of a workflow as the front end does after loading it, and after every undo.
LOAD = """
async (ids) => {
  class Node {
    constructor(id) { Object.assign(this, { id, type: "SoartScore", size: [100, 100], widgets: [] }); }
    addDOMWidget(name, type, element) { document.body.append(element); const w = { name, element }; this.widgets.push(w); return w; }
    computeSize() { return [100, 100]; }
    setSize() {}
    configure() {}
  }
  document.body.replaceChildren();
  await window.app.extension.beforeRegisterNodeDef(Node, { name: "SoartScore" });
  window.app.graph._nodes = ids.map((id) => new Node(id));
  window.app.extension.afterConfigureGraph();
  return document.querySelectorAll(".soart-card").length;
}
"""
CARD = {
    "image": {"filename": "a.png", "subfolder": "", "type": "temp"}, "title": "1", "value": 71.0, "score": "71 of 100", "note": "", "why": ["sharp"],
    "rate": {"collection": "soart-rated", "image": {"filename": "a.png", "subfolder": "", "type": "temp"}, "rater": "me", "stars": None},
}  # fmt: skip


def output(*titles):
    return {"text": ["a note"], "soart_cards": [CARD | {"title": title} for title in titles]}


@pytest.fixture
def page(browser):
    runs = {
        "old": {"prompt": [1, "old", {"5": {"class_type": "SoartScore"}}, {"extra_pnginfo": {"workflow": {"id": "w"}}}], "outputs": {"5": output("1")}},
        "new": {"prompt": [2, "new", {"5": {"class_type": "SoartScore"}, "6": {"class_type": "KSampler"}}, {"extra_pnginfo": {"workflow": {"id": "w"}}}],
                "outputs": {"5": output("1", "2"), "6": output("9")}},
        "other": {"prompt": [3, "other", {"7": {"class_type": "SoartScore"}}, {"extra_pnginfo": {"workflow": {"id": "another"}}}], "outputs": {"7": output("1")}},
    }  # fmt: skip
    tab = browser.new_page()

    def answer(route):
        path = route.request.url.removeprefix(ADDRESS).split("?")[0]
        if path == "/":
            route.fulfill(content_type="text/html", body="<!doctype html><body></body>")
        elif path == "/scripts/app.js":
            route.fulfill(content_type="text/javascript", body=APP)
        elif path == "/scripts/api.js":
            route.fulfill(content_type="text/javascript", body=API)
        elif path == "/history":
            route.fulfill(json=runs)
        elif path.startswith("/extensions/soart/") and (WEB / path.removeprefix("/extensions/soart/")).is_file():
            kind = "text/css" if path.endswith(".css") else "text/javascript"
            route.fulfill(
                content_type=kind, body=(WEB / path.removeprefix("/extensions/soart/")).read_text(encoding="utf-8")
            )
        else:
            route.fulfill(json={})

    tab.route("**/*", answer)
    tab.goto(f"{ADDRESS}/")
    tab.evaluate(f"import('{ADDRESS}/extensions/soart/soart.js')")
    yield tab
    tab.close()


def test_panels_come_back_after_reload_and_undo(page):
    # The page is new, and the server remembers: its latest run of this workflow counts.
    page.evaluate("() => window.app.extension.setup()")
    assert page.evaluate(LOAD, [5]) == 2
    # A node of another workflow, and one of another class, have nothing to show.
    assert page.evaluate(LOAD, [6, 7]) == 0
    # Undo makes the nodes anew; what a run showed meanwhile counts.
    page.evaluate(LOAD, [5])
    page.evaluate("(output) => window.app.graph._nodes[0].constructor.prototype.onExecuted.call(window.app.graph._nodes[0], output)", output("1", "2", "3"))  # fmt: skip
    assert page.evaluate(LOAD, [5]) == 3


def test_stars_and_not_for_me_are_sent(page):
    page.evaluate("() => window.app.extension.setup()")
    page.evaluate(LOAD, [5])
    card = page.locator(".soart-card").first
    card.locator(".soart-star").nth(3).dispatch_event("click")
    assert card.locator(".soart-star[aria-pressed=true]").count() == 4
    card.locator(".soart-not").dispatch_event("click")
    assert card.locator(".soart-not[aria-pressed=true]").count() == 1
    sent = [json.loads(body) for path, body in page.evaluate("() => window.sent") if path == "/soart/rate"]
    assert [one["stars"] for one in sent] == [4, "not for me"]
    assert sent[0]["image"] == CARD["image"]
