"""Rating in a real browser: headless Chromium, the real server, the embedded model."""

from specimens.browsing import press, shown, stored
from specimens.waiting import until

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.labels import FAVOURITE, label_counts
from soart.pipelines.collection.ratings import judged_pictures, ratings


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
    page.wait_for_selector(".toast:has-text('Undone: rating 5.')")
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
    page.wait_for_function("() => document.querySelector('#trust').textContent.startsWith('Taste:')")


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


def two_tabs(come, address):
    """Two pages of one browser that show the same picture to rate."""
    first = come()
    second = first.context.new_page()

    def alike():
        for page in (first, second):
            page.goto(f"{address}/c/0/rate")
            page.wait_for_selector("#picture[data-id]")
        return shown(first) == shown(second)

    # The next picture depends on what is known of the others, which grows while a page opens.
    until(alike)
    return first, second


def test_two_tabs_on_one_picture_report_it_and_undo_restores_the_rating_of_the_other(come, address, folder):
    first, second = two_tabs(come, address)
    assert shown(first) == shown(second)
    image = press(first, "5")
    until(lambda: stored(folder) == {image: 5.0})
    press(second, "2")
    second.wait_for_selector(".toast:has-text('You rated this 5 in another tab; your latest choice (2) counts.')")
    until(lambda: stored(folder) == {image: 2.0})
    second.keyboard.press("u")
    until(lambda: stored(folder) == {image: 5.0})
    assert shown(second) == str(image)
    assert second.get_attribute("[data-stars='5']", "aria-pressed") == "true"
    assert "1 rated, 0 skipped, 39 left" in second.inner_text("#counts")


def test_a_reloaded_page_says_that_its_undo_left_a_later_rating_alone(come, address, folder):
    first, second = two_tabs(come, address)
    image = press(first, "5")
    until(lambda: stored(folder) == {image: 5.0})
    press(second, "2")
    until(lambda: stored(folder) == {image: 2.0})
    first.reload()
    first.wait_for_selector("#picture[data-id]")
    first.keyboard.press("u")
    first.wait_for_selector(".toast:has-text('You have changed this in another tab since: 2 stays.')")
    assert first.locator(".toast:has-text('Undone')").count() == 0
    assert stored(folder) == {image: 2.0}


def test_all_of_a_selection_and_half_stars_are_in_reach_of_a_finger(come, address, folder):
    page = come(has_touch=True, is_mobile=True)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/c/0/gallery?up=1")
    page.wait_for_selector("[data-number='0'] img")
    page.tap("#select")
    page.tap("[data-number='0'] .cell")
    page.wait_for_selector("#selected:has-text('1 selected')")
    bar = page.locator("#selection")
    assert bar.evaluate("bar => [bar.scrollWidth <= bar.clientWidth, bar.scrollHeight <= bar.clientHeight]") == [
        True,
        True,
    ]
    page.goto(f"{address}/c/0/rate")
    page.wait_for_selector("#picture[data-id]")
    image = shown(page)
    page.tap("[data-stars='4']")
    page.wait_for_function("image => document.querySelector('#picture').dataset.id !== image", arg=image)
    page.tap("[aria-keyshortcuts='-']")
    until(lambda: stored(folder) == {int(image): 3.5})
    page.tap("[aria-keyshortcuts='+']")
    until(lambda: stored(folder) == {int(image): 4.0})


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
    page.wait_for_selector(".toast:has-text('1 picture marked as a favourite.')")
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


def test_pictures_that_the_server_cannot_send_now_are_waited_for(come, address, folder):
    page = come()
    page.route("**/pictures/*/large*", lambda route: route.abort())
    page.goto(f"{address}/c/0/rate")
    page.wait_for_selector(".toast.bad:has-text('The server does not answer')")
    waiting = shown(page)
    page.unroute("**/pictures/*/large*")
    page.wait_for_function("() => document.querySelector('#picture:not(.lost)')?.naturalWidth > 0")
    assert shown(page) == waiting
    assert page.locator(".toast:has-text('file is gone')").count() == 0
    page.goto(f"{address}/c/0/gallery?up=1")
    page.route("**/pictures/*/large*", lambda route: route.abort())
    page.click(".place:first-child .cell")
    page.wait_for_selector(".toast.bad:has-text('The server does not answer')")
    assert page.locator("#viewer-gone[hidden]").count() == 1


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
