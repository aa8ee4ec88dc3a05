"""The gallery in a real browser: headless Chromium, the real server, the embedded model."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import comparisons, ties
from soart.pipelines.collection.labels import FAVOURITE, label_counts
from soart.pipelines.collection.ratings import judged_pictures, ratings

SPACE = """
template: a {palette} {subject}, {style}
slots:
  palette: [warm, cool, neon, pastel]
  subject: [boat, fox, owl, tree, castle, house]
  style: [flat, woodcut, ink sketch, watercolor, pixel art, pointillism]
  steps: ['2']
"""


def until(true, seconds=240):
    end = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return value


def stored(folder, rater="me"):
    with Collection(folder) as collection:
        return ratings(collection, rater)


def shown(page):
    return page.get_attribute("#picture", "data-id")


def press(page, key):
    """Press a key and wait for another picture."""
    before = shown(page)
    page.keyboard.press(key)
    page.wait_for_function("id => document.querySelector('#picture').dataset.id !== id", arg=before)
    return int(before)


def test_twenty_pictures_are_rated_by_keyboard_with_undo(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/rate")
    page.wait_for_selector("#picture[data-id]")
    rated = {}
    for number in range(20):
        key = "x" if number % 7 == 6 else str(1 + number % 5)
        rated[press(page, key)] = key
    last = list(rated)[-1]
    page.keyboard.press("u")
    page.wait_for_selector(".toast:has-text('Undone: 5.')")
    page.wait_for_function("id => document.querySelector('#picture').dataset.id === id", arg=str(last))
    rated[last] = "2"
    press(page, "2")
    assert len(rated) == 20
    expected = {image: float(key) for image, key in rated.items() if key != "x"}
    until(lambda: stored(folder) == expected)
    with Collection(folder) as collection:
        assert judged_pictures(collection, "me") == set(rated)
    assert "18 rated, 2 skipped, 20 left" in page.inner_text("#counts")
    # A reload in the middle goes on with unrated pictures.
    page.reload()
    page.wait_for_selector("#picture[data-id]")
    assert int(shown(page)) not in rated
    # The taste was learnt in the background; its trust arrives.
    page.wait_for_function("() => document.querySelector('#trust').textContent.startsWith('Taste:')", timeout=400_000)


def test_pictures_are_judged_from_the_gallery(package, come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/gallery")
    page.click("#more")
    page.click("#judge")
    page.select_option("#judge-dialog [name=judge]", "redness")
    page.click("#judge-dialog .primary")
    page.wait_for_selector(".toast:has-text('redness: 40 of 40 pictures judged.')", timeout=240_000)
    page.wait_for_function("() => document.querySelector('[name=profile]').value === 'judge:redness@1'")
    page.wait_for_selector("#legend:has-text('by judge: redness')")
    with Collection(folder) as collection:
        assert len(collection.scores("judge:redness@1")) == 40


def test_a_skip_is_undone(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/rate")
    page.wait_for_selector("#picture[data-id]")
    image = press(page, "x")
    assert "0 rated, 1 skipped, 39 left" in page.inner_text("#counts")
    page.keyboard.press("u")
    page.wait_for_selector(".toast:has-text('Undone: skip.')")
    assert int(shown(page)) == image
    assert "0 rated, 0 skipped, 40 left" in page.inner_text("#counts")
    with Collection(folder) as collection:
        until(lambda: not judged_pictures(collection, "me"))


def test_half_stars_and_not_for_me_by_keys(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/rate")
    page.wait_for_selector("#picture[data-id]")
    first, second = press(page, "4"), press(page, "n")
    page.keyboard.press("+")
    page.wait_for_selector(".toast:has-text('The previous picture has no rating to change.')")
    page.keyboard.press("u")
    page.wait_for_selector(".toast:has-text('Undone: not for me.')")
    page.keyboard.press("-")
    page.wait_for_selector(".toast:has-text('Previous picture now rated 3.5.')")
    press(page, "n")
    assert "2 rated, 0 skipped, 38 left" in page.inner_text("#counts")
    until(lambda: stored(folder) == {first: 3.5, second: 1.0})
    with Collection(folder) as collection:
        assert ratings(collection, "me", personal=False) == {first: 3.5}


def test_two_raters_at_once_keep_their_own_ratings(come, address, folder):
    people = {}
    for name in ("ann", "ben"):
        page = come()
        page.goto(f"{address}/c/0/rate")
        page.click("#who")
        page.fill("[name=rater]", name)
        page.click("#who-dialog .primary")
        page.wait_for_selector(f"body[data-rater={name}]")
        page.wait_for_selector("#picture[data-id]")
        people[name] = page
    rated = {name: {} for name in people}
    for _ in range(6):
        for name, page in people.items():
            key = "5" if name == "ann" else "1"
            rated[name][press(page, key)] = float(key)
    for name, expected in rated.items():
        until(lambda name=name, expected=expected: stored(folder, name) == expected)


def two_tabs(come, address):
    """Two pages of one browser that show the same picture to rate."""
    first = come()
    second = first.context.new_page()
    for page in (first, second):
        page.goto(f"{address}/c/0/rate")
        page.wait_for_selector("#picture[data-id]")
    return first, second


def test_two_tabs_on_one_picture_report_it(come, address, folder):
    first, second = two_tabs(come, address)
    assert shown(first) == shown(second)
    image = press(first, "5")
    until(lambda: stored(folder) == {image: 5.0})
    press(second, "2")
    second.wait_for_selector(".toast:has-text('You rated this 5 in another tab; your latest choice (2) counts.')")
    until(lambda: stored(folder) == {image: 2.0})


def test_undo_restores_the_rating_of_another_tab(come, address, folder):
    first, second = two_tabs(come, address)
    image = press(first, "5")
    until(lambda: stored(folder) == {image: 5.0})
    press(second, "2")
    second.wait_for_selector(".toast:has-text('in another tab')")
    second.keyboard.press("u")
    until(lambda: stored(folder) == {image: 5.0})
    assert shown(second) == str(image)
    assert second.get_attribute("[data-stars='5']", "aria-pressed") == "true"
    assert "1 rated, 0 skipped, 39 left" in second.inner_text("#counts")


def test_undo_leaves_a_later_rating_of_another_tab_alone(come, address, folder):
    first, second = two_tabs(come, address)
    image = press(first, "5")
    until(lambda: stored(folder) == {image: 5.0})
    press(second, "2")
    until(lambda: stored(folder) == {image: 2.0})
    first.keyboard.press("u")
    first.wait_for_selector(".toast:has-text('You have changed this in another tab since: 2 stays.')")
    assert first.get_attribute("[data-stars='2']", "aria-pressed") == "true"
    assert stored(folder) == {image: 2.0}


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
    page.wait_for_timeout(100)
    for route in held:
        route.continue_()
    page.wait_for_function("() => document.querySelector('#viewer-image').src.includes('/pictures/2/')")
    assert len(asked) == 1


def test_the_viewer_of_compare_leaves_the_choices_alone(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/compare?ids=1,2,3,4&up=2")
    page.wait_for_selector(".choice")
    page.keyboard.press("1")
    page.click("#order .thumb >> nth=0")
    page.wait_for_selector("#viewer[open]")
    page.go_back()
    page.wait_for_selector("#viewer", state="hidden")
    page.keyboard.press("u")
    page.wait_for_selector(".toast:has-text('Undone: choice.')")
    with Collection(folder) as collection:
        until(lambda: comparisons(collection, "me") == [])


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


def test_on_a_low_phone_pictures_are_in_sight_and_notices_undo_by_touch(come, address, folder):
    page = come(has_touch=True, is_mobile=True)
    page.set_viewport_size({"width": 390, "height": 400})
    page.goto(f"{address}/c/0/gallery?up=1&low=0")
    page.wait_for_selector("[data-number='0'] img")
    assert not page.is_visible("#filters")
    assert page.inner_text("#set") == "(2)"
    first = page.locator("[data-number='0']").bounding_box()
    assert first["y"] + first["height"] / 2 < 400
    page.tap("#more")
    assert page.locator("#filters").bounding_box()["height"] < 200
    page.fill("[name=low]", "")
    page.wait_for_function("() => document.querySelector('#set').textContent === '(1)'")
    page.tap("#more")
    page.tap("#select")
    page.wait_for_timeout(400)
    page.tap("[data-number='0'] .cell")
    page.wait_for_selector("#selected:has-text('1 selected')")
    page.tap("[data-act=favourite]")
    page.wait_for_selector(".toast:has-text('1 picture with favourite.')")
    assert not page.is_visible(".toast kbd")
    with Collection(folder) as collection:
        until(lambda: label_counts(collection, FAVOURITE))
        page.wait_for_timeout(400)
        page.tap(".toast button")
        page.wait_for_selector(".toast:has-text('Undone: favourite.')")
        until(lambda: not label_counts(collection, FAVOURITE))
    assert page.locator(".toast button").count() == 0
    page.keyboard.press("u")
    page.wait_for_selector(".toast:has-text('Nothing to undo.')")


def test_the_line_of_jobs_does_not_move_the_picture_to_rate(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/rate")
    page.wait_for_selector("#picture[data-id]")
    box = "JSON.stringify(document.querySelector('.rate').getBoundingClientRect())"
    before = page.evaluate(box)
    # A job that waits: the line is there for as long as it takes to look.
    page.evaluate("document.querySelector('#jobs').hidden = false")
    page.evaluate("document.querySelector('#jobs').innerHTML = '<p>Learning</p>'.repeat(3)")
    assert page.evaluate(box) == before
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_a_tab_that_sends_the_rating_of_another_passes_the_response_on(come, address, folder):
    first, second = two_tabs(come, address)
    held = []
    first.route("**/api/rate", lambda route: held.append((route, route.fetch())), times=1)
    image = press(first, "5")
    until(lambda: first.evaluate("1") and held)
    # Written while the first tab still sends, so that this tab finds nothing left to send.
    press(second, "2")
    [(route, response)] = held
    route.fulfill(response=response)
    second.wait_for_selector(".toast:has-text('You rated this 5 in another tab')")
    until(lambda: stored(folder) == {image: 2.0})


def test_pictures_whose_files_are_gone_are_skipped(come, address, folder):
    with Collection(folder) as collection:
        for row in collection.images()[:-2]:
            collection.locate(row).unlink()
    page = come()
    page.goto(f"{address}/c/0/rate")
    page.wait_for_selector(".toast:has-text('file is gone: skipped')")
    page.wait_for_function("() => ['39', '40'].includes(document.querySelector('#picture').dataset.id)")
    rated = {press(page, "5"): 5.0}
    until(lambda: stored(folder) == rated)
    page.goto(f"{address}/c/0/gallery?up=1")
    page.click(".place:first-child .cell")
    page.wait_for_selector("#viewer-gone:not([hidden])")


def test_comparing_ends_with_the_order_the_rater_has(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/compare")
    page.select_option("[name=source]", "newest")
    page.fill("[name=count]", "5")
    page.click("#pool .primary")
    page.wait_for_selector(".choice")
    for number in range(60):
        if page.is_hidden("#duel"):
            break
        made = page.inner_text("#made")
        ids = [int(choice.get_attribute("data-id")) for choice in page.query_selector_all(".choice")]
        page.keyboard.press("ArrowLeft" if ids[0] > ids[1] else "ArrowRight")
        page.wait_for_function(
            "made => document.querySelector('#made').textContent !== made || document.querySelector('#duel').hidden",
            arg=made,
        )
        # A reload in the middle loses nothing.
        if number == 3:
            page.reload()
            page.wait_for_selector(".choice")
    assert page.inner_text("#verdict h2") == "The order is clear"
    names = page.eval_on_selector_all("#order .caption", "nodes => nodes.map((node) => node.textContent)")
    assert [int(re.search(r"\d+", name)[0]) for name in names] == [39, 38, 37, 36, 35]
    with Collection(folder) as collection:
        assert all(winner > loser for winner, loser in comparisons(collection, "me"))


def test_four_at_a_time_and_skipping(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/compare?ids=3,4,5,6,7,8&up=4")
    page.wait_for_selector(".of-4 .choice")
    before = [choice.get_attribute("data-id") for choice in page.query_selector_all(".choice")]
    page.keyboard.press("3")
    page.wait_for_function("() => document.querySelector('#made').textContent.startsWith('3 choices')")
    with Collection(folder) as collection:
        assert {winner for winner, _ in comparisons(collection, "me")} == {int(before[2])}
    page.keyboard.press("e")
    page.wait_for_function("() => !document.querySelector('#made').textContent.startsWith('3 choices')")
    with Collection(folder) as collection:
        assert ties(collection, "me")
    page.keyboard.press("u")
    page.wait_for_function("() => document.querySelector('#made').textContent.startsWith('3 choices')")
    page.keyboard.press("s")
    page.keyboard.press("u")
    page.wait_for_function("() => document.querySelector('#made').textContent.startsWith('0 choices')")


def test_a_hostile_prompt_stays_text_in_every_view(come, address, folder):
    page = come()
    for view in ("gallery?sort=date&up=1", "compare?ids=1,2,3"):
        page.goto(f"{address}/c/0/{view}")
        page.wait_for_selector("#grid img, .choice img")
        assert page.title() in ("Gallery · things", "Compare · things")
    page.goto(f"{address}/c/0/gallery?sort=date&up=1")
    page.click(".place:first-child .cell")
    page.wait_for_selector("#viewer .prompt")
    assert page.inner_text("#viewer .prompt").startswith("<img src=x onerror=")
    assert page.get_attribute("#viewer-image", "alt").startswith("<img src=x")
    assert page.evaluate("document.querySelectorAll('[onerror], main script').length") == 0
    assert page.title() == "Gallery · things"


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
    page.fill("#label-dialog [name=name]", "sea side, night")
    page.keyboard.press("Enter")
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
    page.keyboard.press("z")
    assert page.eval_on_selector("#viewer-image", "image => image.style.transform") == ""
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
    page.wait_for_selector("#live img >> nth=1", timeout=400_000)
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")


def test_a_form_that_is_sent_before_the_scripts_have_loaded_waits_for_them(come, address):
    page = come()
    held = []
    page.route("**/static/generate.js*", lambda route: held.append(route))
    page.goto(f"{address}/c/0/generate", wait_until="commit")
    page.fill("[name=prompt]", "a boat")
    page.fill("[name=count]", "1")
    page.fill("[name=steps]", "1")
    page.click("#draw .primary", no_wait_after=True)
    until(lambda: page.wait_for_timeout(20) or held)
    held[0].continue_()
    page.wait_for_selector("#live img", timeout=400_000)


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


def test_a_tune_arrives_live_is_narrowed_and_survives_a_reload(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/tune")
    page.fill("[name=text]", SPACE)
    page.fill("[name=budget]", "400")
    page.uncheck("[name=prune]")
    page.click("#start .primary")
    page.wait_for_selector("#live img", timeout=400_000)
    page.wait_for_selector("#course .chart-mean-of-the-batch circle >> nth=1", timeout=400_000, state="attached")
    page.click("[data-ban='palette=warm']")
    page.wait_for_selector(".chip[data-ban='palette=warm']")
    arrived = page.locator("#live img").count()
    page.reload()
    page.wait_for_selector("#live img")
    page.wait_for_function(
        "count => document.querySelectorAll('#live img').length > count + 16", arg=arrived, timeout=400_000
    )
    newest = page.eval_on_selector_all("#live .cell", "nodes => nodes.slice(0, 8).map((node) => node.title)")
    assert not any("warm" in title for title in newest)
    page.focus("#live .cell")
    page.keyboard.press("5")
    until(lambda: 5.0 in stored(folder).values())
    page.click("#pause")
    page.wait_for_selector("#state.paused", timeout=400_000)
    assert page.is_visible("#resume")


def test_a_tune_and_a_drawing_by_a_chosen_judge(package, come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/tune")
    weight = ".weighted:has([value=redness]) .weight"
    assert page.is_hidden(weight)
    page.check("[name=judge][value=redness]")
    page.fill(weight, "2.5")
    page.fill("[name=adherence]", "0.3")
    page.fill("[name=text]", SPACE)
    page.fill("[name=budget]", "2")
    with page.expect_request("**/api/tune/start") as started:
        page.click("#start .primary")
    body = started.value.post_data_json
    assert (body["profiles"], body["judges"], body["adherence"]) == ({"technical": 1}, {"redness": 2.5}, "0.3")
    page.wait_for_selector("#state.ended", timeout=400_000)
    page.goto(f"{address}/c/0/generate")
    page.check("[name=judge][value=redness]")
    page.fill("[name=prompt]", "a {red|blue} boat")
    page.fill("[name=count]", "3")
    page.fill("[name=steps]", "1")
    page.click("#draw .primary")
    page.wait_for_selector("#live[aria-label='Pictures, best first']", timeout=400_000)
    with Collection(folder) as collection:
        stored = collection.scores("judge:redness@1")
    shown = page.eval_on_selector_all("#live [data-id]", "nodes => nodes.map((node) => Number(node.dataset.id))")
    assert len(shown) == 3
    assert shown == sorted(shown, key=lambda image: -stored[image])


def test_a_tune_whose_pictures_do_not_arrive_says_so(come, address, folder):
    page = come()
    page.route("**/api/cells*", lambda route: route.abort())
    page.goto(f"{address}/c/0/tune")
    page.fill("[name=text]", SPACE)
    page.fill("[name=budget]", "8")
    page.check("[name=propose]")
    page.click("#start .primary")
    page.wait_for_selector(".toast.bad:has-text('does not answer')", timeout=400_000)
    page.unroute("**/api/cells*")
    page.wait_for_selector("#live img")
    page.wait_for_selector(".toast.bad", state="detached")
    page.wait_for_selector("#changes", timeout=400_000)


@pytest.mark.parametrize("view", ["gallery", "rate", "compare?ids=1,2,3", "tune", "attention", "evaluate"])
def test_every_view_says_that_the_server_is_gone(come, address, view):
    """And complains of nothing else: `come` fails on an error nobody handled."""
    page = come()
    page.route("**/api/**", lambda route: route.abort())
    page.goto(f"{address}/c/0/{view}")
    page.wait_for_selector(".toast.bad:has-text('does not answer')")


@pytest.mark.parametrize("path", ["/collections", "/c/0/nowhere", "/c/0/taste"])
def test_the_rater_is_named_on_pages_that_rate_nothing(come, address, path):
    page = come()
    page.goto(f"{address}{path}")
    page.click("#who")
    page.fill("[name=rater]", "ann")
    page.click("#who-dialog .primary")
    page.wait_for_selector("body[data-rater=ann]")


@pytest.mark.parametrize("view", ["gallery", "rate", "compare", "tune", "taste", "attention"])
def test_no_view_is_wider_than_a_phone_and_all_is_named(come, address, view):
    page = come()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/c/0/{view}")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    nameless = "node => !(node.textContent.trim() || node.ariaLabel || node.title || node.querySelector('img[alt]') || node.labels?.length)"
    assert (
        page.evaluate(
            f"[...document.querySelectorAll('button, a, select, input:not([type=hidden]), textarea')].filter({nameless}).map((node) => node.outerHTML)"
        )
        == []
    )
    assert page.evaluate("[...document.querySelectorAll('img:not([alt])')].length") == 0


def start(folder, tmp_path, port):
    """The command itself, in a process of its own, and the address that it prints."""
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    line = [
        sys.executable,
        "-m",
        "soart.plugin.cli",
        "web",
        "--collection",
        str(folder),
        "--no-open",
        "--port",
        str(port),
    ]
    process = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    return process, process.stdout.readline().split()[2]


def test_a_killed_server_loses_nothing(come, folder, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server, printed = start(folder, tmp_path, port)
    try:
        page, rating = come(), come()
        for tab, view in ((page, "tune"), (rating, "rate")):
            tab.goto(printed)
            tab.goto(f"http://127.0.0.1:{port}/c/0/{view}")
        rating.wait_for_selector("#picture[data-id]")
        rated = {press(rating, "4"): 4.0}
        until(lambda: stored(folder) == rated)
        page.fill("[name=text]", SPACE)
        page.fill("[name=budget]", "400")
        page.click("#start .primary")
        page.wait_for_selector("#live img >> nth=9", timeout=400_000)
        server.send_signal(signal.SIGKILL)
        server.wait(240)
        server.stdout.close()
        # Rating goes on: ratings wait in the browser, and the page says so.
        rated[press(rating, "2")] = 2.0
        rating.wait_for_selector(".toast.bad:has-text('kept in this browser')")
        page.wait_for_selector(".toast.bad:has-text('does not answer')")
        with Collection(folder) as collection:
            drawn = len(collection.images())
        # The session of before is still good: nobody needs the new token.
        server, _ = start(folder, tmp_path, port)
        until(lambda: stored(folder) == rated)
        page.wait_for_selector("#state.interrupted")
        assert "nothing is lost" in page.inner_text("#state")
        page.click("#resume")
        page.wait_for_function(
            "count => document.querySelectorAll('#live img').length > count", arg=drawn - 40 + 4, timeout=400_000
        )
        server.send_signal(signal.SIGINT)
        assert server.wait(240) == 0
    finally:
        server.kill()
        server.wait(240)
        server.stdout.close()
    assert Path(folder / "soart.db").is_file()


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
    page.keyboard.press("Escape")
    page.wait_for_selector("#viewer", state="hidden")
    page.keyboard.press("Escape")
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
