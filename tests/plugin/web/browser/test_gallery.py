"""The grid of pictures and the viewer in a real browser: headless Chromium, the real server, the embedded model."""

import json
import zipfile

import numpy as np
import pytest
from specimens.browsing import Held, count_backs, round_trip, stored, wait_for_back
from specimens.waiting import until

from soart.metrics.tastes.overall import stored_name
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import rate
from soart.pipelines.models.request import DrawnPicture, Request


def test_the_values_of_a_judge_that_ends_before_the_page_knows_its_job_are_shown(package, come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/gallery")
    held = Held(page, "/api/judge$", "POST", answered=True)
    page.click("#more")
    page.click("#judge")
    page.select_option("#judge-dialog [name=judge]", "redness")

    def tells_the_end(response):
        return "/api/jobs" in response.url and any(not job["live"] for job in response.json()["jobs"])

    with page.expect_response(tells_the_end):
        page.click("#judge-dialog .primary")
        held.wait()
    held.release()
    page.wait_for_function("() => document.querySelector('[name=by]').value === 'judge:redness@1'")


def test_a_judge_that_gives_no_picture_a_value_leaves_the_gallery_as_it_is(package, come, address, monkeypatch):
    import acme_judge

    monkeypatch.setattr(acme_judge.Redness, "values", lambda self, pictures: [np.nan] * len(pictures.ids))
    page = come()
    page.goto(f"{address}/c/0/gallery")
    page.click("#more")
    page.click("#judge")
    page.select_option("#judge-dialog [name=judge]", "redness")
    before = page.input_value("#filter [name=by]"), page.input_value("#filter [name=sort]")
    with page.expect_response("**/judges"):
        page.click("#judge-dialog .primary")
        page.wait_for_selector(".toast:has-text('redness: 0 of 40 pictures judged.')")
    round_trip(page)
    assert (page.input_value("#filter [name=by]"), page.input_value("#filter [name=sort]")) == before
    page.fill("[name=words]", "red")
    page.wait_for_selector("#count:has-text('20 pictures')")
    round_trip(page)
    assert not page.is_visible(".toast.bad")


def test_what_is_written_nowhere_is_looked_for_by_itself_once(come, address):
    page, asked = come(), []
    page.on("request", lambda request: asked.extend([request.url] * request.url.endswith("/api/look")))
    page.goto(f"{address}/c/0/gallery")
    page.fill("[name=words]", "red")
    page.wait_for_selector("#count:has-text('20 pictures')")
    page.wait_for_timeout(1700)
    assert not asked
    page.fill("[name=words]", "owl")
    page.wait_for_selector("#look", state="visible")
    page.wait_for_selector("#look", state="hidden")
    assert len(asked) == 1
    # A link lets look in any number of pictures.
    page.route("**/api/ids?*", lambda route: route.fulfill(json={"ids": [], "unseen": 5000}))
    page.goto(f"{address}/c/0/gallery?words=owl&look=1")
    until(lambda: page.evaluate("1") and len(asked) == 2)
    assert not page.is_visible(".alarm")


def test_the_values_of_a_judge_are_shown_whichever_answer_on_the_judges_comes_first(come, address, folder):
    page = come()
    job = {"number": 7, "key": "judge:depth", "title": "Judging", "state": "done", "done": 9, "total": 9, "message": "Done.",
           "live": False, "left": None, "judged": "judge:depth@1", "cancellable": False}  # fmt: skip
    answer, held = {"newest": 40, "jobs": []}, []
    page.route("**/api/jobs", lambda route: route.fulfill(json=answer))
    page.route("**/api/judge", lambda route: route.fulfill(json={"job": 7}))
    page.route("**/judges", lambda route: held.append(route))
    with page.expect_response("**/api/jobs"):
        page.goto(f"{address}/c/0/gallery")
    with Collection(folder) as collection:
        collection.set_scores("judge:depth@1", dict.fromkeys(collection.ids(), -1.25))
    page.click("#more")
    page.click("#judge")
    page.click("#judge-dialog .primary")
    for ended in (job, job | {"number": 8, "key": "learn:me"}):
        answer["jobs"].append(ended)
        look(page)
        until(lambda: page.evaluate("1") and len(held) == len(answer["jobs"]))
    for route in held:
        with page.expect_response("**/judges"):
            route.continue_()
        round_trip(page)
    page.wait_for_function("() => document.querySelector('[name=by]').value === 'judge:depth@1'")
    # A real minus sign.
    page.wait_for_selector("[data-number='0'] .score-mark:text-is('−1.25')")


def test_ratings_of_the_gallery_and_the_viewer_are_undone(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/gallery?up=1")
    page.focus("[data-number='0'] .cell")
    page.wait_for_selector("[data-number='0'] img")
    page.keyboard.press("4")
    page.keyboard.press("5")
    until(lambda: stored(folder) == {1: 5.0})
    page.keyboard.press("Enter")
    page.wait_for_selector("#viewer [data-stars='5'][aria-pressed=true]")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#viewer .prompt:has-text('number 1')")
    page.keyboard.press("1")
    until(lambda: stored(folder) == {1: 5.0, 2: 1.0})
    page.click("[data-undo-rating]")
    until(lambda: stored(folder) == {1: 5.0})
    assert page.locator("#viewer [data-stars][aria-pressed=true]").count() == 0
    # The next one belongs to the picture before: it is shown.
    page.keyboard.press("u")
    page.wait_for_selector("#viewer [data-stars='4'][aria-pressed=true]")
    until(lambda: stored(folder) == {1: 4.0})
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    until(lambda: stored(folder) == {})
    assert page.locator(".badge-stars").count() == 0
    page.keyboard.press("u")
    page.wait_for_selector(".toast:has-text('Nothing to undo.')")


def test_more_like_this_keeps_the_order_of_the_view_and_long_prompts_are_folded(come, address, folder):
    with Collection(folder) as collection:
        pixels = np.full((24, 24, 3), 128, np.uint8)
        request = Request(f"a long {'word ' * 900}end", 7, width=24, height=24)
        [row] = collection.add_drawn([DrawnPicture(request, pixels, None, 0.1)], "m", "s")
    page = come()
    page.goto(f"{address}/c/0/gallery?sort=rating&by=technical&words=long")
    page.click("[data-number='0'] .cell")
    page.wait_for_selector("#viewer [data-like]")
    link = page.get_attribute("#viewer [data-like]", "href")
    assert link.endswith(f"/gallery?like={row.id}&sort=rating&by=technical")
    assert page.inner_text("#viewer h2.prompt").endswith("…")
    assert not page.locator("#viewer details .prompt").is_visible()
    page.click("#viewer details summary")
    assert page.inner_text("#viewer details .prompt").endswith("end")


def test_back_closes_the_viewer_and_stays_on_the_page(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/gallery?up=1")
    page.click("[data-number='3'] .cell")
    page.wait_for_selector("#viewer[open]")
    page.go_back()
    page.wait_for_selector("#viewer", state="hidden")
    assert page.url.startswith(f"{address}/c/0/gallery?")
    # Closed by a key, it leaves nothing behind: Back goes to the page before.
    page.click("[data-number='3'] .cell")
    page.wait_for_selector("#viewer .prompt")
    page.keyboard.press("Escape")
    page.wait_for_function("() => history.state === null")
    page.go_back()
    page.wait_for_url(lambda url: "gallery?" not in url or "up=1" not in url)


@pytest.mark.parametrize("moment", ["before the event of closing", "after it"])
def test_a_picture_that_is_opened_while_the_viewer_goes_back_stays_open(come, address, folder, moment):
    page = come()
    page.goto(f"{address}/c/0/gallery?up=1")
    page.click("[data-number='3'] .cell")
    page.wait_for_selector("#viewer .prompt:has-text('number 3')")
    count_backs(page)
    page.evaluate(
        """moment => {
            const viewer = document.querySelector("#viewer");
            const open = () => document.querySelector("[data-number='5'] .cell").click();
            if (moment === "after it") viewer.addEventListener("close", open, { once: true });
            viewer.close();
            if (moment !== "after it") open();
        }""",
        moment,
    )
    wait_for_back(page)
    page.wait_for_selector("#viewer[open] .prompt:has-text('number 5')")
    assert page.evaluate("window.backs") == 1
    page.go_back()
    page.wait_for_selector("#viewer", state="hidden")
    assert page.evaluate("history.state") is None


def test_a_stack_that_is_opened_while_the_viewer_goes_back_stays_open_and_so_the_other_way_round(
    come, address, folder, make_drawn
):
    with Collection(folder) as collection:
        collection.add_drawn([make_drawn(seed, "a stacked boat") for seed in range(3)], "m", "s")
    page = come()
    page.goto(f"{address}/c/0/gallery?stacks=prompt")
    page.wait_for_selector("[data-number='0'] .cell.stack")
    page.click("[data-number='1'] .cell")
    page.wait_for_selector("#viewer .prompt")
    count_backs(page)
    page.evaluate(
        """() => {
            document.querySelector("#viewer").close();
            document.querySelector("[data-number='0'] .cell").click();
        }"""
    )
    wait_for_back(page)
    page.wait_for_function("() => document.querySelector('#count').textContent === '3 pictures'")
    assert page.evaluate("Boolean(history.state.stack)")
    page.wait_for_selector("[data-number='1'] img")
    page.evaluate(
        """async () => {
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
            // The page goes back at once, but is not there before the next task.
            for (let step = 0; step < 20; step++) await null;
            document.querySelector("[data-number='1'] .cell").click();
        }"""
    )
    wait_for_back(page, 2)
    page.wait_for_selector("#viewer[open]")
    assert page.inner_text("#viewer-place") == "2 of 3"
    assert page.evaluate("window.backs") == 2
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.querySelector('#count').textContent === '43 pictures, 1 stack'")


def test_a_picture_that_is_back_is_shown_again(come, address, folder):
    with Collection(folder) as collection:
        file = collection.locate(collection.images()[1])
    content = file.read_bytes()
    file.unlink()
    page = come()
    page.goto(f"{address}/c/0/gallery?up=1")
    page.wait_for_selector("[data-number='1'] img.lost")
    # The browser gives a second request the answer of one under way.
    failed = "new Promise((done) => document.querySelector(\"[data-number='1'] img\").addEventListener('error', () => done()))"
    page.evaluate(f"() => {{ const failed = {failed}; dispatchEvent(new Event('focus')); return failed; }}")
    assert page.get_attribute("[data-number='1'] img", "alt").startswith("gone: ")
    file.write_bytes(content)
    # As if the window had been left for that of another program.
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.wait_for_function("() => document.querySelector(\"[data-number='1'] img:not(.lost)\")?.naturalWidth > 0")
    assert page.get_attribute("[data-number='1'] img", "alt") == "a red thing number 1"


def test_a_heat_map_that_fails_leaves_the_picture_and_tells_why(come, address, folder):
    page = come()
    # From the beginning, because the viewer fetches the next picture beforehand.
    page.route("**/pictures/5/large*", lambda route: route.fulfill(status=404, json={"error": "Its file is gone."}))
    page.goto(f"{address}/c/0/gallery?up=1")
    page.click("[data-number='3'] .cell")
    page.wait_for_selector("#viewer .prompt:has-text('number 3')")
    page.route("**/heat/**", lambda route: route.fulfill(status=400, json={"error": "This judge is gone."}))
    page.keyboard.press("h")
    page.wait_for_selector(".toast.bad:has-text('This judge is gone.')")
    page.wait_for_function("() => document.querySelector('#viewer-image').src.includes('/pictures/4/large')")
    assert page.is_visible("#viewer-image")
    assert page.is_hidden("#viewer-gone")
    assert page.get_attribute("[data-heat]", "aria-pressed") == "false"
    page.unroute("**/heat/**")
    page.route("**/heat/**", lambda route: route.abort(), times=1)
    page.keyboard.press("h")
    page.wait_for_selector(".toast.bad:has-text('The heat map did not arrive')")
    page.keyboard.press("h")
    page.wait_for_function(
        "() => document.querySelector('#viewer-image').src.includes('/heat/4') && document.querySelector('#viewer-image').naturalWidth > 0"
    )
    # A file that is gone is still said to be.
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#viewer-gone", state="visible")


def test_what_arrives_after_the_viewer_was_closed_belongs_to_the_list_that_was_open(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/gallery?up=1")
    page.wait_for_selector("[data-number='4'] img")
    page.evaluate(
        """async () => {
            const { openViewer } = await import(new URL("viewer.js", document.querySelector("script[type=module]").src));
            window.rated = [];
            window.show = (list) => openViewer([list], 0, { onRate: (id) => window.rated.push([list, id]) });
        }"""
    )
    held = Held(page, r"/api/cells\?ids=4$")
    page.evaluate("() => void window.show(4)")
    held.wait()
    page.keyboard.press("5")
    page.keyboard.press("Escape")
    page.wait_for_function("() => history.state === null")
    page.evaluate("() => void window.show(5)")
    page.wait_for_selector("#viewer .prompt:has-text('number 4')")
    page.keyboard.press("Escape")
    page.wait_for_function("() => history.state === null")
    held.release()
    until(lambda: stored(folder) == {4: 5.0})
    assert page.evaluate("window.rated") == [[4, 4]]
    # The picture of the closed viewer is not fetched any more.
    assert page.get_attribute("#viewer-image", "src") is None


def test_cells_that_were_asked_for_before_a_rating_do_not_replace_later_ones(come, address, folder):
    page = come()
    held = Held(page, "/api/cells", answered=True)
    page.goto(f"{address}/c/0/gallery?up=1")
    held.wait()
    # The same pictures in another order, and again in this one.
    page.uncheck("[name=up]")
    page.wait_for_selector("[data-number='0'] .cell[title='a red thing number 39']")
    page.check("[name=up]")
    page.wait_for_selector("[data-number='3'] .cell[title='a red thing number 3']")
    page.focus("[data-number='3'] .cell")
    page.keyboard.press("5")
    until(lambda: stored(folder) == {4: 5.0})
    held.release()
    # The same rating again removes it.
    page.keyboard.press("5")
    page.wait_for_selector(":focus .badge-stars", state="detached")
    until(lambda: stored(folder) == {})


def test_a_picture_that_is_fetched_ahead_and_shown_meanwhile_is_fetched_once(come, address, folder):
    page = come()
    asked, held = [], []

    def hold(route):
        asked.append(route.request.url)
        held.append(route)

    page.goto(f"{address}/c/0/gallery?up=1")
    page.wait_for_selector("[data-number='0'] img")
    page.route("**/api/cells?ids=2", hold)
    page.click("[data-number='0'] .cell")
    until(lambda: page.evaluate("1") and held)
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#viewer-place:has-text('2 of')")
    round_trip(page)
    for route in held:
        route.continue_()
    page.wait_for_function("() => document.querySelector('#viewer-image').src.includes('/pictures/2/')")
    assert len(asked) == 1


def test_the_scroll_position_survives_a_reload_and_a_visit_elsewhere(come, address, folder):
    page = come()
    page.set_viewport_size({"width": 390, "height": 400})
    page.goto(f"{address}/c/0/gallery?up=1")
    page.wait_for_selector("[data-number='0'] img")
    page.evaluate("scrollTo(0, 600)")
    page.wait_for_selector("[data-number='9'] img")
    page.reload()
    page.wait_for_function("() => scrollY === 600")
    page.goto(f"{address}/c/0/rate")
    page.wait_for_selector("#picture[data-id]")
    page.go_back()
    page.wait_for_function("() => scrollY === 600")
    # The way to the page from elsewhere starts at the top.
    page.goto(f"{address}/c/0/gallery?up=1&words=")
    page.wait_for_selector("[data-number='0'] img")
    assert page.evaluate("scrollY") == 0


def test_the_gallery_by_keyboard(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/gallery?up=1")
    page.wait_for_selector("#grid .badge-stars, #grid img")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("() => document.activeElement.className === 'cell'")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("4")
    until(lambda: stored(folder) == {2: 4.0})
    assert page.inner_text(":focus .badge-stars") == "★4"
    page.keyboard.press("Enter")
    page.wait_for_selector("#viewer .prompt:has-text('number 1')")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#viewer .prompt:has-text('number 2')")
    page.keyboard.press("h")
    page.wait_for_function(
        "() => document.querySelector('#viewer-image').src.includes('/heat/3') && document.querySelector('#viewer-image').naturalWidth > 0"
    )
    assert page.is_visible("[data-legend]")
    page.keyboard.press("h")
    assert page.is_hidden("[data-legend]")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "cell"
    page.fill("[name=words]", "grey -38")
    page.wait_for_function("() => document.querySelector('#count').textContent === '18 pictures'")
    page.reload()
    page.wait_for_function("() => document.querySelector('#count').textContent === '18 pictures'")


def test_a_selection_is_rated_undone_labelled_exported_and_compared(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/gallery?up=1")
    page.wait_for_selector("[data-number='4'] img")
    page.focus("[data-number='1'] .cell")
    page.keyboard.press(" ")
    page.keyboard.press("Shift+ArrowRight")
    page.click("[data-number='4'] .cell", modifiers=["Control"])
    assert page.inner_text("#selected") == "3 selected"
    page.keyboard.press("5")
    until(lambda: stored(folder) == {2: 5.0, 3: 5.0, 5: 5.0})
    page.keyboard.press("u")
    until(lambda: stored(folder) == {})
    page.keyboard.press("f")
    page.wait_for_selector("[data-number='4'] .badge-heart")
    page.click("[data-act=tag]")
    page.wait_for_selector(".toast:has-text('3 pictures marked as favourites.')")
    page.fill("#label-dialog [name=name]", "sea side, night")
    page.keyboard.press("Enter")
    for tag in ("sea side", "night"):
        page.wait_for_selector(f".toast:has-text('3 pictures with tag “{tag}”.')")
    page.wait_for_selector("[name=tag] option[value=night]", state="attached")
    page.select_option("[name=tag]", "night")
    page.wait_for_function("() => document.querySelector('#count').textContent === '3 pictures'")
    with page.expect_download() as download:
        page.click("[data-act=zip]")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        table = json.loads(archive.read("pictures.json"))
    assert {record["tags"] for record in table} == {"night, sea side"}
    assert [record["prompt"][-1] for record in table] == ["1", "2", "4"]
    page.click("[data-act=compare]")
    page.wait_for_selector(".differences mark")
    assert page.locator(".choice").count() == 2


def test_a_picture_is_zoomed_swiped_copied_and_varied_and_files_are_added(come, address, folder, tmp_path, paint):
    page = come(has_touch=True, permissions=["clipboard-read", "clipboard-write"])
    # The scan itself is tested without a browser.
    page.route("**/api/import/scan", lambda route: route.fulfill(json={"job": 0}))
    page.goto(f"{address}/c/0/gallery?up=1")
    page.set_input_files("#add input", next(paint(tmp_path / "new", 1, 5, vivid=True).iterdir()))
    page.wait_for_selector(".toast:has-text('1 picture added.')")
    assert [path.name for path in (folder / "images" / "imported").iterdir()] == ["5-0.png"]
    page.click("[data-number='3'] .cell")
    page.wait_for_selector("#viewer .prompt:has-text('number 3')")
    page.keyboard.press("z")
    page.wait_for_selector("#viewer-zoom[aria-pressed=true]")
    page.wait_for_function("() => document.querySelector('#viewer-image').src.includes('/pictures/4/full')")
    # Zoomed, the arrows move the picture; as a whole, they turn to the next one.
    before = page.eval_on_selector("#viewer-image", "image => image.style.transform")
    page.keyboard.press("ArrowRight")
    assert page.eval_on_selector("#viewer-image", "image => image.style.transform") != before
    page.keyboard.press("Escape")
    assert page.eval_on_selector("#viewer-image", "image => image.style.transform") == ""
    assert page.is_visible("#viewer")
    page.eval_on_selector(
        "#viewer .stage",
        """stage => [["pointerdown", 300], ["pointermove", 200], ["pointerup", 100]].forEach(([kind, clientX]) =>
          stage.dispatchEvent(new PointerEvent(kind, { pointerType: "touch", pointerId: 1, clientX, clientY: 200 })))""",
    )
    page.wait_for_selector("#viewer .prompt:has-text('number 4')")
    page.click("#viewer [data-copy] >> text=A1111")
    page.wait_for_selector(".toast:has-text('Copied.')")
    assert page.evaluate("navigator.clipboard.readText()").startswith("a grey thing number 4\nSteps: ")
    page.click("#viewer >> text=Variations")
    page.wait_for_selector("#draw")
    assert page.input_value("[name=prompt]") == "a grey thing number 4"
    page.fill("[name=count]", "2")
    page.fill("[name=steps]", "2")
    page.click("#draw .primary")
    page.wait_for_selector("#live img >> nth=1")
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")


def test_the_focused_picture_stays_when_it_is_scrolled_out_of_sight(come, address, folder):
    page = come()
    page.set_viewport_size({"width": 390, "height": 400})
    page.goto(f"{address}/c/0/gallery?up=1")
    page.focus("[data-number='0'] .cell")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_selector("[data-number='1']", state="detached")
    assert page.evaluate("document.activeElement.parentElement.dataset.number") == "0"
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.parentElement.dataset.number === '1'")


def test_percentiles_the_wrong_way_round_are_reported(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/gallery?low=90&high=10")
    page.wait_for_function("() => document.querySelector('#count').textContent.startsWith('Expected percentiles')")
    assert page.locator("#grid img").count() == 0
    page.fill("[name=high]", "")
    page.fill("[name=low]", "")
    page.wait_for_function("() => document.querySelector('#count').textContent === '40 pictures'")


def test_stacks_are_opened_selected_and_closed_by_keyboard(come, address, folder, make_drawn):
    with Collection(folder) as collection:
        ids = [
            row.id for row in collection.add_drawn([make_drawn(seed, "a stacked boat") for seed in range(3)], "m", "s")
        ]
    page = come()
    page.goto(f"{address}/c/0/gallery")
    page.wait_for_function("() => document.querySelector('#count').textContent === '43 pictures'")
    page.select_option("[name=stacks]", "prompt")
    page.wait_for_function("() => document.querySelector('#count').textContent === '43 pictures, 1 stack'")
    top = "[data-number='0'] .cell.stack"
    page.wait_for_selector(top)
    # Readers of the screen hear the prompt and the height.
    assert page.get_by_role("button", name="a stacked boat 3 pictures").count() == 1
    # A stack is selected whole.
    page.focus(top)
    page.keyboard.press(" ")
    assert page.inner_text("#selected") == "3 selected"
    assert page.get_attribute(top, "aria-pressed") == "true"
    page.keyboard.press("4")
    until(lambda: stored(folder) == dict.fromkeys(ids, 4.0))
    page.keyboard.press("Shift+ArrowRight")
    assert page.inner_text("#selected") == "4 selected"
    page.keyboard.press("Escape")
    # It opens in place; its pictures open in the viewer; Escape goes back to the stack.
    page.focus(top)
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#count').textContent === '3 pictures'")
    page.wait_for_function("() => document.activeElement.closest('[data-number]')?.dataset.number === '0'")
    assert "stack=" in page.url
    page.keyboard.press("Enter")
    page.wait_for_selector("#viewer[open]")
    assert page.inner_text("#viewer-place") == "1 of 3"
    # The second key arrives before the browser has left the viewer's place in its history.
    page.evaluate(
        """() => {
            document.querySelector("#viewer").close();
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
        }"""
    )
    page.wait_for_function("() => document.querySelector('#count').textContent === '43 pictures, 1 stack'")
    page.wait_for_function("() => document.activeElement.matches('.cell.stack')")
    # Back and Forward, and a reload of an open stack.
    page.keyboard.press("Enter")
    page.wait_for_selector("#spread", state="visible")
    page.reload()
    page.wait_for_function("() => document.querySelector('#count').textContent === '3 pictures'")
    page.click("#close-stack")
    page.wait_for_selector(top)
    page.go_forward()
    page.wait_for_function("() => document.querySelector('#count').textContent === '3 pictures'")
    page.go_back()
    page.wait_for_selector(top)
    assert "stack=" not in page.url


def test_the_judge_chosen_last_is_remembered_and_named_with_its_points(come, address, folder):
    """A view begins with overall until another judge is chosen; then the other views begin with that one."""
    with Collection(folder) as collection:
        collection.set_scores("technical-9", {image: 40 + image / 4 for image in collection.ids()})
        rate(collection, "me", {1: 5, 2: 3, 3: 1})
    page = come()
    page.goto(f"{address}/c/0/gallery?sort=score")
    page.wait_for_selector("#grid .cell img")
    assert page.input_value("#filter [name=by]") == "overall"
    assert page.is_hidden("#legend")
    page.click("#more")
    page.select_option("#filter [name=by]", "technical")
    page.wait_for_selector("#grid .cell >> nth=0 >> .score-mark:has-text('50.0')")
    assert page.inner_text("#legend") == "· scores by technical quality"
    page.goto(f"{address}/c/0/compare")
    assert page.input_value("#pool [name=by]") == "technical"
    page.select_option("#pool [name=source]", "best")
    page.select_option("#pool [name=by]", "person:me")
    page.goto(f"{address}/c/0/gallery")
    page.wait_for_selector("#grid .cell img")
    assert page.input_value("#filter [name=by]") == "person:me"
    # An address goes before it.
    page.goto(f"{address}/c/0/gallery?by=technical")
    page.wait_for_selector("#grid .score-mark")
    assert page.input_value("#filter [name=by]") == "technical"


def add_pictures(folder, make_drawn, count):
    """Add pictures to a collection; returns their ids."""
    with Collection(folder) as collection:
        return [row.id for row in collection.add_drawn([make_drawn(900 + n) for n in range(count)], "m", "s")]


def look(page):
    """Have a page ask for the jobs and the newest picture now, as it does every few seconds."""
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")


def titles(page):
    """Titles of the pictures of the first row."""
    return page.eval_on_selector_all("[data-number] .cell[title]", "cells => cells.slice(0, 3).map(cell => cell.title)")


def test_new_pictures_come_to_the_end_and_move_none_until_they_are_put_in_their_places(
    come, address, folder, make_drawn
):
    page = come()
    page.goto(f"{address}/c/0/gallery")
    page.wait_for_selector("[data-number='2'] img")
    first = titles(page)
    assert first[0] == "a red thing number 39"
    page.focus("[data-number='1'] .cell")
    page.keyboard.press(" ")
    new = add_pictures(folder, make_drawn, 12)
    look(page)
    page.wait_for_selector("#new:has-text('12 new pictures')")
    assert titles(page) == first
    assert page.inner_text("#count") == "40 pictures"
    assert page.get_attribute(":focus", "title") == first[1]
    assert page.get_attribute("[data-number='0']", "aria-setsize") == "52"
    page.keyboard.press("End")
    page.wait_for_selector("[data-number='51'] .cell[title='a boat']")
    # In their order, behind the oldest of the others.
    page.wait_for_selector("[data-number='39'] .cell[title^='<img']")
    page.keyboard.press("5")
    until(lambda: stored(folder) == {min(new): 5.0})
    page.click("#new")
    page.wait_for_selector("#new", state="hidden")
    page.wait_for_selector("[data-number='12'] .cell[title='a red thing number 39']")
    assert page.inner_text("#count") == "52 pictures"
    assert page.get_attribute("[data-number='13'] .cell", "aria-pressed") == "true"
    assert page.get_attribute("[data-number='11'] .cell", "title") == "a boat"


def test_new_pictures_are_not_mixed_with_those_of_other_filters(come, address, folder, make_drawn):
    page = come()
    page.goto(f"{address}/c/0/gallery")
    page.wait_for_selector("[data-number='0'] img")
    held = Held(page, "/api/ids", answered=True)
    add_pictures(folder, make_drawn, 3)
    look(page)
    held.wait()
    page.fill("[name=words]", "red")
    page.wait_for_function("() => document.querySelector('#count').textContent === '20 pictures'")
    held.release()
    assert page.inner_text("#count") == "20 pictures"
    assert page.is_hidden("#new")


def test_a_job_asks_seldom_for_its_pictures_and_its_end_puts_them_in_order_if_none_is_in_use(
    come, address, folder, make_drawn
):
    page = come()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/api/ids" in request.url else None)
    job = {"number": 7, "key": "evaluate", "title": "Reading", "state": "running", "done": 1, "total": 9, "message": "",
           "live": True, "left": None, "judged": None, "cancellable": True}  # fmt: skip
    answer = {"newest": 40, "jobs": [job]}
    page.route("**/api/jobs", lambda route: route.fulfill(json=answer))

    def looked():
        """Look, and wait until the page has acted on the answer."""
        with page.expect_response("**/api/jobs"):
            look(page)
        page.evaluate("async () => { await (await fetch('/static/icon.svg', { cache: 'no-store' })).text(); }")

    page.goto(f"{address}/c/0/gallery")
    page.wait_for_selector("[data-number='0'] img")
    add_pictures(folder, make_drawn, 1)
    answer["newest"] = 41
    looked()
    # One of forty is too few, while many may follow.
    assert len(asked) == 1
    add_pictures(folder, lambda n: make_drawn(n + 100), 1)
    answer["newest"] = 42
    looked()
    page.wait_for_selector("#new:has-text('2 new pictures')")
    looked()
    assert len(asked) == 2

    # Whoever has selected a picture keeps it where it is.
    page.click("#select")
    answer["jobs"] = [job | {"state": "done", "live": False, "message": "42 pictures evaluated."}]
    looked()
    page.wait_for_selector(".toast:has-text('42 pictures evaluated.')")
    until(lambda: page.evaluate("1") and len(asked) == 3)
    page.wait_for_selector("[data-number='0'] .cell[title='a red thing number 39'] img")
    assert page.is_visible("#new")
    page.click("#select")
    answer["jobs"].append(answer["jobs"][0] | {"number": 8})
    looked()
    page.wait_for_selector("#new", state="hidden")
    page.wait_for_selector("[data-number='2'] .cell[title='a red thing number 39']")
    assert page.inner_text("#count") == "42 pictures"


def test_scores_that_come_are_listed_and_sort_the_pictures_as_soon_as_none_is_in_use(come, address, folder):
    """As after the first reading of a folder, whose page is open since its beginning."""

    def score(values):
        with Collection(folder) as collection:
            collection.set_scores(stored_name(), dict(zip(collection.ids(), values, strict=True)))

    page = come()
    job = {"number": 7, "key": "evaluate", "title": "Reading", "state": "done", "done": 9, "total": 9, "message": "Done.",
           "live": False, "left": None, "judged": None, "cancellable": False}  # fmt: skip
    answer = {"newest": 40, "jobs": []}
    page.route("**/api/jobs", lambda route: route.fulfill(json=answer))
    page.goto(f"{address}/c/0/gallery?sort=score")
    page.wait_for_selector("[data-number='2'] img")
    first = titles(page)
    chosen = "document.querySelector('#filter [name=by]').selectedOptions[0].textContent"
    assert page.evaluate(chosen) == "overall score (not scored yet)"
    assert page.is_hidden("#legend")
    page.focus("[data-number='1'] .cell")
    # The first picture is the best, and was the last.
    score(range(40, 0, -1))
    answer["jobs"] = [job]
    look(page)
    page.wait_for_selector("#new:has-text('Sort by the new scores')")
    assert page.evaluate(chosen) == "overall score"
    assert page.is_visible("#legend")
    page.wait_for_selector("[data-number='0'] .score-mark:has-text('1.0')")
    assert titles(page) == first
    assert page.get_attribute(":focus", "title") == first[1]
    page.click("#new")
    page.wait_for_selector("[data-number='1'] .cell[title='a red thing number 1']")
    assert page.is_hidden("#new")
    # Nobody looks at anything in particular: the order follows by itself.
    page.evaluate("document.activeElement.blur()")
    score(range(1, 41))
    answer["jobs"] = [job, job | {"number": 8}]
    look(page)
    page.wait_for_selector("[data-number='0'] .cell[title='a red thing number 39']")
    assert page.is_hidden("#new")
    # The pictures follow even if the list of judges cannot.
    page.route("**/judges", lambda route: route.fulfill(status=400, json={"error": "The judges are gone."}))
    score(range(40, 0, -1))
    answer["jobs"].append(job | {"number": 9})
    look(page)
    page.wait_for_selector(".toast.bad:has-text('The judges are gone.')")
    page.wait_for_selector("[data-number='1'] .cell[title='a red thing number 1']")


def test_an_empty_grid_shows_new_pictures_in_order(come, address, folder, make_drawn):
    page = come()
    page.goto(f"{address}/c/0/gallery?words=boat")
    page.wait_for_selector("#empty")
    new = add_pictures(folder, make_drawn, 2)
    look(page)
    page.wait_for_selector("[data-number='1'] .cell[title='a boat']")
    assert page.inner_text("#count") == "2 pictures"
    assert page.is_hidden("#new")
    assert page.is_hidden("#empty")
    page.focus("[data-number='0'] .cell")
    page.keyboard.press("4")
    until(lambda: stored(folder) == {max(new): 4.0})
