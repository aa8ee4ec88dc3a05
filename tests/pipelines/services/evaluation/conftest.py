"""Services of evaluation on an untidy collection."""

import pytest
from specimens.evaluating import finish
from specimens.scanning import Here

from soart.pipelines.collection.collection import Collection
from soart.pipelines.scoring.collection_tastes import CollectionTastes
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.services.evaluation import EvaluationService
from soart.pipelines.support.background import Jobs


@pytest.fixture
def collection(request, make_measured, make_evaluated, tmp_path):
    """Evaluated before, where a test begins with an evaluation."""
    make = make_evaluated if "service" in request.fixturenames else make_measured
    with Collection(make(tmp_path / "untidy")) as found:
        yield found


@pytest.fixture
def open_service(collection, tmp_path):
    """Services of one server after the other."""
    opened = []

    def make():
        opened.append(Jobs())
        return EvaluationService(
            collection, CollectionTastes(collection, TasteStore(tmp_path / "user")), opened[-1], Here()
        )

    yield make
    for jobs in opened:
        jobs.close()


@pytest.fixture
def service(open_service):
    found = open_service()
    finish(found, found.evaluate())
    return found
