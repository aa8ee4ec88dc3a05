"""A whole walk through the gallery by keyboard alone: from a folder of pictures to keepers, exports and back."""

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

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import comparisons
from soart.pipelines.collection.labels import FAVOURITE, label_counts
from soart.pipelines.collection.ratings import ratings
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.ingest.inspection import inspect_file
from soart.pipelines.ingest.scan import Scan

TOKEN = "t" * 43


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
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait(60)
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

    def view(self, name):
        """Open a view by its link; the way to it begins at the top of the page."""
        self.page.evaluate("document.activeElement.blur()")
        self.enter(f"nav [href$='/{name}']")
        self.page.wait_for_selector(f"body.view-{name}")

    def focus_pictures(self):
        """Give the grid the focus, as an arrow key does that is pressed anywhere outside it."""
        self.page.wait_for_selector("[data-number='0'] img")
        self.press("ArrowDown")
        self.page.wait_for_function("() => document.activeElement.className === 'cell'")


def count_is(page, count):
    # The page comes with a count: the keys work once the pictures are there.
    page.wait_for_selector("#grid [data-number] img")
    page.wait_for_function("text => document.querySelector('#count').textContent === text", arg=f"{count:,} pictures")


def walk(page, address, prompts, seeds, shoot=lambda name: None):
    """The walk; returns the table of the exported pictures."""
    person, total = Keyboard(page), prompts * seeds
    page.goto(address)
    count_is(page, total)
    shoot("open")

    # Cull to keepers: another one of the first group, then move the rest away.
    person.view("keepers")
    page.wait_for_selector("[data-plan]")
    assert f"{prompts} groups: {prompts} to keep" in page.inner_text("#groups")
    person.press("ArrowRight", "ArrowRight")
    other = page.get_attribute(":focus", "data-picture")
    person.press("k")
    page.wait_for_selector(f"figure.keep [data-picture='{other}']")
    shoot("keepers")
    person.enter("[data-plan]", "Shift+Tab")
    page.wait_for_selector("#undo-list")
    person.view("gallery")
    count_is(page, prompts)

    # A favourite, and more like it.
    person.focus_pictures()
    person.press("ArrowRight", "5", "f", "Enter")
    page.wait_for_selector("#viewer .prompt")
    loved = page.inner_text("#viewer .prompt")
    page.wait_for_selector("#viewer [data-stars='5'][aria-pressed=true]")
    person.press("m")
    page.wait_for_url(re.compile("like="))
    count_is(page, prompts)
    shoot("like")

    # Compare four of these, and come back to the same selection.
    person.focus_pictures()
    person.press("Home", " ", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight")
    assert page.inner_text("#selected") == "4 selected"
    person.press("c")
    page.wait_for_selector(".of-4 .choice")
    shoot("compare")
    person.press("2")
    page.wait_for_function("() => document.querySelector('#made').textContent.startsWith('3 choices')")
    # The browser's own key, which a browser without a window does not have.
    page.go_back()
    page.wait_for_function("() => document.querySelector('#selected')?.textContent === '4 selected'")

    # Export the four.
    with page.expect_download() as download:
        person.enter("[data-act=zip]")
    shoot("export")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        table = json.loads(archive.read("pictures.json"))
        assert sum(name.endswith(".png") for name in archive.namelist()) == 4
    assert table[0]["prompt"] == loved

    # Variations of the loved one.
    person.press("Escape")
    page.evaluate("document.activeElement.blur()")
    person.focus_pictures()
    person.press("Home", "Enter")
    page.wait_for_selector("#viewer [data-vary]")
    person.press("v")
    page.wait_for_selector("#draw")
    assert page.input_value("[name=prompt]") == loved
    for name, value in (("count", "2"), ("steps", "2")):
        person.go_to(f"[name={name}]")
        person.press("Control+a")
        page.keyboard.type(value)
    person.press("Enter")
    page.wait_for_selector("#live img >> nth=1")
    shoot("variations")

    # Undo all, from another view: the comparison, the favourite, the rating, the move, the other keeper.
    person.view("gallery")
    count_is(page, prompts + 2)
    for word in ("choice", "favourite", "5", "pictures moved away"):
        person.press("u")
        page.wait_for_selector(f".toast:has-text('Undone: {word}.')")
    count_is(page, total + 2)
    person.press("u")
    page.wait_for_selector(".toast:has-text('Undone: choice of keeper.')")
    shoot("undone")
    person.press("u")
    page.wait_for_selector(".toast:has-text('Nothing to undo.')")
    return table


class Here:
    """Inspects files in this process."""

    def inspect(self, paths, kinds=(None,)):
        return (inspect_file(path, kinds) for path in paths)


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


def test_pictures_are_culled_searched_compared_exported_varied_and_restored_by_keyboard(come, address, folder, files):
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    walk(come(), f"{address}/?token={TOKEN}", 5, 2)
    with Collection(folder) as collection:
        check_restored(collection, files, before)


@pytest.mark.slow
def test_a_folder_of_two_thousand_pictures_is_walked_through_by_keyboard(come, tmp_path):
    files = tmp_path / "many"
    write_pictures(files, 400, 5)
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    with served(files, tmp_path) as (address, place):
        walk(come(), address, 400, 5)
        with Collection(place) as collection:
            check_restored(collection, files, before)
