"""Labels of pictures of several things, and composites of stamps."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from scipy.special import expit

from soart.benchmarks.adherence.photographs import chance_shown, not_seen
from soart.benchmarks.data import contents
from soart.benchmarks.data.several_things import NOT_SHOWN, UNCLEAR, Prompted, coco_nouns, scenes
from soart.metrics.items.nouns import noun_classes
from soart.pipelines.judges.calibration import Curve


def test_labels_of_a_clone(tmp_path):
    labels = tmp_path / "object_detection" / "labels" / "val2017"
    for folder in (labels, tmp_path / "images" / "val2017"):
        folder.mkdir(parents=True)
    (labels.parents[1] / "config.yaml").write_text("names:\n  0: person\n  1: cell phone\n  2: dog\n  3: mouse\n")
    for name in ("one", "two"):
        Image.new("RGB", (8, 8)).save(tmp_path / "images" / "val2017" / f"{name}.jpg")
    (labels / "one.txt").write_text("2 .5 .5 .2 .5\n2 .1 .1 .1 .1\n1 .5 .5 .1 .2\n0 .5 .5 1 1\n3 .5 .5 1 1\n")
    assert coco_nouns(tmp_path) == ["animal", "dog", "phone"]
    one, two = scenes(tmp_path)
    assert one.shares == pytest.approx({"dog": 0.1, "animal": 0.1, "phone": 0.02})
    assert (two.file.stem, two.shares) == ("two", {})


def test_what_pictures_show_by_a_look():
    picture = Prompted("Stable Diffusion", Path("Animals/159/runwayml_seed_0.jpg"), "a cat in a barbershop")
    assert [picture.shows(noun) for noun in ("cat", "barbershop", "dog")] == [False, None, True]
    nouns = {noun for table in (NOT_SHOWN, UNCLEAR) for by_noun in table.values() for noun in by_noun}
    assert nouns <= {*noun_classes()}


def test_stamps_of_composites_cover_no_other_one(monkeypatch):
    table = noun_classes()
    stamps = [
        (noun, Image.new("RGBA", (90, 60), colour), (noun,)) for noun, colour in (("dog", "red"), ("teapot", "blue"))
    ]
    monkeypatch.setattr(contents, "_stamps", lambda cache, table: iter(stamps))
    ground = contents.Content("ground", "photograph", np.zeros((40, 40, 3), np.uint8), ())
    monkeypatch.setattr(contents, "_learning_contents", lambda cache: [ground])
    found = list(contents.composites(Path(), table, 5, np.random.default_rng(0)))
    for content in found:
        red, blue = ((content.pixels[..., k] > 200).mean() for k in (0, 2))
        assert ({"dog"} if red else set()) | ({"teapot"} if blue else set()) == {*content.nouns}
        assert 0.015 < red + blue < 1
        assert not ((content.pixels[..., 0] > 50) & (content.pixels[..., 2] > 50)).any()


def test_what_would_be_called_not_seen(capsys):
    """Of three nouns that are shown one has a low probability, of four others three, one of which counts twice."""
    asked = SimpleNamespace(
        margin=np.array([-2.0, 1, 2, -3, -3, -3, 4]),
        broad=np.array([True, False, False] + 4 * [True]),
        shown=np.array(3 * [True] + 4 * [False]),
        weight=np.array([1.0, 1, 1, 1, 1, 2, 1]),
    )
    one = Curve(1.0, 0.0, ((0.0, 0.0), (0.0, 0.0)), 0.0)
    assert chance_shown(asked.margin, asked.broad, one, one) == pytest.approx(expit(asked.margin))
    not_seen([asked], one, one)
    below = next(line for line in capsys.readouterr().out.splitlines() if "below 0.15" in line)
    shares = [float(share) for share in re.findall(r"([\d.]+)%", below)]
    assert shares == pytest.approx(2 * [33.3, 80.0, 26.7])
