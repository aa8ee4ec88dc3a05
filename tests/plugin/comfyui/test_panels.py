"""The scripts of the nodes in Chromium, on a stand-in for the front end that makes its nodes anew as undo does."""

import json
from contextlib import contextmanager
from pathlib import Path

import pytest

from soart.pipelines.support.looping import Loops

WEB = Path(__file__).parents[3] / "plugin/comfyui/web"
ADDRESS = "http://comfy.test"
APP = """
export const app = {
  graph: { id: "w", _nodes: [], setDirtyCanvas() {} },
  registerExtension(extension) { this.extension = extension; },
  async queuePrompt() { window.queued = (window.queued ?? 0) + 1; return window.valid ?? true; },
};
window.app = app;
"""
API = """
export const api = {
  clientId: String(Math.random()),
  apiURL: (path) => path,
  fetchApi: (path, options) => { (window.sent ??= []).push([path, options?.body]); return fetch(path, options); },
  addEventListener(type, listener) { (window.listeners ??= {})[type] = (detail) => listener({ detail }); },
};
"""
#: Makes the nodes of a workflow as the front end does after loading it, and after every undo.
LOAD = """
async ([kind, ...ids]) => {
  class Node {
    constructor(id) { Object.assign(this, { id, type: kind, size: [100, 100], widgets: [] }); }
    addDOMWidget(name, type, element) { document.body.append(element); const w = { name, element }; this.widgets.push(w); return w; }
    computeSize() { return [100, 100]; }
    setSize() {}
    configure() {}
  }
  document.body.replaceChildren();
  await window.app.extension.beforeRegisterNodeDef(Node, { name: kind });
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


class Server(Loops):
    """The loops of a server that works from when a run is queued until it is finished."""

    idle, takes_runs, pages = True, True, ()

    def queued(self, promise, *, failed=False):
        super().queued(promise, failed=failed)
        self.idle = failed

    def finished(self, *run, **page):
        super().finished(*run, **page)
        self.idle = True


def answer_of_loops(server, path, document):
    """As looping.py of the pack."""
    if path.endswith("/next"):
        return {"promise": server.promise(document["workflow"], document["page"], idle=server.idle, pages=server.pages)}
    if path.endswith("/queued"):
        server.queued(document["promise"], failed=not document["certain"] and not server.takes_runs)
    else:
        server.stop(document["workflow"], document["reason"], document.get("node"), document.get("page"))
    return {}


@contextmanager
def opened(browser, server):
    """A page of the front end, of a server that keeps these loops."""
    runs = {
        "old": {"prompt": [1, "old", {"5": {"class_type": "SoartScore"}}, {"extra_pnginfo": {"workflow": {"id": "w"}}}], "outputs": {"5": output("1")}},
        "new": {"prompt": [2, "new", {"5": {"class_type": "SoartScore"}, "6": {"class_type": "KSampler"}}, {"extra_pnginfo": {"workflow": {"id": "w"}}}],
                "outputs": {"5": output("1", "2"), "6": output("9")}},
        "nested": {"prompt": [2, "nested", {"9:5": {"class_type": "SoartScore"}}, {"extra_pnginfo": {"workflow": {"id": "w"}}}], "outputs": {"9:5": output("1")}},
        "of a client": {"prompt": [2, "client", {"8": {"class_type": "SoartScore"}}, {}], "outputs": {"8": output("1")}},
        "other": {"prompt": [3, "other", {"7": {"class_type": "SoartScore"}}, {"extra_pnginfo": {"workflow": {"id": "another"}}}], "outputs": {"7": output("1")}},
        "loop": {"prompt": [4, "loop", {"5": {"class_type": "SoartFactorEffects"}}, {"extra_pnginfo": {"workflow": {"id": "w"}}}],
                 "outputs": {"5": {"soart_loop": [{"runs": 4, "gain": "Expected further gain: none.", "enough": ""}]}}},
    }  # fmt: skip
    tab = browser.new_page()
    tab.set_default_timeout(240_000)
    tab.waiting, tab.stars, tab.server = [], None, server

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
        elif path == "/soart/words":
            route.fulfill(
                json={
                    "wildcards": ["palette", "style", "subject"],
                    "judges": ["clip", "mine"],
                    "tastes": ["mine"],
                    "loras": ["sub/ink", "oil"],
                }
            )
        elif path == "/soart/rated":
            route.fulfill(json={"stars": [tab.stars for _ in route.request.post_data_json["images"]]})
        elif path == "/soart/waiting":
            route.fulfill(json=tab.waiting)
        elif path == "/soart/loops":
            route.fulfill(json=server.states())
        elif path.startswith("/soart/loop/"):
            route.fulfill(json=answer_of_loops(server, path, route.request.post_data_json))
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


@pytest.fixture
def page(browser):
    with opened(browser, Server()) as tab:
        yield tab


def another_page(tab):
    return opened(tab.context.browser, tab.server)


def test_panels_come_back_after_reload_and_undo(page):
    # The page is new, and the server remembers: its latest run of this workflow counts.
    page.evaluate("() => window.app.extension.setup()")
    assert page.evaluate(LOAD, ["SoartScore", 5]) == 2
    # A node of another workflow, one of another class, and one that a client of the API has run, have nothing to show.
    assert page.evaluate(LOAD, ["SoartScore", 6, 7, 8]) == 0
    # A node within a subgraph is known by the numbers of both.
    nested = "() => { const { graph, extension } = window.app; graph._nodes = [{ id: 9, subgraph: { _nodes: [Object.assign(graph._nodes[0], { id: 5 })] } }]; extension.afterConfigureGraph(); }"
    page.evaluate(nested)
    assert page.locator(".soart-card").count() == 1
    # Undo makes the nodes anew; what a run showed meanwhile counts.
    page.evaluate(LOAD, ["SoartScore", 5])
    page.evaluate("(output) => window.app.graph._nodes[0].constructor.prototype.onExecuted.call(window.app.graph._nodes[0], output)", output("1", "2", "3"))  # fmt: skip
    assert page.evaluate(LOAD, ["SoartScore", 5]) == 3


def test_stars_and_not_for_me_are_sent(page):
    page.evaluate("() => window.app.extension.setup()")
    page.evaluate(LOAD, ["SoartScore", 5])
    card = page.locator(".soart-card").first
    card.locator(".soart-star").nth(3).dispatch_event("click")
    assert card.locator(".soart-star[aria-pressed=true]").count() == 4
    card.locator(".soart-not").dispatch_event("click")
    assert card.locator(".soart-not[aria-pressed=true]").count() == 1
    sent = [json.loads(body) for path, body in page.evaluate("() => window.sent") if path == "/soart/rate"]
    assert [one["stars"] for one in sent] == [4, "not for me"]
    assert sent[0]["image"] == CARD["image"]
    # What was given earlier is read, and one click takes it back.
    page.stars = 4
    page.evaluate(LOAD, ["SoartScore", 5])
    card.locator(".soart-star[aria-pressed=true]").nth(3).dispatch_event("click")
    assert card.locator(".soart-star[aria-pressed=true]").count() == 0
    # Small ones are small, and any node that shows pictures lets them be rated, by keys too.
    assert "preview=webp" in card.locator("img").first.get_attribute("src")
    page.evaluate(
        """() => {
            const { app } = window;
            app.nodeOutputs = { 5: { images: [{ filename: "a.png", type: "temp" }, { filename: "b.png", type: "temp" }] } };
            const options = [];
            app.graph._nodes[0].getExtraMenuOptions.call({ id: 5, graph: app.graph }, null, options);
            options[0].callback();
        }"""
    )
    viewer = page.locator("dialog.soart-viewer")
    assert "1" in viewer.inner_text()
    page.keyboard.press("2")
    viewer.get_by_text("2", exact=True).wait_for()
    page.keyboard.press("n")
    viewer.locator(".soart-not[aria-pressed=true]").wait_for()
    sent = [json.loads(body) for path, body in page.evaluate("() => window.sent") if path == "/soart/rate"]
    assert [(one["image"]["filename"], one["stars"]) for one in sent[-2:]] == [("a.png", 2), ("b.png", "not for me")]
    assert "preview" not in viewer.locator("img").get_attribute("src")


def question(name, **more):
    cards = [
        {**CARD, "title": title, "score": f"{score} of 100", "value": score}
        for title, score in (("3", 80), ("1", 60), ("2", 40))
    ]
    return {"id": name, "node": "5", "workflow": "w", "seconds": 90, "fallback": 1, "judge": "the overall score", "cards": cards, **more}  # fmt: skip


def answers(page):
    sent = page.evaluate("() => window.sent ?? []")
    return [json.loads(body) for path, body in sent if path == "/soart/pick"]


def test_a_run_that_waits_is_answered_in_its_node(page):
    # Of a page that was reloaded meanwhile.
    page.waiting = [question("q")]
    page.evaluate(LOAD, ["SoartChoose", 5])
    page.evaluate("() => window.app.extension.setup()")
    asked = page.locator(".soart-panel .soart-question")
    assert "In 1:30 the best passes (the overall score)." in asked.inner_text()
    assert asked.get_by_role("button", name="go on with the picked").is_disabled()
    for title in ("1", "3", "2", "2"):
        asked.get_by_role("button", name=f"pick picture {title},").click()
    assert asked.locator(".soart-order").all_inner_texts() == ["2", "1", ""]
    # Undo makes the node anew, and the picks stay.
    page.evaluate(LOAD, ["SoartChoose", 5])
    assert asked.count() == 1
    asked.get_by_role("button", name="go on with the picked").click()
    asked.wait_for(state="detached")
    assert answers(page) == [{"id": "q", "picked": [1, 3]}]


def test_questions_of_nodes_that_are_not_to_be_seen_are_in_the_corner(page):
    page.evaluate(LOAD, ["SoartChoose", 5])
    page.evaluate("() => window.app.extension.setup()")
    for asked in (question("other workflow", workflow="x"), question("in a subgraph", node="7:5")):
        page.evaluate("(asked) => window.listeners['soart.asked'](asked)", asked)
    corner = page.locator(".soart-corner")
    assert corner.locator(".soart-question").count() == 2
    corner.get_by_role("button", name="go on without a pick").first.click()
    corner.locator(".soart-question").nth(1).wait_for(state="detached")
    assert answers(page) == [{"id": "other workflow", "picked": []}]
    # Answered elsewhere, stopped, or too late.
    page.evaluate("() => window.listeners['soart.closed']({ id: 'in a subgraph' })")
    assert corner.count() == 0
    # After the connection was lost.
    page.waiting = [question("q", fallback=0)]
    page.evaluate("() => window.listeners['reconnected']()")
    page.locator(".soart-panel .soart-question").wait_for()
    assert "none passes" in page.locator(".soart-panel .soart-question").inner_text()


def test_pictures_are_enlarged_and_compared(page):
    page.evaluate(LOAD, ["SoartScore", 5])
    cards = [{**CARD, "title": title, "value": value, "score": f"{value} of 100"} for title, value in (("1", 40), ("2", 80), ("3", 60))]  # fmt: skip
    show = "(output) => window.app.graph._nodes[0].constructor.prototype.onExecuted.call(window.app.graph._nodes[0], output)"
    page.evaluate(show, output() | {"soart_cards": cards})
    page.get_by_role("button", name="enlarge picture 2").click()
    viewer = page.locator("dialog.soart-viewer")
    assert "2: 80 of 100" in viewer.inner_text()
    page.keyboard.press("ArrowRight")
    assert "3: 60 of 100" in viewer.inner_text()
    page.keyboard.press("Escape")
    viewer.wait_for(state="detached")
    page.get_by_text("Compare two").click()
    panel = page.locator(".soart-panel .soart-comparer").first
    chosen = "lists => lists.map((list) => list.selectedOptions[0].text)"
    assert panel.locator("select").evaluate_all(chosen) == ["2: 80 of 100", "1: 40 of 100"]
    panel.locator("select").nth(1).select_option(index=1)
    assert panel.locator(".soart-under img").get_attribute("alt") == "picture 3, 60 of 100"
    panel.get_by_role("button", name="enlarge the comparison").click()
    assert viewer.locator("select").evaluate_all(chosen) == ["2: 80 of 100", "3: 60 of 100"]
    # The line follows the pointer.
    stage = viewer.locator(".soart-stage")
    box = stage.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    assert abs(float(stage.evaluate("stage => parseFloat(stage.style.getPropertyValue('--soart-cut'))")) - 25) < 1
    viewer.get_by_role("button", name="close").click()
    viewer.wait_for(state="detached")


def name_of(page):
    return page.evaluate("async () => (await import('/scripts/api.js')).api.clientId")


class Loop:
    """A closed loop on a page, whose server is the test."""

    def __init__(self, page, workflow="w"):
        self.page, self.workflow = page, workflow
        self.open()

    def open(self):
        """Open the workflow, as after a reload."""
        self.page.evaluate("(id) => { window.app.graph.id = id; }", self.workflow)
        self.page.evaluate(LOAD, ["SoartFactorEffects", 5])
        self.page.evaluate("() => window.app.extension.setup()")

    def hear(self, event, detail):
        self.page.evaluate("([event, detail]) => window.listeners[event](detail)", [event, detail])

    def finish(self, runs=3, enough=""):
        """End a run, then have nothing left to do; returns how many runs the page has queued then."""
        facts = {"runs": runs, "gain": "Expected further gain: at most 2 ± 1 (score).", "enough": enough}
        loops = self.page.server
        loops.finished(self.workflow, "5", runs, enough, name_of(self.page))
        self.hear("soart.loop", self.told(runs))
        run = "(output) => window.app.graph._nodes[0].constructor.prototype.onExecuted.call(window.app.graph._nodes[0], output)"
        self.page.evaluate(run, {"text": ["a note"], "soart_loop": [facts]})
        before = self.queued
        self.hear("status", {"exec_info": {"queue_remaining": 1}})
        assert self.queued == before
        self.hear("status", {"exec_info": {"queue_remaining": 0}})
        self.hear("soart.loop", self.told(runs))
        return self.queued - before

    def told(self, runs=3):
        gone = {"workflow": self.workflow, "node": "5", "runs": runs, "done": 1, "phase": "", "why": ""}
        return next((one for one in self.page.server.states() if one["workflow"] == self.workflow), gone)

    @property
    def queued(self):
        return self.page.evaluate("() => window.queued ?? 0")

    @property
    def text(self):
        shown = self.page.locator(".soart-loop")
        return shown.inner_text() if shown.count() else ""


def test_a_loop_queues_its_runs_and_ends(page):
    loop = Loop(page)
    assert loop.finish() == 1
    assert "Run 2 of 3 is on its way. Stop" in loop.text
    assert "at most 2 ± 1" in page.locator(".soart-panel").inner_text()
    assert loop.finish() == 1
    assert loop.finish() == 0
    assert loop.text == "Done: 3 runs."
    # A click on Run begins anew, and a loop of one run queues nothing.
    assert loop.finish() == 1
    assert loop.finish(enough="Stopped: little to gain.") == 0
    assert loop.text == "Stopped: little to gain. Runs: 2 of 3."
    assert loop.finish(runs=1) == 0
    assert loop.text == ""


def test_a_loop_is_stopped_by_hand_and_by_mistakes(page):
    loop = Loop(page)
    loop.finish(9)
    # Undo makes the node anew.
    page.evaluate(LOAD, ["SoartFactorEffects", 5])
    with page.expect_response("**/soart/loop/stop"):
        page.get_by_role("button", name="queue no further run").click()
    loop.hear("soart.loop", loop.told())
    assert loop.text == "Stopped after 1 of 9 runs."
    # The run that was on its way counts.
    assert loop.finish(9) == 0
    assert loop.text == "Stopped after 2 of 9 runs."
    assert loop.finish(9) == 1
    loop.hear("execution_start", {"prompt_id": "own"})
    loop.hear("execution_interrupted", {"prompt_id": "another page's"})
    loop.hear("soart.loop", loop.told())
    assert "Run 2 of 9 is on its way" in loop.text
    loop.hear("execution_interrupted", {"prompt_id": "own"})
    loop.hear("soart.loop", loop.told())
    assert loop.text == "Stopped after 1 of 9 runs: a run was interrupted."
    # Some front ends say false of what they have queued.
    page.evaluate("() => { window.valid = false; }")
    assert loop.finish(9) == 1
    assert "Run 2 of 9 is on its way" in loop.text
    page.server.takes_runs = False
    loop.finish(9)
    assert loop.text == "Stopped after 2 of 9 runs: the run could not be queued."


def test_a_loop_whose_node_is_not_to_be_seen_is_stopped_in_the_corner(page):
    loop, corner = Loop(page), page.locator(".soart-corner")
    loop.finish(9)
    assert corner.count() == 0
    page.evaluate("() => { window.app.graph._nodes[0].flags = { collapsed: true }; }")
    with page.expect_response("**/soart/loop/stop"):
        corner.get_by_role("button", name="queue no further run").click()
    loop.hear("soart.loop", loop.told())
    assert corner.inner_text() == "Stopped after 1 of 9 runs."
    page.evaluate("() => { window.app.graph._nodes[0].flags = {}; }")
    corner.wait_for(state="detached")


def test_a_loop_waits_while_another_workflow_is_open(page):
    loop = Loop(page)
    loop.finish(5)
    page.evaluate("() => { window.app.graph.id = 'w2'; }")
    loop.hear("status", {"exec_info": {"queue_remaining": 0}})
    assert loop.queued == 1
    page.evaluate("() => { window.app.graph.id = 'w'; }")
    loop.finish(5)
    assert loop.queued == 2


def test_a_loop_goes_on_after_a_reload_and_in_a_page_opened_later(page):
    # The page was closed before its run ended.
    page.server.finished("w", "5", 4)
    loop = Loop(page)
    assert loop.queued == 1
    loop.hear("soart.loop", loop.told())
    assert "Expected further gain: none.\nRun 2 of 4 is on its way. Stop" in page.locator(".soart-panel").inner_text()
    # Another page of the same workflow, and one of another workflow, queue nothing.
    with another_page(page) as second, another_page(page) as third:
        assert Loop(second).queued == Loop(third, "w2").queued == 0
        page.server.finished("w", "5", 4, page=name_of(page))
        loops = [Loop(one) for one in (page, second)]
        assert sum(one.queued for one in loops) == 2
    assert [one["done"] for one in page.server.states()] == [2]


def test_copies_of_one_workflow_in_two_pages_do_not_end_each_others_loop(page):
    with another_page(page) as second:
        page.server.pages = [name_of(page), name_of(second)]
        page.server.finished("w", "5", 4, page=name_of(page))
        loops = [Loop(one) for one in (second, page)]
        assert [one.queued for one in loops] == [0, 1]
        loops[0].hear("soart.loop", loops[0].told())
        with second.expect_response("**/soart/loop/stop"):
            loops[0].hear("execution_error", {})
        assert [one["why"] for one in page.server.states()] == [""]
        # What the other has done is not shown in place of the own end.
        page.server.finished("w", "5", 2, page=name_of(second))
        page.server.stop("w", "failed", page=name_of(page))
        for told in page.server.states()[::-1]:
            loops[1].hear("soart.loop", told)
        assert loops[1].text == "Stopped after 1 of 4 runs: a run failed."


def test_a_loop_is_stopped_from_another_page(page):
    loop = Loop(page)
    loop.finish(5)
    page.server.stop("w", "by hand")
    loop.hear("soart.loop", loop.told())
    assert loop.text == "Stopped after 1 of 5 runs."


#: Fields as the canvas draws them, with elements of their own, and as Nodes 2.0 does.
FIELDS = """
(kind) => {
  const text = document.createElement("textarea");
  const line = document.createElement("input");
  line.setAttribute("aria-label", "Richter");
  const node = { id: 5, type: kind, widgets: [{ name: "prompt", element: text }, { name: "by", label: "Richter" }] };
  const shell = document.createElement("div");
  shell.dataset.nodeId = "5";
  shell.append(line);
  const other = Object.assign(document.createElement("textarea"), { className: "other" });
  document.body.replaceChildren(text, shell, other);
  window.app.graph._nodes = [node];
  text.addEventListener("input", () => { window.heard = text.value; });
}
"""


def test_wildcards_are_completed_in_prompts(page):
    page.evaluate("() => window.app.extension.setup()")
    page.evaluate(FIELDS, "SoartGenerate")
    field, offered = page.locator("textarea").first, page.locator(".soart-word")
    with page.expect_response("**/soart/words"):
        field.focus()
    field.press_sequentially("a __s")
    offered.first.wait_for()
    assert offered.all_inner_texts() == ["style", "subject"]
    field.press("ArrowDown")
    field.press("Enter")
    assert page.evaluate("() => window.heard") == "a __subject__"
    assert offered.count() == 0
    # What ends a wildcard begins none, and a mouse chooses too.
    field.press_sequentially(" in __")
    assert offered.all_inner_texts() == ["palette", "style", "subject"]
    offered.first.dispatch_event("pointerdown")
    assert page.evaluate("() => window.heard") == "a __subject__ in __palette__"
    field.press_sequentially(" __st")
    field.press("Escape")
    field.press("Enter")
    assert page.evaluate("() => window.heard").endswith(" __st\n")
    field.press_sequentially(" <lora:s")
    field.press("Tab")
    assert page.evaluate("() => window.heard").endswith(" <lora:sub/ink:1>")
    # Fields of no node are left alone, and all of them if a setting says so.
    page.evaluate("() => { window.app.extensionManager = { setting: { get: () => false } }; }")
    page.evaluate(FIELDS, "SoartGenerate")
    for left_alone in (page.locator(".other"), field):
        left_alone.focus()
        left_alone.press_sequentially("__s")
        assert offered.count() == 0


def test_names_of_judges_are_completed_by_the_browser(page):
    page.evaluate("() => window.app.extension.setup()")
    page.evaluate(FIELDS, "SoartJudge")
    with page.expect_response("**/soart/words"):
        page.locator("input").focus()
    page.locator("input[list]").wait_for()
    assert page.locator("datalist option").evaluate_all("all => all.map((one) => one.value)") == ["clip", "mine"]


def test_names_are_completed_in_the_dialog_of_the_canvas(page):
    page.evaluate("() => window.app.extension.setup()")
    page.evaluate(
        """() => {
            const onClick = () => {
                const dialog = Object.assign(document.createElement("div"), { className: "graphdialog" });
                dialog.append(Object.assign(document.createElement("input"), { className: "value" }));
                document.body.append(dialog);
            };
            // Its type is set later.
            const node = { comfyClass: "SoartTaste", widgets: [{ name: "rated", onClick }, { name: "name", onClick }] };
            window.app.extension.nodeCreated(node);
            node.widgets[1].onClick({});
        }"""
    )
    page.locator("input[list]").wait_for()
    assert page.locator("datalist option").evaluate_all("all => all.map((one) => one.value)") == ["mine"]
