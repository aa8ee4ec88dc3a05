"""Comparing in a real browser: headless Chromium, the real server, the embedded model."""

import re

from specimens.browsing import Held
from specimens.waiting import until

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import comparisons, ties


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
    page.wait_for_selector("#differences table")
    # The notice lay on the words in which the prompts differ.
    # Both at once: a table that arrives late takes the place of this one.
    notice, table = page.evaluate(
        """() => [".toast", ".differences"].map((selector) => document.querySelector(selector).getBoundingClientRect().toJSON())"""
    )
    assert notice["left"] >= table["right"] or notice["top"] >= table["bottom"]
    with Collection(folder) as collection:
        until(lambda: comparisons(collection, "me") == [])


def test_choices_teach_the_taste_of_their_rater(come, address):
    page = come()
    page.goto(f"{address}/c/0/compare?ids=1,2,3,4,5,6,7,8&up=4")
    page.wait_for_selector("#trust:has-text('or a few choices')")
    # The best of four is three choices.
    for _ in range(5):
        page.wait_for_selector(".choice:not(.won)")
        made = page.inner_text("#made")
        page.keyboard.press("1")
        page.wait_for_function("made => document.querySelector('#made').textContent !== made", arg=made)
    page.wait_for_selector("#trust:has-text('choices between pictures')")


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
    assert page.get_attribute("#verdict a:has-text('View your taste')", "href") == "/c/0/taste"
    names = page.eval_on_selector_all("#order .caption", "nodes => nodes.map((node) => node.textContent)")
    assert [int(re.search(r"\d+", name)[0]) for name in names] == [39, 38, 37, 36, 35]
    with Collection(folder) as collection:
        assert all(winner > loser for winner, loser in comparisons(collection, "me"))


def test_a_choice_is_undone_before_the_server_has_stored_it(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/compare?ids=1,2,3,4&up=2")
    page.wait_for_selector(".choice")
    held = Held(page, "/api/compare$", "POST")
    page.keyboard.press("1")
    held.wait()
    page.keyboard.press("u")
    held.release()
    page.wait_for_selector(".toast:has-text('Undone: choice.')")
    page.wait_for_function("() => document.querySelector('#made').textContent.startsWith('0 choices')")
    with Collection(folder) as collection:
        assert comparisons(collection, "me") == []


def test_a_question_that_comes_late_is_not_asked(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/compare?ids=1,2,3,4&up=2")
    page.wait_for_selector(".choice")
    held = Held(page, r"/api/compare\?", answered=True)
    page.keyboard.press("s")
    held.wait()
    page.click("#other")
    held.release()
    assert page.is_visible("#pool")
    assert page.is_hidden("#duel")


def test_a_question_that_fails_is_asked_again_and_no_choice_is_made_twice(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/compare?ids=1,2,3,4&up=2")
    page.wait_for_selector(".choice")
    page.route("**/api/compare?*", lambda route: route.abort())
    page.keyboard.press("1")
    page.wait_for_selector(".toast.bad:has-text('does not answer')")
    page.keyboard.press("1")
    page.unroute("**/api/compare?*")
    page.wait_for_function("() => document.querySelector('#made').textContent.startsWith('1 choice')")
    with Collection(folder) as collection:
        assert len(comparisons(collection, "me")) == 1


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
