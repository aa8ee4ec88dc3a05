"""A whole walk through the gallery by keyboard or fingers alone: from pictures to keepers, exports and back."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from specimens.scanning import Here

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import comparisons
from soart.pipelines.collection.labels import FAVOURITE, label_counts
from soart.pipelines.collection.ratings import ratings
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.ingest.scan import Scan

TOKEN = "t" * 43
#: Run in the page: true if nothing covers an element.
IN_SIGHT = """(selector) => {
  const node = document.querySelector(selector), box = node.getBoundingClientRect();
  return node.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
}"""


def write_pictures(folder, prompts, seeds):
    """Files of colour fields, of one palette a prompt, with the metadata that A1111 writes."""
    folder.mkdir()
    rng = np.random.default_rng(7)
    for number in range(prompts):
        palette = rng.integers(30, 226, (3, 3))
        for seed in range(seeds):
            field = palette[rng.integers(0, 3, (4, 4))] + rng.normal(0, 6, (4, 4, 3))
            picture = Image.fromarray(field.clip(0, 255).astype(np.uint8)).resize((48, 48), Image.Resampling.BICUBIC)
            texts = PngInfo()
            texts.add_text(
                "parameters",
                f"a field of kind {number}\nNegative prompt: blurry\nSteps: 2, Sampler: Euler a, CFG scale: 3, "
                f"Seed: {seed}, Size: 48x48, Model: painter",
            )
            picture.save(folder / f"{number:03}-{seed}.png", pnginfo=texts)


@contextmanager
def served(folder, home):
    """The command ``soart web FOLDER`` in a process of its own: the address it prints, and its collection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    names = ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    line = [sys.executable, "-m", "soart.plugin.cli", "web", str(folder), "--no-open", "--port", str(port)]
    environment = {**os.environ, **{name: str(home / name) for name in names}}
    process = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        address = next(text for text in process.stdout if text.startswith("soart web: ")).split()[2]
        [collection] = (home / "XDG_DATA_HOME" / "soart" / "collections").iterdir()
        yield address, collection
        process.send_signal(signal.SIGINT)
        assert process.wait(240) == 0
    finally:
        process.kill()
        process.wait(240)
        process.stdout.close()


class Keyboard:
    """A person at a page without a mouse."""

    def __init__(self, page):
        self.page = page

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def go_to(self, selector, key="Tab"):
        """Press Tab, or with Shift to go back, until an element has the focus."""
        self.page.wait_for_selector(f"{selector}:not([disabled])")
        for _ in range(60):
            if self.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
            self.press(key)
        raise AssertionError(f"{key} does not reach {selector}")

    def enter(self, selector, key="Tab"):
        self.go_to(selector, key)
        self.press("Enter")

    def from_top(self, selector):
        self.page.evaluate("document.activeElement.blur()")
        self.enter(selector)

    def focus_pictures(self):
        """Give the grid the focus, as an arrow key does that is pressed anywhere outside it."""
        self.page.wait_for_selector("[data-number='0'] img")
        self.press("ArrowDown")
        self.page.wait_for_function("() => document.activeElement.classList.contains('cell')")

    def choose_stacks(self, key):
        self.page.evaluate("document.activeElement.blur()")
        self.go_to("[name=stacks]")
        self.press(key)

    def stack(self):
        self.choose_stacks("ArrowDown")

    def spread_the_first(self):
        self.page.evaluate("document.activeElement.blur()")
        self.focus_pictures()
        self.press("Enter")

    def close_stack(self):
        self.press("Escape")

    def unstack(self):
        self.choose_stacks("ArrowUp")

    def keep_another(self):
        self.press("ArrowRight", "ArrowRight")
        other = self.page.get_attribute(":focus", "data-picture")
        self.press("k")
        return other

    def move_others_away(self):
        self.enter("[data-plan]", "Shift+Tab")

    def love_the_second(self):
        self.focus_pictures()
        self.press("ArrowRight", "5", "f", "Enter")

    def show_more_like_it(self):
        self.press("m")

    def select_four(self):
        self.focus_pictures()
        self.press("Home", " ", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight")

    def compare(self):
        self.press("c")

    def choose_the_second(self):
        self.press("2")

    def export(self):
        self.enter("[data-act=zip]")

    def open_the_first(self):
        self.press("Escape")
        self.page.evaluate("document.activeElement.blur()")
        self.focus_pictures()
        self.press("Home", "Enter")

    def vary(self):
        self.press("v")

    def draw_two(self):
        for name, value in (("count", "2"), ("steps", "2")):
            self.go_to(f"[name={name}]")
            self.press("Control+a")
            self.page.keyboard.type(value)
        self.press("Enter")

    def undo(self):
        self.press("u")


class Fingers:
    """A person with a phone: taps, swipes, and the keyboard on the screen for numbers."""

    def __init__(self, page):
        self.page = page

    def tap(self, selector):
        # Chromium takes taps within a third of a second for one gesture, and drops the first one's click.
        self.page.wait_for_timeout(400)
        self.page.tap(selector)

    from_top = tap

    def swipe_left(self, selector):
        """Move one finger to the left, as the browser itself hears it."""
        box = self.page.locator(selector).bounding_box()
        x, y = box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2
        device = self.page.context.new_cdp_session(self.page)
        for kind, moved in (("touchStart", 0), ("touchMove", 80), ("touchMove", 160), ("touchEnd", None)):
            points = [] if moved is None else [{"x": x - moved, "y": y}]
            device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        device.detach()

    def stack(self):
        # The list of choices is the phone's own.
        self.page.select_option("[name=stacks]", "prompt")

    def spread_the_first(self):
        self.tap("[data-number='0'] .cell.stack")

    def close_stack(self):
        self.tap("#close-stack")

    def unstack(self):
        self.page.select_option("[name=stacks]", "")

    def keep_another(self):
        keep = ".group >> nth=0 >> figure >> nth=1 >> [data-keep]"
        other = self.page.get_attribute(keep, "data-keep")
        self.tap(keep)
        return other

    def move_others_away(self):
        self.tap("[data-plan]")

    def love_the_second(self):
        self.tap("[data-number='0'] .cell")
        self.page.wait_for_selector("#viewer-place:has-text('1 of')")
        self.swipe_left("#viewer .stage")
        self.page.wait_for_selector("#viewer-place:has-text('2 of')")
        self.tap("#viewer [data-stars='5']")
        self.tap("#viewer-favourite")

    def show_more_like_it(self):
        self.tap("#viewer [data-like]")

    def select_four(self):
        self.tap("#select")
        for number in range(4):
            self.tap(f"[data-number='{number}'] .cell")

    def compare(self):
        self.tap("[data-act=compare]")

    def choose_the_second(self):
        self.tap(".choice >> nth=1")

    def export(self):
        self.tap("[data-act=zip]")

    def open_the_first(self):
        self.tap("[data-act=none]")
        self.tap("[data-number='0'] .cell")

    def vary(self):
        self.tap("#viewer [data-vary]")

    def draw_two(self):
        for name in ("count", "steps"):
            self.tap(f"[name={name}]")
            self.page.fill(f"[name={name}]", "2")
        self.tap("#draw .primary")

    def undo(self):
        """Undo in the viewer, which has the button."""
        if not self.page.is_visible("#viewer"):
            self.tap("[data-number='0'] .cell")
        self.tap("#viewer [data-undo-rating]")


def count_is(page, count, more=""):
    # The page comes with a count: the keys work once the pictures are there.
    page.wait_for_selector("#grid [data-number] img")
    page.wait_for_function(
        "text => document.querySelector('#count').textContent === text", arg=f"{count:,} pictures{more}"
    )


def open_view(page, person, name):
    if name == "keepers":
        open_view(page, person, "evaluate")
    person.from_top(f"nav [href$='/{name}']")
    page.wait_for_selector(f"body.view-{name}")


def walk(page, person, address, prompts, seeds, shoot=lambda name: None):
    """The walk; returns the table of the exported pictures."""
    total = prompts * seeds
    page.goto(address)
    count_is(page, total)
    shoot("open")

    # The pictures of a prompt on each other, and those of one prompt spread out.
    person.stack()
    count_is(page, total, f", {prompts} stacks")
    shoot("stacks")
    person.spread_the_first()
    count_is(page, seeds)
    person.close_stack()
    count_is(page, total, f", {prompts} stacks")
    person.unstack()
    count_is(page, total)

    # Cull to keepers: another one of the first group, then move the rest away.
    open_view(page, person, "keepers")
    page.wait_for_selector("[data-plan]")
    assert f"{prompts} groups: {prompts} to keep" in page.inner_text("#groups")
    other = person.keep_another()
    page.wait_for_selector(f"figure.keep [data-picture='{other}']")
    shoot("keepers")
    person.move_others_away()
    page.wait_for_selector("#undo-list")
    open_view(page, person, "gallery")
    count_is(page, prompts)

    # A favourite, and more like it.
    person.love_the_second()
    page.wait_for_selector("#viewer [data-stars='5'][aria-pressed=true]")
    page.wait_for_selector("#viewer .prompt")
    loved = page.inner_text("#viewer .prompt")
    person.show_more_like_it()
    page.wait_for_url(re.compile("like="))
    count_is(page, prompts)
    shoot("like")

    # Compare four of these, and come back to the same selection.
    person.select_four()
    assert page.inner_text("#selected") == "4 selected"
    person.compare()
    page.wait_for_selector(".of-4 .choice")
    shoot("compare")
    person.choose_the_second()
    page.wait_for_function("() => document.querySelector('#made').textContent.startsWith('3 choices')")
    # The browser's own key or gesture, which a browser without a window does not have.
    page.go_back()
    page.wait_for_function("() => document.querySelector('#selected')?.textContent === '4 selected'")

    # Export the four.
    with page.expect_download() as download:
        person.export()
    shoot("export")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        table = json.loads(archive.read("pictures.json"))
        assert sum(name.endswith(".png") for name in archive.namelist()) == 4
    assert table[0]["prompt"] == loved

    # Variations of the loved one.
    person.open_the_first()
    page.wait_for_selector("#viewer [data-vary]")
    person.vary()
    page.wait_for_selector("#draw")
    assert page.input_value("[name=prompt]") == loved
    person.draw_two()
    page.wait_for_selector("#live img >> nth=1")
    shoot("variations")

    # Undo all, from another view: the comparison, the favourite, the rating, the move, the other keeper.
    open_view(page, person, "gallery")
    count_is(page, prompts + 2)
    for word in ("choice", "favourite", "rating 5", "pictures moved away"):
        person.undo()
        page.wait_for_selector(f".toast:has-text('Undone: {word}.')")
    count_is(page, total + 2)
    person.undo()
    page.wait_for_selector(".toast:has-text('Undone: choice of keeper.')")
    shoot("undone")
    person.undo()
    page.wait_for_selector(".toast:has-text('Nothing to undo.')")
    return table


def check_restored(collection, files, before):
    """Nothing is left of the walk but the two variations."""
    assert {path.name: path.read_bytes() for path in files.iterdir()} == before
    assert ratings(collection, "me") == {}
    assert comparisons(collection, "me") == []
    assert label_counts(collection, FAVOURITE) == {}
    assert len(collection.images()) == len(before) + 2


@pytest.fixture
def files(tmp_path):
    """Ten pictures of five prompts."""
    write_pictures(tmp_path / "pictures", 5, 2)
    return tmp_path / "pictures"


@pytest.fixture
def folder(tmp_path, files):
    """The collection of these files, as ``soart web FOLDER`` makes it."""
    with Collection(tmp_path / "gallery") as collection:
        sync_and_evaluate(collection, Scan([files]), Here())
    return tmp_path / "gallery"


@pytest.mark.slow
def test_ten_pictures_are_walked_through_on_a_phone(come, address, folder, files):
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    page = come(has_touch=True, is_mobile=True)
    page.on("dialog", lambda question: question.accept())
    page.set_viewport_size({"width": 390, "height": 844})
    walk(page, Fingers(page), f"{address}/?token={TOKEN}", 5, 2)
    # Notices are in sight too while the viewer covers the page.
    assert page.evaluate(IN_SIGHT, ".toast:last-child")
    with Collection(folder) as collection:
        check_restored(collection, files, before)


@pytest.mark.slow
def test_a_folder_of_two_thousand_pictures_is_walked_through_by_keyboard(come, tmp_path):
    files = tmp_path / "many"
    write_pictures(files, 400, 5)
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    with served(files, tmp_path) as (address, place):
        page = come()
        page.on("dialog", lambda question: question.accept())
        walk(page, Keyboard(page), address, 400, 5)
        with Collection(place) as collection:
            check_restored(collection, files, before)
