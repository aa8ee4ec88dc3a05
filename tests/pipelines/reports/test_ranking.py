import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from soart.errors import SoartError
from soart.metrics.tastes.overall import OverallJudge
from soart.pipelines.evaluation.associations import FEWEST
from soart.pipelines.judges.finding import judges_for
from soart.pipelines.judges.ranking import RankedPicture, rank
from soart.pipelines.reports.page import write_report
from soart.pipelines.reports.ranking import render_report, word_associations
from soart.pipelines.scoring.makings import prompts_of
from soart.pipelines.scoring.measuring import import_pictures
from soart.pipelines.scoring.pictures import StoredPictures
from soart.pipelines.support.figures import figure

EVIL = '<script>alert(1)</script>" onerror="x'


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))


@pytest.fixture
def ranking(collection, make_drawn):
    batch = [
        make_drawn(i, prompt=("a sharp " if i % 2 else "a plain ") + EVIL, size=16 if i else 400) for i in range(10)
    ]
    collection.add_drawn(batch, "mödel <b>", "D")
    return rank(StoredPictures(collection, collection.images()), judges_for("technical"))[0]


def test_page_is_escaped_and_self_contained(collection, ranking):
    page = render_report(collection, ranking, "title <i>", "judge", ["note <u>"], ["problem <s>"])
    parser = Tags()
    parser.feed(page)
    assert not {"script", "i", "u", "s"} & {tag for tag, attributes in parser.seen if "style" not in attributes}
    images = [attributes for tag, attributes in parser.seen if tag == "img"]
    assert len(images) == 10 + 8
    assert all(a["src"].startswith("data:image/") and "onerror" not in a for a in images)
    assert not {"link", "iframe", "object", "base"} & {tag for tag, _ in parser.seen}
    assert not any("href" in attributes or any(k.startswith("on") for k in attributes) for _, attributes in parser.seen)
    assert any(a["src"].startswith("data:image/jpeg") for a in images)
    assert "viewport" in page
    order = [float(s) for s in re.findall(r'title="score">(-?[\d.]+)<', page)]
    assert order == sorted(order, reverse=True)
    assert len(order) == 10


def test_prompts_by_other_tools_are_on_the_page_cut_if_they_are_long(collection, tmp_path):
    prompt = "a tabby cat, " + "masterpiece, " * 30 + "the end"
    info = PngInfo()
    info.add_text("parameters", f"{prompt}\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "00042.png", pnginfo=info)
    import_pictures(collection, [tmp_path / "00042.png"], OverallJudge.load())
    page = render_report(
        collection, rank(StoredPictures(collection, collection.images()), judges_for("technical"))[0], "t", "p"
    )
    visible = re.sub(r"<[^>]*>", "", page)
    assert "00042.png" in visible
    assert "a tabby cat, masterpiece" in visible
    assert "the end" not in visible
    assert "the end" in page


def test_large_pictures_are_decoded_once(collection, ranking, monkeypatch):
    first = render_report(collection, ranking, "t", "p")
    monkeypatch.setattr("soart.pipelines.collection.thumbnails.read_image", lambda path: 1 / 0)
    page = render_report(collection, ranking, "t", "p")
    assert page.count("data:image/jpeg") == first.count("data:image/jpeg") > 0


def test_empty_page(collection):
    assert "0 pictures" in render_report(collection, [], "t", "p")


def test_words_are_compared_by_prompts(collection, make_drawn, tmp_path):
    """Eight prompts with a word and eight without; a hundred seeds of one prompt count once."""
    prompts = [f"{'sharp' if k % 2 else 'plain'} thing {chr(97 + k)}" for k in range(2 * FEWEST)]
    batch = [make_drawn(k, prompt=prompt) for k, prompt in enumerate([*prompts, *[prompts[0]] * 20])]
    rows = collection.add_drawn(batch, "m", "D")
    rng = np.random.default_rng(0)
    ranking = [
        RankedPicture(1, row, tmp_path, 10 * ("sharp" in row.generation.prompt) + rng.normal(), 50.0, ())
        for row in rows
    ]
    found = {one.value: one for one in word_associations(ranking, prompts_of(collection, rows))}
    assert {"sharp", "plain"} <= found.keys()
    assert "thing" not in found
    assert found["sharp"].difference == pytest.approx(-found["plain"].difference)
    assert (found["plain"].prompts, found["plain"].pictures) == (FEWEST, FEWEST + 20)
    assert 5 < found["sharp"].low < found["sharp"].difference < found["sharp"].high
    assert found["sharp"].q < 0.05
    few = [one for one in ranking if one.row.id in {row.id for row in rows[: 2 * FEWEST - 1]}]
    assert word_associations(few, prompts_of(collection, rows)) == []


def test_unwritable_report(tmp_path):
    with pytest.raises(SoartError, match="cannot be written"):
        write_report(tmp_path / "none" / "r.html", "x")


def test_numbers_for_people():
    assert [figure(v, 2, "+") for v in (74.1, 112.3, 99.6, -0.031, 0, -8.83)] == [
        "+74", "+112", "+100", "−0.031", "+0", "−8.8",
    ]  # fmt: skip
    assert figure(float("nan")) == figure(float("inf")) == "–"
