"""The view Quick start in a real browser: from the first key to the copies of the best, and back."""

from dataclasses import replace

import pytest
from specimens.browsing import press, stored
from specimens.waiting import until


@pytest.fixture
def settings(settings, tmp_path):
    return replace(settings, copy_to=tmp_path / "best")


def test_sixteen_keys_lead_to_the_best_twenty(come, address, folder, tmp_path):
    page = come()
    page.goto(f"{address}/c/0/start")
    page.wait_for_selector("#picture[data-id]")
    for number in range(16):
        page.wait_for_selector("#picture[data-id]")
        assert f"{number} of 16 rated" in page.inner_text("#counts")
        # Red pictures have even numbers here, and are liked.
        press(page, "1" if int(page.get_attribute("#picture", "data-id")) % 2 else "5") if number < 15 else None
    last = int(page.get_attribute("#picture", "data-id"))
    page.keyboard.press("1" if last % 2 else "5")
    page.wait_for_selector(".rate", state="hidden")
    assert page.is_visible("#ranking-state") or page.is_visible("#best .thumb")
    page.wait_for_selector("#best .strip.best .thumb")
    until(lambda: len(stored(folder)) == 16)
    # No key rates a picture that is not shown.
    page.keyboard.press("3")
    assert len(page.query_selector_all("#best .strip.best .thumb")) == 20
    page.keyboard.press("c")
    page.wait_for_selector(".toast:has-text('20 pictures copied')")
    assert len(list((tmp_path / "best").iterdir())) == 20
    page.keyboard.press("u")
    page.wait_for_selector(".toast:has-text('Undone: copies of the best.')")
    assert not (tmp_path / "best").exists()
    # A reload goes on here, and a click opens a picture with its reasons.
    page.reload()
    page.click("#best .strip.best .thumb >> nth=0")
    page.wait_for_selector("#viewer-place:has-text('1 of 20')")
    page.keyboard.press("Escape")
    page.click("#alike")
    page.wait_for_selector("#alike[aria-pressed=true]")
    page.click("#rate-more")
    page.wait_for_selector("#picture[data-id]")
    # A new round begins with an empty bar.
    assert "0 of 16 rated" in page.inner_text("#counts")
    assert len(stored(folder)) == 16


def test_a_round_without_liked_pictures_goes_on_until_there_are_some(come, address):
    page = come()
    page.goto(f"{address}/c/0/start")
    for _ in range(16):
        page.wait_for_selector("#picture[data-id]")
        press(page, "2")
    page.wait_for_selector("#lacking:has-text('All your ratings are alike')")
    assert page.is_hidden("#anyway")
    assert page.is_hidden("#more")
    press(page, "5")
    page.wait_for_selector("#lacking:has-text('You like 1 of 17 pictures so far.')")
    assert page.is_visible(".rate")
    page.click("#anyway")
    page.wait_for_selector("#best .strip.best .thumb")
    assert page.is_visible("#lacking")
    assert page.is_visible("#rate-more")
