"""Search by words: the judge's order, what it cannot tell, and what is measured once."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib import cbook
from PIL import Image
from specimens.judging import PixelJudge, values_for

from soart.errors import CollectionError, JudgeError, SoartError
from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.items.packaged import CLASSES
from soart.metrics.tastes.overall import stored_name
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.labels import TAG, set_label
from soart.pipelines.collection.results import replace_scores
from soart.pipelines.judges.catalogue import Catalogue
from soart.pipelines.judges.guarded import GuardedJudge
from soart.pipelines.judges.searching import (
    OTHERS,
    UNWRITTEN,
    Search,
    check_words,
    find_pictures_for,
    pictures_showing,
    reader_at_hand,
    sought,
    with_face_count,
    with_faces,
)
from soart.pipelines.models import at_hand
from soart.pipelines.models.at_hand import ModelAtHand
from soart.pipelines.scoring.measuring import open_pictures


@pytest.fixture(scope="module")
def adherence():
    return Catalogue().judge("adherence")


@pytest.fixture
def colours(tmp_path, red_and_green):
    with Collection(tmp_path / "colours") as collection:
        for path in sorted(red_and_green.iterdir()):
            collection.add_file(path)
        yield collection


class Reader(PixelJudge):
    """Gives a picture the share of its red, if the prompt asks for red, and no value for other words."""

    name, needs = "reader", ("pixels", "prompt")

    def judge(self, pictures, prompts):
        pairs = zip(pictures, prompts, strict=True)
        return np.array([p[..., 0].sum() / p.sum() if words == "red" else np.nan for p, words in pairs])


def test_pictures_come_in_the_order_of_a_judge_that_reads_words(colours, package):
    done = []
    found, problems = pictures_showing(colours, colours.images(), "red", GuardedJudge(Reader()), done.append)
    assert [Path(one.row.path).name[:3] for one in found] == ["red"] * 8 + ["gre"] * 8
    assert np.all(np.diff([one.value for one in found]) <= 0)
    assert (problems, sum(done)) == ([], 16)
    assert colours.scores("judge:reader@1") == {}
    with pytest.raises(JudgeError, match="reads no words"):
        pictures_showing(colours, colours.images(), "red", GuardedJudge(Catalogue().judge("redness")))
    assert pictures_showing(colours, [], "red", GuardedJudge(Reader())) == ([], [])


def test_adherence_names_what_it_cannot_tell_and_measures_once(colours, adherence, monkeypatch):
    judge = GuardedJudge(adherence)
    found, problems = pictures_showing(colours, colours.images(), "a boat, zorblax", judge)
    assert len(found) == 16
    assert all(0 <= one.value <= 1 for one in found)
    assert problems == []
    # The pictures are too small for photographs.
    _, problems = pictures_showing(colours, colours.images(), "a boat, a teapot, zorblax", judge)
    assert problems == [
        # The advice came before the pictures were read.
        "Adherence cannot tell 'teapot' in these pictures, and looks for 'boat' alone."
    ]
    with pytest.raises(JudgeError, match="cannot tell 'zorblax'"):
        pictures_showing(colours, colours.images(), "zorblax", judge)

    def refuse(self, pixels):
        raise AssertionError("measured twice")

    for source in adherence.sources:
        monkeypatch.setattr(type(source.extractor), "extract", refuse)
    again, _ = pictures_showing(colours, colours.images(), "an owl", judge)
    assert len(again) == 16


def test_pictures_that_cannot_be_judged_are_left_out(colours, tmp_path):
    """A plain red picture was the best for "red"."""
    for name, side, colour in (("plain", 64, (250, 0, 0)), ("black", 64, (0, 0, 0)), ("tiny", 1, (250, 0, 0))):
        Image.new("RGB", (side, side), colour).save(tmp_path / f"{name}.png")
        colours.add_file(tmp_path / f"{name}.png")
    done = []
    found, problems = pictures_showing(colours, colours.images(), "red", GuardedJudge(Reader()), done.append)
    assert (len(found), sum(done), Path(found[0].row.path).name[:3]) == (16, 19, "red")
    assert problems == ["3 pictures left out: all black (1), nothing but one tone (1), too small to be judged (1)."]
    plain = [row for row in colours.images() if "plain" in row.path]
    assert pictures_showing(colours, plain, "red", GuardedJudge(Reader())) == (
        [],
        ["1 picture left out: nothing but one tone."],
    )
    with pytest.raises(JudgeError, match=r"^The judge 'reader' gave no picture a value for 'green'\.$"):
        pictures_showing(colours, colours.images(), "green", GuardedJudge(Reader()))


def test_words_are_checked_before_pictures_are_read(adherence):
    judge = GuardedJudge(adherence)
    check_words("red", GuardedJudge(Reader()))
    # An owl is drawn by the embedded model, a harbour is photographed.
    for words in ("an owl", "a lighthouse", "a red fox", "warm colors"):
        assert check_words(words, judge) == []
    assert check_words("a boat, zorblax", judge) == [
        "Adherence cannot tell 'zorblax' in any picture, and looks for 'boat' alone: name a model that reads any words, such as "
        "--by clip:openai/clip-vit-base-patch32."
    ]
    with pytest.raises(JudgeError, match="cannot tell 'zorblax', 'frumious' in any picture: name a model"):
        check_words("zorblax, frumious", judge)
    with pytest.raises(JudgeError, match="nothing to look for in 'the of'"):
        check_words("the of", judge)


def test_photographs_are_measured_in_the_pass_that_reads_them(adherence, tmp_path, monkeypatch):
    """The classes of the network, and the colours that every picture has, need no second decoding."""
    place = tmp_path / "pictures"
    place.mkdir()
    for k in range(3):
        Image.effect_mandelbrot((160, 140), (-2, -1.2, 1, 1.2), 20 + k).convert("RGB").save(place / f"{k}.png")
    judge, words = GuardedJudge(adherence), "a teapot, warm colors"
    kinds = Search(words, words, {}, judge, []).kinds
    assert [kind.network for kind in kinds] == [CLASSES]
    assert (
        Search("", "warm colors", {}, judge, []).kinds == Search("", "red", {}, GuardedJudge(Reader()), []).kinds == []
    )
    collection, rows, _ = open_pictures([place], TechnicalJudge.load(), beside=kinds)

    def refuse(self, row):
        raise AssertionError("decoded twice")

    with collection:
        monkeypatch.setattr(Collection, "pixels", refuse)
        found, problems = pictures_showing(collection, rows, words, judge)
    assert (len(found), problems) == (3, [])
    with Image.open(found[0].row.path) as opened:
        pixels = np.asarray(opened)
    assert found[0].value == pytest.approx(values_for(adherence, [pixels], [words])[0], abs=1e-6)


def test_a_model_at_hand_reads_any_words(tmp_path, monkeypatch):
    models = [ModelAtHand("embedded", "StableDiffusionPipeline", True, 1), ModelAtHand("a/vit", "vit", False, 1)]
    monkeypatch.setattr(at_hand, "models_at_hand", lambda: models)
    assert reader_at_hand() == ""
    models.append(ModelAtHand("google/siglip2-base", "siglip2", False, 1))
    assert reader_at_hand() == "siglip:google/siglip2-base"


def test_written_words_come_before_what_is_seen(colours, tmp_path):
    rows = colours.images()
    set_label(colours, TAG, "women at sea", [rows[9].id])
    judge = GuardedJudge(Reader())

    def found(text, by=None):
        hits, notes = find_pictures_for(colours, rows, text, by)
        return [(hit.row.id, hit.evidence) for hit in hits], notes

    assert found("Woman") == found('"women at" -castle') == ([(rows[9].id, "tag")], [])
    written, seen = found("red", judge)[0][:8], found("red", judge)[0][8:]
    assert {evidence for _, evidence in written} == {"file name"}
    # A judge without a probability leaves none out.
    assert [evidence.startswith("reader 0.") for _, evidence in seen] == [True] * 8
    assert found("the red -3", judge)[0][:7] == [one for one in written if one[0] != written[3][0]]
    # Of those in which they are written alike, the best come first.
    replace_scores(colours, stored_name(), {written[place][0]: 50.0 + place for place in (2, 5)}, {})
    assert found("red")[0][:3] == [written[5], written[2], written[0]]
    # Longer words count where no picture has the whole one, and not for a short one.
    for place, tag in ((10, "rainy day"), (11, "rainbow")):
        set_label(colours, TAG, tag, [rows[place].id])
    assert (found("rain")[0], found("ainbo")[0]) == ([(rows[10].id, "tag (rainy)")], [(rows[11].id, "tag (rainbow)")])
    with pytest.raises(JudgeError, match="file name has 're'"):
        found("re")
    assert (sought('a red fox, "at night" -snow'), sought("the")) == (("red", "fox", "at night", "-snow"), ("the",))
    nearest = "No prompt, tag or file name has 'womman', and pictures cannot tell it: the nearest known are 'woman'."
    with pytest.raises(JudgeError, match="nearest known are 'woman', 'women'"):
        found("womman, wommen")
    assert found("womman, red -3") == (found("red -3")[0], [f"{nearest} {OTHERS}"])
    # All pictures lie in that folder.
    with pytest.raises(JudgeError, match="file name has 'pictures'"):
        found("pictures")
    with pytest.raises(CollectionError, match="at most 50 words"):
        found("wave " * 400)
    for name in ("girl-lost_forest-1.png", "girl-cost-forest.png"):
        Image.new("RGB", (64, 64), (len(name), 0, 0)).save(tmp_path / name)
        rows.append(colours.add_file(tmp_path / name)[0])
    for phrase in ('"girl lost forest"', '"girl-lost forest"', '"Lost Fore"'):
        assert [hit[0] for hit in found(phrase)[0]] == [rows[-2].id]


def test_people_are_found_by_their_faces(adherence, tmp_path):
    with cbook.get_sample_data("grace_hopper.jpg") as stream, Image.open(stream) as opened:
        photo = opened.convert("RGB")
    with Collection(tmp_path / "people") as collection:
        for name, copies in (("a", 1), ("b", 2), ("c", 0)):
            ground = Image.effect_mandelbrot((1100, 640), (-2, -1.2, 1, 1.2), 20).convert("RGB")
            for number in range(copies):
                ground.paste(photo, (20 + 540 * number, 20))
            ground.save(tmp_path / f"{name}.png")
            collection.add_file(tmp_path / f"{name}.png")
        rows, judge = collection.images(), with_faces(GuardedJudge(adherence))
        hits, notes = find_pictures_for(collection, rows, "a woman", judge)
        assert {hit.row.path[-5] for hit in hits} == {"a", "b"}
        assert hits[0].evidence.startswith("woman seen: ")
        assert notes == ["Faces are found in pictures: sex and age are not told.", UNWRITTEN]
        [both], notes = find_pictures_for(collection, rows, "people", judge)
        assert (both.row.path[-5], notes) == ("b", [UNWRITTEN])
        for faces, names in (("0", "c"), ("1", "a"), ("1+", "ab"), ("", "abc")):
            assert "".join(row.path[-5] for row in with_face_count(collection, rows, faces)) == names
        with pytest.raises(SoartError, match="number of faces 'two' is not known"):
            with_face_count(collection, rows, "two")
        set_label(collection, TAG, "two men", [row.id for row in rows if row.path.endswith("b.png")], on=True)
        assert [hit.row.path[-5] for hit in find_pictures_for(collection, rows, "woman", judge)[0]] == ["a"]
