"""Keepers of a small collection with planted groups, and the user's corrections of groups."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import ImageFilter
from specimens.scanning import Here
from sqlalchemy import update

from soart.errors import CollectionError
from soart.metrics.tastes.trust import USABLE, Trust
from soart.metrics.tastes.within_groups import WithinGroups
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.files import first_paths, picture_facts
from soart.pipelines.collection.labels import corrections, distinct_pictures, mark_distinct, undo_distinct
from soart.pipelines.collection.provenance import origins
from soart.pipelines.collection.ratings import rate, undo_rating
from soart.pipelines.collection.tables import MetadataRow
from soart.pipelines.evaluation.evaluate import evaluate
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.evaluation.judging import JudgedPictures
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.keepers.finding import find_keepers
from soart.pipelines.tidying.cull import cull, moves_of_others
from soart.pipelines.tidying.undoing import undo


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, scene):
    """Prompts a and b with a sharp picture each and softer ones, a prompt of one picture, and three sizes of a motif."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, (prompt, blur) in enumerate([("a", 2), ("a", 0), ("a", 1), ("b", 0), ("b", 2), ("c", 0)]):
        path = folder / f"{number}.png"
        scene(number).filter(ImageFilter.GaussianBlur(blur)).save(path)
        (folder / f"{number}.txt").write_text(prompt)
        os.utime(path, (1e9 + 1000 * number, 1e9 + 1000 * number))
    for number, side in enumerate((96, 64, 48), start=6):
        scene(9).resize((side, side)).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def found(pictures, tmp_path_factory):
    with Collection(tmp_path_factory.mktemp("collection")) as collection:
        yield sync_and_evaluate(collection, Scan([pictures]), Here(), "technical")


def named(found, images):
    paths = origins(found.collection, images)
    return "".join(paths[image].path.rsplit("/", 1)[1][0] for image in images)


def image_of(found, name):
    return next(i for i in found.evaluation.ids.tolist() if named(found, [i]) == name)


def test_the_sharp_picture_of_each_prompt_is_kept(found):
    keepers = find_keepers(found)
    assert [(named(found, group.images), group.prompt) for group in keepers.groups] == [("120", "a"), ("34", "b")]
    first = keepers.groups[0]
    assert first.margin == first.scores[0] - first.scores[1] > 2
    # The number is the difference of the two scores that a list shows.
    shown = [round(score, 1) for score in first.scores]
    assert first.why == f"{shown[0] - shown[1]:.1f} points above the next one listed"
    assert (named(found, keepers.kept), named(found, keepers.others)) == ("13", "204")
    assert sorted(named(found, keepers.alone)) == list("5678")
    assert sorted(path.rsplit("/", 1)[1][0] for path in keepers.staying) == list("135678")
    two = find_keepers(found, per_group=2)
    assert (named(found, two.others), two.groups[1].why) == ("0", "all are kept")
    # A thousand seconds lie between the pictures, but their numbers are consecutive.
    assert find_keepers(found, "burst").groups == keepers.groups


def test_of_look_alikes_the_largest_is_kept(found):
    (group,) = find_keepers(found, "look-alike").groups
    assert named(found, group.images) == "678"
    assert group.prompt == ""
    assert group.images[0] == found.evaluation.ids[found.evaluation.best]
    # The size decided, so the scores are not too close to call, however close they are.
    assert (group.why, group.close) == ("more pixels than the next one listed", False)
    level = np.full(len(found.evaluation.ids), 50.0)
    same = replace(found.evaluation, scores={**found.evaluation.scores, found.evaluation.main: level})
    (group,) = find_keepers(replace(found, evaluation=same), "look-alike").groups
    assert (group.margin, group.close) == (0.0, False)
    damage = np.full(len(level), -1)
    damage[found.evaluation.place[image_of(found, "8")]] = 0
    suspected = replace(found.evaluation, damage=damage)
    (group,) = find_keepers(replace(found, evaluation=suspected), "look-alike", per_group=2).groups
    assert (named(found, group.images), group.why) == ("678", "the next one listed is suspected of damage")
    (group, *_) = find_keepers(replace(found, evaluation=same), "prompt").groups
    assert (group.why, group.close) == ("too close to call: the same score as the next one listed", True)


@pytest.mark.parametrize(
    ("main", "scores", "why"),
    [
        ("technical-9", (50.02, 50.01), "too close to call: the same score as the next one listed"),
        ("taste:mine", (99.99, 99.97), "the same score as the next one listed"),
        ("taste:mine", (50.02, 50.01), "too close to call: the same score as the next one listed"),
        ("taste:mine", (99.99, 99.92), "0.1 points above the next one listed"),
    ],
)
def test_scores_that_a_list_shows_as_equal_are_called_the_same(found, main, scores, why):
    values = np.full(len(found.evaluation.ids), 1.0)
    values[[found.evaluation.place[image_of(found, name)] for name in "34"]] = scores
    level = replace(found.evaluation, main=main, scores={main: values})
    assert find_keepers(replace(found, evaluation=level)).groups[1].why == why


def test_exact_copies_are_look_alikes_of_which_the_original_is_kept(pictures, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, source in (("a copy of 0.png", "0"), ("0.png", "0"), ("1.png", "1"), ("6 (1).png", "6"), ("6.png", "6")):
        shutil.copy(pictures / f"{source}.png", folder / name)
    shutil.copy(pictures / "7.png", folder / "7.png")
    shutil.copy(pictures / "7.png", folder / "7-copy.png")
    with Collection(tmp_path / "collection") as collection:
        evaluated = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
        keepers = find_keepers(evaluated, "look-alike")
        files = [
            [[Path(path).name for path in (one, *copies)] for one, copies in zip(g.paths, g.copies, strict=True)]
            for g in keepers.groups
        ]
        assert files == [[["0.png", "a copy of 0.png"]], [["6.png", "6 (1).png"], ["7.png", "7-copy.png"]]]
        assert [group.why for group in keepers.groups] == ["exact copies", "more pixels than the next one listed"]
        assert (len(keepers.kept), len(keepers.others), keepers.copies) == (2, 1, 3)
        assert (len(keepers.alone), len(keepers.staying)) == (1, 3)
        moves = moves_of_others(evaluated, keepers, [folder], tmp_path / "away")
        moved = ["6 (1).png", "7-copy.png", "7.png", "a copy of 0.png"]
        assert [move.target for move in moves] == [tmp_path / "away" / name for name in moved]
        # A group of two keeps both, and none of their copies.
        assert [move.source.name for move in moves_of_others(
            evaluated, find_keepers(evaluated, "look-alike", 2), [folder], tmp_path / "away"
        )] == ["6 (1).png", "7-copy.png", "a copy of 0.png"]  # fmt: skip
        # However pictures are listed, they have the names of the originals.
        ids = evaluated.evaluation.ids.tolist()
        named = first_paths(collection, evaluated.update.scan_number, ids)
        assert sorted(Path(path).name for path in named.values()) == ["0.png", "1.png", "6.png", "7.png"]
        facts = picture_facts(collection, evaluated.update.scan_number, ids)
        assert {image: one.path for image, one in facts.items()} == named
        without = find_keepers(evaluated, "look-alike", copies=False)
        assert [group.images for group in without.groups] == [keepers.groups[1].images]


def test_trust_comes_from_the_ratings_of_pairs(found):
    # By stars the picture that the score would keep of prompt a is the worst, and that of b the better one.
    rate(
        found.collection,
        "ann",
        {image_of(found, name): stars for name, stars in zip("12034", (1, 2, 3, 4, 3), strict=True)},
    )
    keepers = find_keepers(found, rater="ann")
    assert (keepers.trust.pairs, keepers.trust.groups, keepers.trust.concordance) == (4, 2, 0.25)
    assert keepers.trust_sentence.startswith("Not known yet how often it picks the one you prefer of two")
    assert "so far 4 pairs of 2 prompts" in keepers.trust_sentence
    for name in "12034":
        undo_rating(found.collection, "ann", image_of(found, name))
    assert "prefer of two pictures of one burst: give" in find_keepers(found, "burst", rater="ann").trust_sentence
    taste = replace(found.evaluation, main="taste:mine", scores={"taste:mine": found.evaluation.scores["technical-9"]})
    of_taste = find_keepers(replace(found, evaluation=taste), "burst")
    assert "of one prompt: this taste was learnt without" in of_taste.trust_sentence


def by_values(found, values):
    """The same pictures, evaluated by a judge of these values."""
    judged = JudgedPictures("judge:dark@1", values)
    return replace(
        found,
        judged=judged,
        evaluation=evaluate(found.collection, found.update.scan_number, judged.main, judged.scores),
    )


def test_the_judge_of_the_evaluation_chooses(found):
    values = np.full(len(found.evaluation.ids), np.nan)
    for name, value in zip("120", (1.0, 2.0, 2.0), strict=True):
        values[found.evaluation.place[image_of(found, name)]] = value
    keepers = find_keepers(by_values(found, values))
    same = "too close to call: the same score as the next one listed"
    assert (keepers.judge, keepers.groups[0].why) == ("judge:dark@1", same)
    assert named(found, keepers.groups[0].images)[2] == "1"
    # No picture of b has a value, so to keep one of them would be chance.
    assert keepers.groups[1].why == "none could be scored: all are kept"
    assert keepers.groups[1].kept == len(keepers.groups[1].images)
    # Among look-alikes the largest is kept, though only the smallest has a value here, or none, or all have better ones.
    for of_look_alikes in ((np.nan, np.nan, 1.0), (np.nan, np.nan, np.nan), (1.0, 3.0, 2.0)):
        for name, value in zip("678", of_look_alikes, strict=True):
            values[found.evaluation.place[image_of(found, name)]] = value
        (group,) = find_keepers(by_values(found, values), "look-alike").groups
        assert (named(found, group.images)[0], group.why) == ("6", "more pixels than the next one listed")
    with pytest.raises(CollectionError, match="No picture could be judged"):
        find_keepers(by_values(found, np.full(len(values), np.nan)))


@pytest.mark.parametrize(
    ("group", "per_group", "message"),
    [
        ("colour", 1, "Pictures cannot be grouped by 'colour': choose prompt, burst, folder, look-alike"),
        ("prompt", 0, "Expected 1 or more pictures to keep of each group, got 0"),
    ],
)
def test_wrong_groups_are_refused(found, group, per_group, message):
    with pytest.raises(CollectionError, match=message):
        find_keepers(found, group, per_group)


def test_corrections_are_remembered_and_can_be_undone(found):
    collection = found.collection
    six, seven, eight = (image_of(found, name) for name in "678")

    def again():
        return replace(
            found, evaluation=evaluate(collection, found.update.scan_number, found.judged.main, found.judged.scores)
        )

    mark = mark_distinct(collection, [six], [seven, eight])
    assert distinct_pictures(collection)[six] == {seven, eight}
    corrected = again()
    # The two others are near each other too.
    (group,) = find_keepers(corrected, "look-alike").groups
    assert named(found, group.images) == "78"
    assert named(found, corrected.evaluation.ids[corrected.evaluation.best].tolist()) == "7"
    every = mark_distinct(collection, [six, seven, eight])
    assert find_keepers(again(), "look-alike").groups == ()
    assert set(corrections(collection)) == {mark, every}
    assert undo_distinct(collection, every)
    assert not undo_distinct(collection, every)
    assert undo_distinct(collection, mark)
    assert (again().evaluation.group == found.evaluation.group).all()
    # Groups by prompt are corrected too.
    one, two, nought = (image_of(found, name) for name in "120")
    mark = mark_distinct(collection, [one], [two, nought])
    assert [named(found, group.images) for group in find_keepers(found).groups] == ["20", "34"]
    undo_distinct(collection, mark)
    for wrong in ([one], [], [one, one], [one, 999]):
        with pytest.raises(CollectionError, match=r"Expected at least two|There is no picture 999"):
            mark_distinct(collection, wrong)
    assert corrections(collection) == {}


def test_others_are_moved_with_their_texts_and_come_back(found, pictures, tmp_path):
    before = sorted(pictures.iterdir())
    moves = moves_of_others(found, find_keepers(found), [pictures], tmp_path)
    assert [move.target for move in moves] == [tmp_path / f"{name}.png" for name in "024"]
    cull(moves, tmp_path / "undo.jsonl")
    assert len(sorted(pictures.iterdir())) == len(before) - 6
    assert undo(tmp_path / "undo.jsonl") == (6, [])
    assert sorted(pictures.iterdir()) == before


def test_trust_of_a_taste_is_told_beside_its_keepers(found):
    taste = replace(found.evaluation, main="taste:mine", scores={"taste:mine": found.evaluation.scores["technical-9"]})
    learnt = SimpleNamespace(trust=Trust(USABLE, within=WithinGroups(0.71, 0.62, 0.79, 140, 25)))
    keepers = find_keepers(replace(found, evaluation=taste, judged=replace(found.judged, taste=learnt)), "look-alike")
    assert keepers.trust_sentence.startswith(
        "Of two pictures of one prompt it picks yours in 71 % (62 … 79); 140 pairs"
    )


def test_a_guessed_prompt_makes_no_group_and_offers_no_move(pictures, tmp_path):
    folder = shutil.copytree(pictures, tmp_path / "pictures")
    with Collection(tmp_path / "collection") as collection:
        guessed = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
        with collection.session("be written", write=True) as session:
            session.execute(update(MetadataRow).where(MetadataRow.prompt == "a").values(guessed=True))
        for way in ("prompt", "burst"):
            keepers = find_keepers(guessed, way)
            assert [group.prompt for group in keepers.groups] == ["b"]
            moves = moves_of_others(guessed, keepers, [folder], tmp_path / "away")
            assert [move.source.name for move in moves] == ["4.png"]
