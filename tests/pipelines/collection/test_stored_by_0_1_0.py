"""Data written by soart 0.1.0, before its modules moved, still open, rank and score as they did."""

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from soart.metrics.tastes.profile_files import load_taste
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import comparisons
from soart.pipelines.collection.queries import metadata_of, title_of
from soart.pipelines.collection.ratings import ratings, ratings_of_picture
from soart.pipelines.collection.tables import DerivedRow
from soart.pipelines.evaluation.result import Evaluation
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.roots import known_roots
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.ingest.sync import sync
from soart.pipelines.judges.finding import guarded
from soart.pipelines.judges.ranking import rank
from soart.pipelines.judges.rescoring import score_all
from soart.pipelines.scoring.pictures import StoredPictures
from soart.pipelines.scoring.taste_scorer import TasteScorer

FOLDER = Path(__file__).parents[2] / "assets" / "0.1.0"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())


@pytest.fixture
def stored(tmp_path):
    shutil.copytree(FOLDER / "collection", tmp_path / "collection")
    with Collection(tmp_path / "collection") as collection:
        yield collection


@pytest.fixture(scope="module")
def taste_scorer():
    return TasteScorer.of(load_taste(FOLDER / "taste.safetensors"))


def by_digest(collection, profile):
    scores = collection.scores(profile)
    return [scores[row.id] for row in collection.images()]


def test_pictures_ratings_and_metadata_are_read(stored):
    boat, grey, fox = stored.images()
    assert [row.sha256 for row in (boat, grey, fox)] == EXPECTED["pictures"]
    assert stored.locate(boat).is_file()
    assert (boat.generation.prompt, grey.generation.negative, fox.generation) == ("a vivid boat", "blurry", None)
    metadata = metadata_of(stored, [fox.id])[fox.id]
    assert (title_of(fox, metadata), metadata.seed, metadata.guidance) == ("a red fox", "12345678901234567890", 7)
    assert ratings(stored, "ann") == {boat.id: 5, grey.id: 2}
    assert ratings_of_picture(stored, fox.id) == {"ann": 0, "bob": 4}
    assert comparisons(stored, "ann") == [(boat.id, grey.id), (boat.id, fox.id)]


def test_pictures_are_measured_anew_for_the_technical_score_and_nothing_stored_is_lost(stored, scorer):
    before = stored.scores("technical-2")
    ranking, problems = rank(StoredPictures(stored, stored.images()), [(guarded(scorer), 1.0)])
    # The file of the third picture is elsewhere, so it cannot be measured.
    here = [row.sha256 for row in stored.images() if stored.locate(row).is_file()]
    assert sorted(ranked.row.sha256 for ranked in ranking) == sorted(here)
    assert len(problems) == len(stored.images()) - len(here) == 1
    assert stored.scores("technical-2") == before
    assert by_digest(stored, "technical-2") == pytest.approx(EXPECTED["technical"], rel=1e-9)


def test_stored_items_rank_by_a_taste_without_reading_pictures(stored, taste_scorer):
    ranking, problems = rank(StoredPictures(stored, stored.images()), [(guarded(taste_scorer), 1.0)])
    assert problems == []
    scores = dict(zip((row.sha256 for row in stored.images()), EXPECTED["taste"], strict=True))
    assert [r.row.sha256 for r in ranking] == sorted(scores, key=lambda digest: -scores[digest])


def test_taste_scores_as_recorded(stored, taste_scorer):
    assert taste_scorer.stored_name == "taste:vivid"
    assert by_digest(stored, "taste:vivid") == EXPECTED["taste"]
    stored.set_scores("taste:vivid", dict.fromkeys(stored.ids(), 0.0))
    assert score_all(stored, taste_scorer, stored_items_only=True) == (3, [])
    assert by_digest(stored, "taste:vivid") == pytest.approx(EXPECTED["taste"], rel=1e-9)


def test_evaluation_is_read(stored):
    with stored.session("be read") as session:
        [row] = session.scalars(select(DerivedRow))
    assert row.name.startswith("evaluation:taste:vivid,technical-2,")
    evaluation = Evaluation.unpacked(row.value)
    assert sorted(evaluation.ids) == stored.ids()
    assert evaluation.packed() == row.value


def test_the_folders_are_scanned_again(stored, tmp_path):
    assert known_roots(stored) == [Path("/tmp/art/album")]
    update = sync(stored, Scan([tmp_path / "collection" / "images"]), LocalEngine(1))
    # The folder is elsewhere, and items have a new version: every picture is measured once, and recognised then.
    assert (update.scan_number, update.found, update.recognised, update.looked) == (2, 2, 0, 2)
    again = sync(stored, Scan([tmp_path / "collection" / "images"]), LocalEngine(1))
    assert (again.found, again.unchanged, again.looked) == (2, 2, 0)
