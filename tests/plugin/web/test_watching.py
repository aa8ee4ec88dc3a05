"""Pictures that another tool writes into a watched folder, in the open gallery."""

from dataclasses import replace

import pytest
from specimens.scanning import Here

from soart.pipelines.collection.collection import Collection
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.ingest.scan import Scan
from soart.plugin.web.app import create_app


@pytest.fixture
def outputs(tmp_path, paint):
    return paint(tmp_path / "outputs", 3, 1, vivid=True)


@pytest.fixture
def folder(tmp_path, outputs):
    with Collection(tmp_path / "gallery") as collection:
        sync_and_evaluate(collection, Scan([outputs]), Here())
    return tmp_path / "gallery"


@pytest.fixture
def app(settings):
    return create_app(replace(settings, watch=True))


def test_new_pictures_appear_in_the_open_gallery_and_the_focus_stays(come, address, outputs, paint):
    page = come()
    page.goto(f"{address}/c/0/gallery")
    page.wait_for_selector("[data-number='2'] img")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    focused = "document.activeElement.querySelector('img').src"
    before = page.evaluate(focused)
    paint(outputs, 2, 5, vivid=True)
    page.wait_for_selector("#new:has-text('2 new pictures')")
    page.wait_for_selector(":focus img")
    assert page.evaluate("document.activeElement.parentElement.dataset.number") == "1"
    assert page.evaluate(focused) == before
    page.click("#new")
    page.wait_for_function("() => document.querySelector('#count').textContent === '5 pictures'")
    page.wait_for_selector("[data-number='3'] img")
    assert page.eval_on_selector("[data-number='3'] img", "image => image.src") == before
