import json

import numpy as np
import pytest
from PIL import Image

from soart.pipelines.collection.ratings import rate
from soart.pipelines.ingest.roots import open_collection_for
from soart.pipelines.scoring.taste_store import tastes_of


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for k in range(2):
            pixels = np.random.default_rng(k).integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{k}.png")
    return tmp_path


def test_it_shows_and_clears_what_can_be_measured_again(soart, folders):
    assert soart("cache")[:2] == (0, "Nothing is stored.\n")
    for name in ("one", "two"):
        # A report makes thumbnails.
        assert soart("evaluate", folders / name, "--by", "technical", "--report", folders / "page.html")[0] == 0
    assert [*folders.glob("data/soart/collections/one-*/thumbs/*/*.jpg")]
    with open_collection_for([str(folders / "two")])[0] as store:
        rate(store, "me", {1: 4.0})
        taste = tastes_of(store.file("")).path("me")
        taste.parent.mkdir()
        taste.touch()
    _, out, _ = soart("cache", "--json")
    stored = json.loads(out)["stored"]
    assert [(one["folder"], one["pictures"], one["irreplaceable"]) for one in stored] == [
        (str(folders / "one"), 2, []),
        (str(folders / "two"), 2, ["1 rating", "1 taste"]),
    ]
    assert "1 rating" in soart("cache", folders / "two")[1]
    code, out, err = soart("cache", "--clear")
    assert (code, out.split(",")[0]) == (0, "1 of 2 cleared")
    assert "because it holds 1 rating, 1 taste" in err
    assert [one["folder"] for one in json.loads(soart("cache", "--json")[1])["stored"]] == [str(folders / "two")]
    assert sorted(path.name for path in (folders / "one").iterdir()) == ["0.png", "1.png"]
    code, _, err = soart("cache", folders / "one")
    assert (code, "Nothing is stored of" in err) == (1, True)


def test_folders_ranked_together_are_found_by_their_names(soart, folders):
    assert soart("rank", folders / "one", folders / "two", "--by", "technical")[0] == 0
    assert "Nothing is stored of" in soart("cache", folders / "one")[2]
    for names in ([folders / "one", folders / "two"], [folders]):
        [stored] = json.loads(soart("cache", *names, "--json")[1])["stored"]
        assert (stored["folder"], stored["pictures"]) == (str(folders), 2)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_cannot_be_removed_is_a_failure_that_says_why(soart, folders, options):
    assert soart("rank", folders / "one", "--by", "technical")[0] == 0
    [place] = folders.glob("data/soart/collections/one-*")
    place.rename(folders / "elsewhere")
    place.symlink_to(folders / "elsewhere")
    code, out, err = soart("cache", "--clear", *options)
    assert (code, "symbolic link" in out + err, "None" in out + err) == (1, True, False)
    assert [*(folders / "elsewhere").iterdir()]
