"""A collection and a taste of before still open, rank and score as they did."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.tastes.taste_files import load_taste
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import comparisons
from soart.pipelines.collection.queries import metadata_of, title_of
from soart.pipelines.collection.ratings import ratings, ratings_of_picture
from soart.pipelines.collection.tables import DerivedRow
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.roots import known_roots
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.ingest.sync import sync
from soart.pipelines.judges.finding import guarded
from soart.pipelines.judges.ranking import rank
from soart.pipelines.judges.storing import score_all
from soart.pipelines.scoring.collection_tastes import CollectionTastes
from soart.pipelines.scoring.pictures import StoredPictures
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.scoring.taste_store import TasteStore, tastes_of

FOLDER = Path(__file__).parents[2] / "assets" / "stored"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())


@pytest.fixture
def stored(tmp_path):
    shutil.copytree(FOLDER / "collection", tmp_path / "collection")
    with Collection(tmp_path / "collection") as collection:
        yield collection


@pytest.fixture(scope="module")
def taste_judge():
    return TasteJudge.of(load_taste(FOLDER / "taste.safetensors"))


def by_digest(collection, judge):
    scores = collection.scores(judge)
    return [scores[row.id] for row in collection.images()]


def test_pictures_ratings_and_metadata_are_read(stored):
    rows = stored.images()
    first, last = rows[0], rows[-1]
    assert [row.sha256 for row in rows] == EXPECTED["pictures"]
    assert stored.locate(first).is_file()
    assert (first.generation.prompt, first.generation.negative, last.generation) == ("vivid boat 0", "blurry", None)
    metadata = metadata_of(stored, [last.id])[last.id]
    assert (title_of(last, metadata), metadata.seed, metadata.guidance) == ("a red fox", "12345678901234567890", 7)
    assert ratings(stored, "ann") == {row.id: 2 if k % 2 else 5 for k, row in enumerate(rows[:8])}
    assert ratings_of_picture(stored, rows[4].id) == {"ann": 5, "bob": 4}
    assert comparisons(stored, "ann") == [(rows[8].id, rows[9].id), (first.id, rows[1].id)]


def test_scores_and_items_are_those_that_were_stored(stored):
    technical = TechnicalJudge.load()
    assert by_digest(stored, technical.stored_name) == EXPECTED["technical"]
    here = [row for row in stored.images() if stored.locate(row).is_file()]
    assert len(here) == 10
    ranking, problems = rank(StoredPictures(stored, here), [(guarded(technical), 1.0)])
    assert problems == []
    scores = dict(zip(EXPECTED["pictures"], EXPECTED["technical"], strict=True))
    assert {picture.row.sha256: picture.score for picture in ranking} == pytest.approx(
        {row.sha256: scores[row.sha256] for row in here}, rel=1e-9
    )


def test_a_taste_opens_with_its_report_and_its_other_tastes(stored, taste_judge):
    taste = taste_judge.taste
    assert (taste.version, taste.trust.sentence, taste.method) == (EXPECTED["version"], EXPECTED["trust"], "mixture")
    assert (taste.prior_names, taste.rater) == (("technical", "others", "taste:bobs"), "ann")
    assert (taste.alone.prior_names, taste.tastes[0].name) == (("technical", "taste:bobs"), "bobs")
    items = np.stack([stored.items(taste.version, [row.id])[row.id] for row in stored.images()]).astype(float)
    assert taste.score(items).tolist() == pytest.approx(EXPECTED["without_others"], rel=1e-9)
    assert taste.liking(items).tolist() == pytest.approx(EXPECTED["liking"], rel=1e-9)


def test_a_blend_of_before_opens_with_its_values(stored):
    (stored.folder / "tastes").mkdir()
    shutil.copy(FOLDER / "blend.safetensors", tastes_of(stored.folder).place("both"))
    tastes, expected = CollectionTastes(stored, TasteStore(stored.folder / "none")), EXPECTED["blend"]
    taste = tastes.load("both")
    assert (taste.method, taste.trust.sentence) == (expected["method"], expected["trust"])
    items = np.stack([stored.items(taste.version, [row.id])[row.id] for row in stored.images()]).astype(float)
    assert taste.liking(items).tolist() == pytest.approx(expected["liking"], rel=1e-9)
    assert taste.percentile(taste.liking(items)).tolist() == pytest.approx(expected["percentiles"])
    ranking, _ = rank(StoredPictures(stored, stored.images()), [(guarded("both", tastes), 1.0)])
    scores = dict(zip(EXPECTED["pictures"], expected["scores"], strict=True))
    assert {one.row.sha256: one.score for one in ranking} == pytest.approx(scores, rel=1e-9)


def test_stored_items_rank_by_a_taste_without_reading_pictures(stored, taste_judge):
    ranking, problems = rank(StoredPictures(stored, stored.images()), [(guarded(taste_judge), 1.0)])
    assert problems == []
    scores = dict(zip(EXPECTED["pictures"], EXPECTED["taste"], strict=True))
    assert [r.row.sha256 for r in ranking] == sorted(scores, key=lambda digest: -scores[digest])


def test_taste_scores_as_recorded(stored, taste_judge):
    assert taste_judge.stored_name == "taste:vivid"
    assert by_digest(stored, "taste:vivid") == EXPECTED["taste"]
    stored.set_scores("taste:vivid", dict.fromkeys(stored.ids(), 0.0))
    assert score_all(stored, taste_judge, stored_items_only=True) == (12, [])
    assert by_digest(stored, "taste:vivid") == pytest.approx(EXPECTED["taste"], rel=1e-9)


def test_evaluations_of_before_are_made_again(stored, tmp_path):
    with stored.session("be read") as session:
        before = {row.name: row.value for row in session.scalars(select(DerivedRow))}
    assert {name.partition(",")[0] for name in before} == {"evaluation:technical-9", "evaluation:taste:vivid"}
    found = sync_and_evaluate(
        stored, Scan([tmp_path / "collection" / "images"]), LocalEngine(1), "technical"
    ).evaluation
    # The album of two more is elsewhere.
    assert sorted(found.ids) == stored.ids()[:10]
    assert found.packed() not in before.values()


def test_the_folders_are_scanned_again(stored, tmp_path):
    assert known_roots(stored) == [Path("/tmp/art/album")]
    update = sync(stored, Scan([tmp_path / "collection" / "images"]), LocalEngine(1))
    # The folder is elsewhere, but its pictures are known.
    assert (update.scan_number, update.found, update.recognised) == (3, 10, 10)
    again = sync(stored, Scan([tmp_path / "collection" / "images"]), LocalEngine(1))
    assert (again.found, again.unchanged, again.looked) == (10, 10, 0)
