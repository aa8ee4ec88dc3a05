"""Near-duplicates of a collection, and the comparisons that it keeps."""

import io

import numpy as np
import pytest
from specimens.scanning import Here
from sqlalchemy import text

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.tables import DerivedRow
from soart.pipelines.evaluation import near_duplicates
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.ingest.scan import Scan


@pytest.fixture
def folder(tmp_path, scene):
    """Two copies each of three pictures."""
    folder = tmp_path / "art"
    folder.mkdir()
    for number in range(6):
        scene(number // 2).resize((96 - number % 2, 96)).save(folder / f"{number}.png")
    return folder


def evaluated(collection, folder):
    return sync_and_evaluate(collection, Scan([folder]), Here(), "technical").evaluation


def stored(collection):
    """The stored digests and the number of pairs; None if nothing is stored."""
    with collection.session("be read") as session:
        row = session.get(DerivedRow, "compared")
        if row is None:
            return None
        with np.load(io.BytesIO(row.value)) as content:
            return len(content["digests"]), len(content["pairs"])


def test_comparisons_of_pictures_that_are_gone_are_not_kept(tmp_path, folder, scene):
    with Collection(tmp_path / "collection") as collection:
        evaluated(collection, folder)
        digests, pairs = stored(collection)
        assert digests == 6
        assert pairs >= 3
        for number in range(4):
            (folder / f"{number}.png").unlink()
        scene(2).resize((94, 96)).save(folder / "new.png")
        assert evaluated(collection, folder).group.max() == 0
        assert stored(collection) == (3, 3 - 1)


def test_comparisons_that_cannot_be_stored_do_not_end_the_evaluation(tmp_path, folder):
    with Collection(tmp_path / "collection") as collection:
        with collection.session("be written", write=True) as session:
            session.execute(
                text(
                    "CREATE TRIGGER refuse BEFORE INSERT ON derived WHEN new.name = 'compared' "
                    "BEGIN SELECT RAISE(ABORT, 'string or blob too big'); END"
                )
            )
        assert evaluated(collection, folder).group.max() == 2
        assert stored(collection) is None


def test_too_many_comparisons_are_not_stored(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(near_duplicates, "_MOST", 2)
    with Collection(tmp_path / "collection") as collection:
        assert evaluated(collection, folder).group.max() == 2
        assert stored(collection) is None
