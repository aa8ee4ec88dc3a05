import pytest

from soart.metrics.protocols import Measures
from soart.pipelines.collection.collection import Collection
from soart.pipelines.ingest.scan import find_pictures
from soart.pipelines.scoring.measuring import import_pictures
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.tastes import learning as tastes


@pytest.fixture(scope="module")
def folders(tmp_path_factory, paint):
    root = tmp_path_factory.mktemp("pictures")
    return paint(root / "good", 7, 1, vivid=True), paint(root / "bad", 7, 2, vivid=False)


@pytest.fixture(scope="module")
def learnt(folders):
    with Collection(None) as collection:
        return tastes.learn("vivid", collection, tastes.Sources([folders[0]], {"grey": [folders[1]]}))


@pytest.fixture(scope="module")
def judge(learnt):
    return TasteJudge.of(learnt.taste)


@pytest.fixture
def rated(tmp_path, paint):
    """A collection with files, measured, some rated by two raters."""
    collection = Collection(tmp_path / "c")
    files, _ = find_pictures([paint(tmp_path / "v", 10, 3, vivid=True), paint(tmp_path / "g", 10, 4, vivid=False)])
    rows, _ = import_pictures(collection, sorted(files), Measures(tastes.taste_extractor()))
    vivid = {row.id: "/v/" in row.path for row in rows}
    yield collection, rows, vivid
    collection.close()
