"""Evaluating and tidying in a real browser whose requests are slow or fail: headless Chromium and the real server."""

import numpy as np
import pytest
from specimens.browsing import Held
from specimens.scanning import Here
from specimens.waiting import until

from soart.pipelines.collection.collection import Collection
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.models.request import DrawnPicture, Request


@pytest.fixture
def folder(make_evaluated, tmp_path):
    return make_evaluated(tmp_path / "untidy")


def requests_of(page, part, method="GET"):
    """The requests of a page to addresses with a part, as they are made."""
    requests = []
    page.on("request", lambda request: part in request.url and request.method == method and requests.append(request))
    return requests


def test_findings_that_fail_are_fetched_again(come, address):
    page = come()
    page.route("**/evaluate/findings*", lambda route: route.abort())
    page.goto(f"{address}/c/0/evaluate")
    page.wait_for_selector(".toast.bad:has-text('does not answer')")
    with page.expect_request("**/api/evaluate"):
        pass
    page.unroute("**/evaluate/findings*")
    page.wait_for_selector("#found")


def test_a_state_that_arrives_late_is_not_shown(come, address):
    page = come()
    page.goto(f"{address}/c/0/evaluate")
    page.wait_for_selector("#found")
    held = Held(page, "/api/evaluate$", answered=True)
    held.wait()
    findings = requests_of(page, "/evaluate/findings")
    page.click("#ask .primary")
    until(lambda: page.wait_for_timeout(20) or findings)
    held.release()
    # Those of the earlier version are not asked for.
    assert len(findings) == 1


def test_groups_that_arrive_late_do_not_replace_later_ones(come, address):
    page = come()
    page.goto(f"{address}/c/0/keepers")
    page.wait_for_selector("#trust")
    held = Held(page, r"/keepers/groups\?group=burst", answered=True)
    page.select_option("[name=group]", "burst")
    held.wait()
    page.select_option("[name=group]", "look-alike")
    page.wait_for_selector("[data-group]")
    held.release()
    assert page.locator("[data-group]").count() == 2


def test_two_clicks_are_one_evaluation(come, address):
    page = come()
    page.goto(f"{address}/c/0/evaluate")
    page.wait_for_selector("#found")
    posts, held = requests_of(page, "/api/evaluate", "POST"), Held(page, "/api/evaluate$", "POST")
    findings = requests_of(page, "/evaluate/findings")
    page.click("#ask .primary")
    held.wait()
    page.click("#ask .primary")
    held.release()
    until(lambda: page.wait_for_timeout(20) or findings)
    assert len(posts) == 1
    assert page.inner_text("#ask .error") == ""


@pytest.mark.parametrize(("view", "choose"), [("evaluate", "#rule [name=duplicates]"), ("keepers", "")])
def test_two_clicks_are_one_move(come, address, view, choose):
    page = come()
    page.on("dialog", lambda question: question.accept())
    page.goto(f"{address}/c/0/{view}")
    if choose:
        page.check(choose)
    else:
        page.select_option("[name=group]", "look-alike")
    posts, held = requests_of(page, f"/api/{view}/move", "POST"), Held(page, f"/api/{view}/move$", "POST")
    page.click("[data-plan]")
    held.wait()
    page.click("[data-plan]")
    held.release()
    page.wait_for_selector("[data-undo]")
    assert len(posts) == 1
    assert page.locator(".toast.bad").count() == 0


def test_a_choice_is_undone_though_its_answer_is_late(come, address):
    page = come()
    page.goto(f"{address}/c/0/keepers")
    page.select_option("[name=group]", "look-alike")
    kept = page.locator("[data-keep][aria-pressed='true']").first.get_attribute("data-keep")
    other = page.locator(f".group:has([data-keep='{kept}']) [data-keep][aria-pressed='false']").first
    chosen = other.get_attribute("data-keep")
    held = Held(page, "/api/keepers/keep$", "POST", answered=True)
    other.click()
    held.wait()
    page.keyboard.press("u")
    held.release()
    page.wait_for_selector(".toast:has-text('Undone: choice of keeper')")
    page.wait_for_selector(f"[data-keep='{kept}'][aria-pressed='true']")
    assert page.get_attribute(f"[data-keep='{chosen}']", "aria-pressed") == "false"


#: Height of an element, and the distance of its first line of text from its left edge, in pixels.
PLACE = """(node) => {
  const range = document.createRange(), box = node.getBoundingClientRect();
  range.selectNodeContents(node);
  return [box.height, range.getClientRects()[0].left - box.left];
}"""


def test_a_group_shows_two_lines_of_its_prompt_at_the_left(come, address, folder):
    pixels = np.random.default_rng(0).integers(0, 255, (2, 24, 24, 3), dtype=np.uint8)
    requests = [Request(f"a long {'word ' * 900}end", seed, width=24, height=24) for seed in (1, 2)]
    with Collection(folder) as collection:
        collection.add_drawn([DrawnPicture(r, p, None, 0.1) for r, p in zip(requests, pixels, strict=True)], "m", "s")
        sync_and_evaluate(collection, Scan([folder / "images"]), Here())
    page = come()
    page.goto(f"{address}/c/0/keepers")
    height, left = page.locator("[data-group] > p:has-text('a long word')").evaluate(PLACE)
    assert 20 < height < 70
    assert left < 2


@pytest.mark.parametrize(("view", "thumb"), [("evaluate", "#found"), ("keepers", "#groups .groups")])
def test_the_viewer_shows_the_score_that_ranks_the_view(come, address, view, thumb):
    page = come()
    page.goto(f"{address}/c/0/{view}?group=look-alike")
    page.wait_for_selector(thumb)
    page.select_option("#ask [name=by]", "blur")
    page.click("#ask .primary")
    page.wait_for_selector(f"{thumb}[data-by=blur]")
    page.locator(f"{thumb} [data-picture]").first.click()
    page.wait_for_selector("#viewer .score:has-text('freedom from blur')")


@pytest.mark.parametrize("view", ["evaluate", "keepers"])
def test_on_a_phone_the_score_has_a_line_of_its_own_and_buttons_do_not_touch_fields(come, address, view):
    page = come()
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{address}/c/0/{view}")
    form, select = (page.locator(name).bounding_box() for name in ("#ask", "#ask [name=by]"))
    assert select["width"] > 0.95 * form["width"]
    page.click("#who")
    field, button = (page.locator(f"#who-dialog {name}").bounding_box() for name in ("input", "[data-close]"))
    assert button["y"] - (field["y"] + field["height"]) >= 8
