"""Widgets of notebooks, as their kernel sees them; the example notebook runs."""

import json
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

import soart
from soart.errors import CollectionError, ImageError, SoartError, TasteError
from soart.notebooks import html_table
from soart.pipelines.best_of import Candidate, Candidates
from soart.pipelines.collection import ratings
from soart.pipelines.models.request import Request
from soart.plugin.diffusers import wrap

pytest.importorskip("anywidget")
from soart.plugin.jupyter.widgets import NOT_FOR_ME, RatePictures, WatchTune, pixels_of

NOTEBOOK = Path(__file__).parents[2] / "examples/rate_in_the_notebook.ipynb"


def coloured(count, seed=0):
    """Pictures of one colour with a little noise: warm ones are even, cold ones odd."""
    rng = np.random.default_rng(seed)
    base = [(200, 90, 40), (40, 90, 200)]
    return [np.clip(rng.normal(base[i % 2], 25, (48, 48, 3)), 0, 255).astype(np.uint8) for i in range(count)]


def test_pictures_of_every_kind_are_shown(tmp_path):
    array = coloured(1)[0]
    path = tmp_path / "a.png"
    Image.fromarray(array).save(path)
    for picture in (array, Image.fromarray(array), path, str(path), array / 255.0):
        assert np.abs(pixels_of(picture).astype(int) - array).max() <= 1
    widget = RatePictures([array, path])
    assert len(widget.pictures) == 2
    assert all(source.startswith("data:image/jpeg;base64,") for source in widget.pictures)
    with pytest.raises(ImageError):
        RatePictures([tmp_path / "none.png"])
    for wrong in (3, [], "a.png", {"a": 1}):
        said = r"is empty: give at least one" if wrong == [] else r"pictures as a list|a list of pictures"
        with pytest.raises(SoartError, match=said):
            RatePictures(wrong)
    with pytest.raises(ImageError, match=r"got \(0, 4, 3\)"):
        RatePictures([np.zeros((0, 4, 3))])
    with pytest.raises(TypeError, match="'folder'"):
        RatePictures([array], folder=tmp_path)


def test_ratings_of_the_page_are_checked():
    widget = RatePictures(coloured(3))
    widget.stars = {"0": 5, "2": NOT_FOR_ME, "7": 5, "1": 9, "x": 3}
    assert widget.ratings == {0: 5, 2: 0}
    widget.stars = {"0": "5", "1": True, "2": 2.0}
    assert widget.ratings == {}


def test_stars_are_stored_at_once_and_shown_again(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(coloured(1)[0]).save(path)
    request = Request("a boat", 1, width=48, height=48)
    drawn = Candidate(request, coloured(2)[1], 50.0, 50.0, ())
    pictures = [drawn, path, coloured(3)[2]]
    folder = tmp_path / "c"
    with soart.Collection(folder) as collection:
        widget = RatePictures(pictures, collection=collection, rater="ann")
        assert widget.ratings == {}
        widget.stars = {"0": 5, "1": 2, "2": NOT_FOR_ME}
        widget.stars = {"0": 4, "2": NOT_FOR_ME}
        assert widget.received == widget.stars
        stored = ratings.ratings(collection, "ann")
        assert sorted(stored.values()) == [1.0, 4.0]
        assert RatePictures(pictures, collection=collection, rater="ben").ratings == {}
    again = RatePictures(pictures, collection=folder, rater="ann")
    assert again.ratings == {0: 4, 2: NOT_FOR_ME}
    with pytest.raises(SoartError):
        RatePictures(pictures, collection=folder, rater="")
    with pytest.raises(SoartError, match="a collection or its folder"):
        RatePictures(pictures, collection=3)


def test_stars_that_could_not_be_stored_are_stored_with_the_next(tmp_path, monkeypatch):
    with soart.Collection(tmp_path / "c") as collection:
        widget = RatePictures(coloured(2), collection=collection)
        with monkeypatch.context() as locked:
            locked.setattr(collection, "session", Mock(side_effect=CollectionError("The collection is locked.")))
            with pytest.raises(CollectionError):
                widget.stars = {"0": 5}
        assert (widget.trouble, widget.received) == ("The collection is locked.", {})
        widget.stars = {"0": 5, "1": 2}
        assert sorted(ratings.ratings(collection, "me").values()) == [2.0, 5.0]
        assert (widget.trouble, widget.received) == ("", {"0": 5, "1": 2})


def test_a_taste_is_learnt_from_the_stars():
    pictures = coloured(24)
    widget = RatePictures(pictures)
    with pytest.raises(TasteError, match="got 0 and 0: rate some with four"):
        widget.taste("warm")
    widget.stars = {str(number): (5 if number % 2 == 0 else 1 + number % 3) for number in range(16)}
    warm = widget.taste("warm", network=None)
    [*values] = (soart.PicturesInMemory(dict(enumerate(pictures[16:]))), warm)
    table = warm.to_pandas()
    assert list(table.columns) == ["picture", "file", "liking", "counts_as"]
    assert (table.liking > 0).sum() == 8
    assert (table.counts_as == "good").sum() == 8
    assert warm.trust.liked == 8
    assert values


def test_a_tune_is_watched(embedded, tmp_path):
    watch = WatchTune()
    seen = []
    watch.observe(lambda change: seen.append(watch.done), "done")
    wrap(embedded.pipeline, identity="embedded").tune(
        "a {boat|fox}", collection=tmp_path / "c", budget=2, batch=2, steps=2, prune=False, by="technical", watch=watch
    )
    assert seen[-1] == watch.done == watch.budget == 2
    assert "a boat" in watch.table + "a fox"
    assert "<table>" in watch.table


def test_scripts_of_the_widgets_set_texts_and_not_html():
    scripts = [*(NOTEBOOK.parents[1] / "plugin/jupyter").glob("*.js")]
    assert scripts
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        assert "export default { render }" in text
        assert "innerHTML" not in text
    assert "<script" not in html_table(["<script>"], [["<script>"]], ["<script>"])


def test_the_example_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    names = {}
    for number, cell in enumerate(cells):
        assert not cell.get("outputs")
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)  # noqa: S102
    assert isinstance(names["best"], Candidates)
    assert len(names["best"].to_pandas()) == len(names["best"])
    assert names["mine"].trust.liked >= 1
