"""Culls and annotations, and undoing them."""

import json
import math
import os
import re
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from PIL import Image
from specimens.scanning import Here
from specimens.ugly import encoded, picture
from sqlalchemy import select

from soart.errors import CollectionError
from soart.metrics.damage.technical import TechnicalJudge
from soart.pipelines.collection.labels import ALBUM, TAG, set_label
from soart.pipelines.collection.png import NOTE_AT, note_chunk
from soart.pipelines.collection.ratings import rate
from soart.pipelines.collection.tables import FileRow
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.evaluation.result import Evaluation
from soart.pipelines.ingest.metadata.sidecars import sidecar_metadata
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.keepers.finding import find_keepers
from soart.pipelines.tidying.annotate import annotate, annotations_of, stars_of, with_keywords, with_rating
from soart.pipelines.tidying.cull import Move, Rule, cull, plan_cull, threshold_since
from soart.pipelines.tidying.undoing import undo


def copy_of(art, folder):
    folder.mkdir()
    for path in art.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
        os.utime(folder / path.name, (1e9, 1e9))
    return folder


def test_culled_pictures_go_by_reason_with_their_texts_and_come_back(collection, art, tmp_path):
    folder = copy_of(art, tmp_path / "mine")
    before = sorted(p.name for p in folder.iterdir())
    result = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    moves = plan_cull(result, Rule(duplicates=True, worst=10), [folder], tmp_path / "out")
    assert {move.target.parent.name for move in moves} == {"duplicates", "low"}
    done, problems = cull(moves, tmp_path / "undo.jsonl")
    assert (done, problems) == (moves, [])
    moved = {p.name for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert {"small.png", "copy.png"} <= moved or {"small.png", "06.png"} <= moved
    for name in moved:
        assert not (folder / name).exists()
        if name[:2].isdigit():
            assert name[:2] + ".txt" in moved
    assert undo(tmp_path / "undo.jsonl")[1] == []
    assert sorted(p.name for p in folder.iterdir()) == before


def grouped(group, best, scores):
    """An evaluation of pictures 10, 11, … in groups of near-duplicates."""
    n = len(group)
    return Evaluation(
        "technical-9", np.arange(10, 10 + n), {"technical-9": np.array(scores, float)}, np.ones(n), np.inf, np.full(n, -1),
        np.array(group), np.array(best, bool), np.full(n, ""), np.full(n, -1), (), (), (),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("keep", "reasons"),
    [
        ((), ["low", "", "duplicates", "", "low", "duplicates"]),
        ((10,), ["", "duplicates", "duplicates", "", "low", "duplicates"]),
        ((12,), ["low", "duplicates", "", "", "low", "duplicates"]),
    ],
)
def test_a_copy_stays_where_the_one_to_keep_is_moved_for_another_reason(keep, reasons):
    """The largest copy was moved for its score, and the better small ones as its duplicates: none stayed."""
    e = grouped([0, 0, 0, -1, 1, 1], [1, 0, 0, 0, 1, 0], [40, 90, 80, 95, 40, 30])
    assert Rule(duplicates=True, below=50).reasons(e, keep).tolist() == reasons


def test_texts_take_the_free_name_of_their_picture(tmp_path):
    """A text never takes the name that would make it describe a picture that was there before."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"earlier")
    for name in ("a.png", "a.txt", "a.png.json"):
        (tmp_path / name).write_text(name)
    done, problems = cull([Move(tmp_path / "a.png", tmp_path / "out" / "a.png", 1)], tmp_path / "undo.jsonl")
    assert [move.target.name for move in done] == ["a (2).png"]
    assert problems == []
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.png", "a (2).png", "a (2).txt", "a (2).png.json"}
    undo(tmp_path / "undo.jsonl")
    assert (tmp_path / "a.txt").read_text() == "a.txt"


def test_a_threshold_of_an_earlier_overall_score_is_told_once_with_that_of_the_same_share(collection, tmp_path):
    def said(judge="overall-02", *, remember=True):
        return threshold_since(collection, judge, 40, remember=remember)

    ids = []
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(encoded(picture(number), "PNG"))
        ids.append(collection.add_file(tmp_path / f"{number}.png")[0].id)
    collection.set_scores("overall-02", dict(zip(ids, (5.0, 61.0, 71.0, 91.0), strict=True)))
    assert said() == ""
    # Half of the pictures were below 40, and half of them are below 66.
    collection.set_scores("overall-01", dict(zip(ids, (20.0, 30.0, 50.0, 60.0), strict=True)))
    assert said("technical-9") == ""
    assert "as many pictures as were below 40 are below 66 now" in said(remember=False)
    assert "below 66 now" in said()
    assert said() == ""


@pytest.mark.parametrize("other", ["a.jpg", "a.JPG", "a.PNG"])
def test_a_text_of_two_pictures_stays(collection, tmp_path, other):
    for name, seed in (("a.png", 1), (other, 2)):
        (tmp_path / name).write_bytes(encoded(picture(seed), "PNG"))
    (tmp_path / "a.txt").write_text("both")
    result = sync_and_evaluate(collection, Scan([tmp_path], ["a.*"]), Here(), "technical")
    moves = plan_cull(result, Rule(worst=50), [tmp_path], tmp_path / "out")
    cull(moves, tmp_path / "undo.jsonl")
    assert len(moves) == 1
    assert (tmp_path / "a.txt").exists()


def test_pictures_of_the_longest_names_are_annotated_and_moved(collection, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    names = [f"{number}{'x' * 250}.png" for number in range(2)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(encoded(picture(number), "PNG"))
    evaluated = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    notes = list(annotations_of(evaluated))
    assert annotate(evaluated, notes, tmp_path / "annotated.jsonl") == (2, [])
    assert {path.name for path in folder.glob("*.xmp")} == {name.replace(".png", ".xmp") for name in names}
    moves = [Move(folder / name, tmp_path / "out" / name, number) for number, name in enumerate(names)]
    assert cull(moves, tmp_path / "moved.jsonl") == (moves, [])
    assert len(list((tmp_path / "out").iterdir())) == 4
    assert list(folder.iterdir()) == []


def test_only_a_rater_gives_stars_to_pictures_that_cannot_be_judged(collection, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, image in (("a", picture(1)), ("white", Image.new("RGB", (64, 64), "white"))):
        (folder / f"{name}.png").write_bytes(encoded(image, "PNG"))
    evaluated = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    assert [note.path.name for note in annotations_of(evaluated)] == ["a.png"]
    white = next(row.id for row in collection.images() if collection.locate(row).name == "white.png")
    rate(collection, "me", {white: 2})
    (note,) = annotations_of(evaluated, "me")
    assert (note.path.name, note.stars) == ("white.png", 2)


@pytest.mark.parametrize(("pictures", "worst", "moved"), [(375, 18.4, 69), (10, 25, 2), (10, 9.9, 0), (9, 99, 8)])
def test_a_share_is_rounded_down(pictures, worst, moved):
    reasons = Rule(worst=worst).reasons(grouped([-1] * pictures, [False] * pictures, range(pictures)))
    assert np.flatnonzero(reasons == "low").tolist() == list(range(moved))


@pytest.mark.parametrize("rule", [{}, {"worst": 0.0}, {"worst": 120.0}, {"below": math.nan}])
def test_rules_must_say_something(rule):
    with pytest.raises(CollectionError, match=r"Expected a|must be a number"):
        Rule(**rule)


def test_stars_are_fifths():
    assert stars_of(np.array([0, 19.9, 20, 50, 99, 100.0])).tolist() == [1, 1, 2, 3, 5, 5]


def test_annotations_touch_no_pixel_and_are_undone(collection, art, tmp_path):
    folder = copy_of(art, tmp_path / "mine")
    (folder / "00.xmp").write_bytes(b'<rdf:RDF>\r\n<rdf:Description dc:title="x"/>\r\n</rdf:RDF>\r\n')
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    result = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    pixels = {p.name: np.asarray(Image.open(p)).tobytes() for p in folder.glob("[0-9]*.png")}
    done, problems = annotate(result, list(annotations_of(result)), tmp_path / "undo.jsonl", png=True)
    assert (done, problems) == (43, [])
    for name, content in pixels.items():
        with Image.open(folder / name) as image:
            assert np.asarray(image).tobytes() == content
            assert json.loads(image.info["soart"])["by"] == "technical-9"
    sidecar = (folder / "00.xmp").read_bytes()
    assert b'dc:title="x"' in sidecar
    # The ends of its lines stay too.
    assert sidecar.count(b"\r\n") == 3
    # The pictures are still the same to the collection.
    again = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    assert again.update.looked == 0
    assert len(collection.images()) == 42
    assert undo(tmp_path / "undo.jsonl")[1] == []
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert sync_and_evaluate(collection, Scan([folder]), Here(), "technical").update.looked == 0


def test_a_raters_stars_are_written(collection, art, tmp_path):
    folder = copy_of(art, tmp_path / "mine")
    result = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    with collection.session("be read") as session:
        image = session.scalar(select(FileRow.image_id).where(FileRow.path == str(folder / "02.png")))
    rate(collection, "me", {image: 5})
    set_label(collection, TAG, "boat", [image])
    set_label(collection, ALBUM, "best", [image])
    (note,) = annotations_of(result, "me")
    assert (note.path.name, note.stars) == ("02.png", 5)
    for half, stars in ((1.5, 2), (2.5, 3), (3.5, 4), (4.5, 5)):
        rate(collection, "half", {image: half})
        assert [note.stars for note in annotations_of(result, "half")] == [stars]
    annotate(result, [note], tmp_path / "undo.jsonl", png=True)
    sidecar = (folder / "02.xmp").read_text()
    for text in ('xmp:Rating="5"', "<rdf:li>boat</rdf:li>", "<rdf:li>best</rdf:li>"):
        assert text in sidecar
    with Image.open(folder / "02.png") as picture_file:
        facts = json.loads(picture_file.info["soart"])
    assert (facts["tags"], facts["albums"]) == (["boat"], ["best"])


def test_pictures_of_one_name_get_a_sidecar_each(collection, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    names = ["alone.png", "own.png", "same.jpg", "same.PNG", "same.png", "same.webp"]
    for seed, name in enumerate(names):
        kind = {"jpg": "JPEG", "webp": "WEBP"}.get(name.split(".")[1], "PNG")
        (folder / name).write_bytes(encoded(picture(seed), kind))
    others = (
        '<rdf:RDF xmlns:rdf="r" xmlns:xmp="http://ns.adobe.com/xap/1.0/"><rdf:Description xmp:Rating="-1"/></rdf:RDF>'
    )
    (folder / "same.xmp").write_text(others)
    (folder / "own.png.xmp").write_text(others)
    result = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    notes = list(annotations_of(result))
    assert len({note.stars for note in notes}) > 2
    assert annotate(result, notes, tmp_path / "undo.jsonl") == (6, [])
    assert {path.name for path in folder.glob("*.xmp")} == {
        "alone.xmp", "same.xmp", *(f"{name}.xmp" for name in names if name != "alone.png")
    }  # fmt: skip
    assert (folder / "same.xmp").read_text() == others
    for note in notes:
        assert sidecar_metadata(note.path).settings["rating"] == str(note.stars)
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    annotate(result, notes, tmp_path / "again.jsonl")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == written
    assert not (tmp_path / "again.jsonl").exists()
    assert undo(tmp_path / "undo.jsonl") == (6, [])
    assert {path.name for path in folder.glob("*.xmp")} == {"same.xmp", "own.png.xmp"}


def test_a_picture_that_is_not_a_png_file_is_named_only_without_its_sidecar(collection, tmp_path):
    """Every JPEG of a folder was named, although its stars were written."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for seed, (name, kind) in enumerate((("a.jpg", "JPEG"), ("b.png", "PNG"))):
        (folder / name).write_bytes(encoded(picture(seed), kind))
    result = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    notes = list(annotations_of(result))
    assert annotate(result, notes, tmp_path / "both.jsonl", png=True) == (2, [])
    assert undo(tmp_path / "both.jsonl") == (3, [])
    done, (problem,) = annotate(result, notes, tmp_path / "png.jsonl", xmp=False, png=True)
    assert (done, "a.jpg' is not a PNG file: its rating can only" in problem) == (1, True)


@pytest.mark.parametrize("copy", ["a (1).png", "a - Copy.png", "a (Kopie).png", "Copy of a.png", "01 a.png"])
def test_of_exact_copies_the_original_stays(collection, tmp_path, copy):
    """The copies sort before it, so that it was moved, with its text, and "a (1).png" stayed."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("a.png", copy):
        (folder / name).write_bytes(encoded(picture(1), "PNG"))
    (folder / "a.txt").write_text("its prompt")
    result = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    moves = plan_cull(result, Rule(duplicates=True), [folder], tmp_path / "out")
    assert [(move.source.name, move.staying) for move in moves] == [(copy, folder / "a.png")]


def test_moves_name_the_picture_that_stays_of_near_duplicates_and_copies(collection, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    large = picture(1).resize((256, 256), Image.Resampling.NEAREST)
    for name, image in (
        ("large", large),
        ("large (1)", large),
        ("small", large.resize((128, 128), Image.Resampling.BOX)),
    ):
        image.save(folder / f"{name}.png")
    Image.new("RGB", (64, 64)).save(folder / "black.png")
    result = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    assert np.count_nonzero(result.evaluation.group >= 0) == 2
    rule = Rule(duplicates=True, damaged=True, below=50)
    e = replace(result.evaluation, damage=np.full(len(result.evaluation.ids), -1))
    high = {name: np.where(e.unfit == "", 80.0, 0.0) for name in e.scores}
    kept = replace(result, evaluation=replace(e, scores=high))
    moves = {move.source.name: move.staying for move in plan_cull(kept, rule, [folder], tmp_path / "out")}
    assert moves == {"large (1).png": folder / "large.png", "small.png": folder / "large.png", "black.png": None}
    # Both of the group go for their scores: nothing stays.
    low = replace(result, evaluation=replace(e, scores={name: values / 4 for name, values in high.items()}))
    assert {move.staying for move in plan_cull(low, rule, [folder], tmp_path / "out")} == {None}


def test_of_a_picture_and_a_link_to_it_the_picture_stays(collection, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "picture.png").write_bytes(encoded(picture(1), "PNG"))
    (folder / "a link.png").symlink_to("picture.png")
    result = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    moves = plan_cull(result, Rule(duplicates=True), [folder], tmp_path / "out")
    assert [move.source.name for move in moves] == ["a link.png"]
    cull(moves, tmp_path / "undo.jsonl")
    assert (tmp_path / "out" / "duplicates" / "a link.png").read_bytes() == (folder / "picture.png").read_bytes()


def test_a_link_follows_the_picture_that_is_moved_with_it(collection, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "picture.png").write_bytes(content := encoded(picture(1), "PNG"))
    (folder / "a link.png").symlink_to("picture.png")
    result = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    cull(plan_cull(result, Rule(below=1000.0), [folder], tmp_path / "out"), tmp_path / "undo.jsonl")
    assert not list(folder.iterdir())
    assert {path.read_bytes() for path in (tmp_path / "out").rglob("*.png")} == {content}
    assert undo(tmp_path / "undo.jsonl") == (2, [])
    assert (folder / "a link.png").read_bytes() == content


def test_an_annotated_picture_stays_the_same_wherever_it_goes(collection, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded(picture(1), "PNG"))
    result = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    annotate(result, list(annotations_of(result)), tmp_path / "undo.jsonl", xmp=False, png=True)
    (folder / "a.png").rename(folder / "renamed.png")
    renamed = sync_and_evaluate(collection, Scan([folder]), Here(), "technical").update
    assert (renamed.recognised, renamed.looked, renamed.missing) == (1, 0, 0)
    # A copy of unknown size is opened, and is the same picture too.
    (tmp_path / "other").mkdir()
    content = (folder / "renamed.png").read_bytes()
    (tmp_path / "other" / "b.png").write_bytes(
        content[:NOTE_AT] + note_chunk("another") + encoded(picture(1), "PNG")[NOTE_AT:]
    )
    assert sync_and_evaluate(collection, Scan([tmp_path / "other"]), Here(), "technical").update.looked == 1
    assert [row.id for row in collection.images()] == [collection.add_file(folder / "renamed.png")[0].id]


def test_a_note_is_written_through_a_link_and_undone(collection, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (tmp_path / "elsewhere.png").write_bytes(before := encoded(picture(1), "PNG"))
    (folder / "link.png").symlink_to("../elsewhere.png")
    result = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    assert annotate(result, list(annotations_of(result)), tmp_path / "undo.jsonl", xmp=False, png=True) == (1, [])
    assert (folder / "link.png").is_symlink()
    assert (tmp_path / "elsewhere.png").read_bytes() != before
    assert undo(tmp_path / "undo.jsonl") == (1, [])
    assert (tmp_path / "elsewhere.png").read_bytes() == before


def test_pictures_that_cannot_be_judged_come_last_by_any_judge(collection, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, image in (
        ("black", Image.new("RGB", (64, 64))),
        ("a", picture(1, (64, 64))),
        ("b", picture(2, (64, 64))),
    ):
        (folder / f"{name}.png").write_bytes(encoded(image, "PNG"))
        (folder / f"{name}.txt").write_text("a fox")
    result = sync_and_evaluate(collection, Scan([folder]), Here(), [TechnicalJudge.detector("blur")])
    e = result.evaluation
    assert np.isnan(e.scores[e.main]).tolist() == (e.unfit == "all black").tolist()
    for rule in (Rule(worst=34), Rule(below=0)):
        moves = plan_cull(result, rule, [folder], tmp_path / "out")
        assert [move.source.name for move in moves] == ["black.png"]
    moves = plan_cull(result, Rule(damaged=True), [folder], tmp_path / "out")
    assert [move.target.parent.name for move in moves if move.source.name == "black.png"] == ["blank"]
    assert sorted(note.path.stem for note in annotations_of(result)) == ["a", "b"]
    assert sorted(e.percentile[e.judged].tolist()) == [25, 75]
    (group,) = find_keepers(result).groups
    assert [Path(path).stem for path in group.paths][-1] == "black"


NAMES = 'xmlns:rdf="r" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
BAG = "<dc:subject><rdf:Bag><rdf:li>sea &amp; sky</rdf:li></rdf:Bag></dc:subject>"


def keywords(xmp):
    root = fromstring(xmp[xmp.index("<") : xmp.rindex(">") + 1].split("?>", 1)[-1].split("<?xpacket end")[0])
    (subject,) = root.iter("{http://purl.org/dc/elements/1.1/}subject")
    return [item.text for item in subject[0]]


@pytest.mark.parametrize(
    "old",
    [
        None,
        '<rdf:RDF><rdf:Description rdf:about="" xmp:Rating="1" dc:title="x"/></rdf:RDF>',
        "<rdf:RDF><rdf:Description><xmp:Rating>1</xmp:Rating></rdf:Description></rdf:RDF>",
        '<rdf:RDF><rdf:Description rdf:about="" dc:title="x"/></rdf:RDF>',
        "<rdf:RDF><rdf:Description><xmp:Rating/></rdf:Description></rdf:RDF>",
        '<rdf:RDF><rdf:Description dc:title="x"><xmp:Rating rdf:datatype="i">1</xmp:Rating ></rdf:Description></rdf:RDF>',
    ],
)
def test_ratings_are_set_and_the_rest_stays(old):
    new = with_rating(old, 4)
    assert re.search(r'xmp:Rating(="|>| rdf:datatype="i">)4', new)
    # Not a second one beside an empty element.
    assert len(re.findall(r"(?<!/)xmp:Rating", new)) == 1
    if old and "title" in old:
        assert 'dc:title="x"' in new
    assert with_rating(new, 4) == new


def test_sidecars_without_a_description_are_left():
    assert with_rating("<x/>", 3) is None
    assert with_keywords("<x/>", ["a"]) is None
    assert with_keywords("<x/>", []) == "<x/>"


@pytest.mark.parametrize(
    ("old", "before"),
    [
        (with_rating(None, 3), []),
        (f'<rdf:RDF {NAMES}><rdf:Description xmp:Label="a > b/c"/></rdf:RDF>', []),
        (f"<rdf:RDF {NAMES}><rdf:Description><xmp:Rating>1</xmp:Rating></rdf:Description></rdf:RDF>", []),
        (f"<rdf:RDF {NAMES}><rdf:Description>{BAG}</rdf:Description></rdf:RDF>", ["sea & sky"]),
    ],
)
def test_keywords_are_added_once_and_stay_text(old, before):
    wanted = ["sea & sky", "<b>boat"]
    new = with_keywords(old, wanted)
    assert keywords(new) == list(dict.fromkeys([*before, *wanted]))
    assert with_keywords(new, wanted) == new
    assert with_keywords(old, []) == old


XMP, RDF = "http://ns.adobe.com/xap/1.0/", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


@pytest.mark.parametrize(
    "old",
    [
        # A description for each namespace, as ExifTool writes them.
        f"<rdf:RDF xmlns:rdf='{RDF}'><rdf:Description xmlns:dc='d'/>"
        f"<rdf:Description xmlns:xmp='{XMP}'><xmp:CreateDate>2020</xmp:CreateDate></rdf:Description></rdf:RDF>",
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description xmlns:xap="{XMP}" xap:Rating="3"/></rdf:RDF>',
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description xmlns:xap="{XMP}"><xap:Rating>3</xap:Rating></rdf:Description></rdf:RDF>',
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description xmlns:xap="{XMP}"><xap:Rating/></rdf:Description></rdf:RDF>',
        f'<rdf:RDF xmlns:rdf="{RDF}" xmlns:other="o"><rdf:Description xmlns:xmp="{XMP}" other:Rating="3"/></rdf:RDF>',
    ],
)
def test_a_rating_is_one_of_its_namespace_whatever_the_prefixes(old):
    root = fromstring(with_rating(old, 5))
    elements = [element.text for element in root.iter(f"{{{XMP}}}Rating")]
    assert elements + [e.attrib[f"{{{XMP}}}Rating"] for e in root.iter() if f"{{{XMP}}}Rating" in e.attrib] == ["5"]
    assert [e.attrib["{o}Rating"] for e in root.iter() if "{o}Rating" in e.attrib] == ["3"] * old.count("other:")
    assert keywords(with_keywords(with_rating(old, 5), ["a"])) == ["a"]


@pytest.mark.parametrize(
    "empty", ["<dc:subject/>", "<dc:subject></dc:subject>", "<dc:subject> <rdf:Bag/> </dc:subject>"]
)
def test_keywords_replace_an_empty_list_of_them(empty):
    old = f"<rdf:RDF {NAMES}><rdf:Description>{empty}<dc:title>t</dc:title></rdf:Description></rdf:RDF>"
    new = with_keywords(old, ["a"])
    assert keywords(new) == ["a"]
    assert "<dc:title>t</dc:title>" in new
    assert with_keywords(old, []) == old
