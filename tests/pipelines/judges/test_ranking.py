import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage, stats

from soart.metrics.damage.fitness import JudgesItems
from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.percentiles import percentiles
from soart.metrics.tastes.overall import OverallJudge
from soart.pipelines.collection.collection import Collection
from soart.pipelines.ingest import lookup
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.scan import find_pictures
from soart.pipelines.judges.finding import guarded, judges_for
from soart.pipelines.judges.ranking import best_of, rank
from soart.pipelines.scoring.measuring import measure, open_pictures, stored_items
from soart.pipelines.scoring.pictures import StoredPictures
from soart.training.captions import Scene
from soart.training.render import render


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30))
def test_percentiles_against_scipy(values):
    scores = np.array(values, float)
    expected = [stats.percentileofscore(scores, s, "mean") for s in scores]
    assert np.allclose(percentiles(scores), expected)


@pytest.fixture
def folder(tmp_path):
    """Four sharp scenes, and each one blurred."""
    rng = np.random.default_rng(0)
    for i, subject in enumerate(("boat", "fox", "owl", "house")):
        clean = render(Scene(subject, "warm", "flat", "sharp"), rng)
        Image.fromarray(clean).save(tmp_path / f"sharp{i}.png")
        blurred = ndimage.gaussian_filter(clean.astype(float), (2.5, 2.5, 0)).astype(np.uint8)
        Image.fromarray(blurred).save(tmp_path / f"blurred{i}.png")
    return tmp_path


def ranked_folder(folder):
    with Collection(None) as collection:
        files, problems = find_pictures([folder])
        for file in files:
            collection.add_file(file)
        return rank(StoredPictures(collection, collection.images()), judges_for("technical")), problems


def test_sharp_before_blurred(folder):
    (ranking, problems), missing = ranked_folder(folder)
    assert problems == missing == []
    assert [r.place for r in ranking] == list(range(1, 9))
    assert all(r.path.name.startswith("sharp") for r in ranking[:4])
    assert ranking[0].percentile > 90 > 10 > ranking[-1].percentile
    for one in ranking:
        lifts = [reason.contribution > 0 for reason in one.reasons]
        assert 1 <= len(one.reasons) <= 3
        assert lifts[0] == (one.place <= 4)
        assert lifts.count(lifts[0]) <= 2
        assert set(one.reasons) <= set(one.parts)
    references = [one.score - sum(part.contribution for part in one.parts) for one in ranking]
    assert references == pytest.approx([references[0]] * 8)
    assert np.log(references[0]) == pytest.approx(np.mean([np.log(one.score) for one in ranking]))


def test_a_picture_alone_is_compared_with_the_usual_one(folder):
    (ranking, _), _ = ranked_folder(folder / "blurred0.png")
    assert any(reason.text.startswith("blurred") for reason in ranking[0].reasons)
    assert not any("of these" in part.text for part in ranking[0].parts)


def test_second_ranking_reads_no_picture(folder, judge):
    with Collection(folder / "c") as collection:
        rows = [collection.add_file(p)[0] for p in sorted(folder.glob("*.png"))]
        first, _ = rank(StoredPictures(collection, rows), judges_for("technical"))
        for path in folder.glob("*.png"):
            path.unlink()
        second, problems = rank(StoredPictures(collection, rows), judges_for("technical"))
    assert problems == []
    assert [r.score for r in first] == [r.score for r in second]


def test_unreadable_and_problem_pictures_are_named(collection, make_drawn, judge):
    good, gone, black = collection.add_drawn(
        [make_drawn(1), make_drawn(2), make_drawn(3, problem="all black")], "m", "D"
    )
    collection.locate(gone).unlink()
    ranking, problems = rank(StoredPictures(collection, collection.images()), judges_for("technical"))
    assert [r.row.id for r in ranking] == [good.id]
    assert ranking[0].percentile == 50.0
    assert len(problems) == 2
    assert "all black" in problems[0]
    assert "cannot be read" in problems[1]
    assert collection.scores(judge.stored_name).keys() == {good.id}
    assert black.id not in collection.scores(judge.stored_name)


@pytest.mark.parametrize("alike", [True, False])
def test_reasons_are_computed_for_the_best_alone_if_no_more_are_wanted(collection, make_drawn, judge, alike):
    class Counting(JudgesItems):
        """The judge, which counts the pictures that it explains."""

        name, version, stored_name = judge.name, judge.version, judge.stored_name
        extractor, score, pictures = judge.extractor, judge.score, 0

        def explain(self, items, among=None):
            self.pictures += len(items)
            return judge.explain(items, among)

    collection.add_drawn([make_drawn(i) for i in range(6)], "m", "s")
    everything, _ = rank(StoredPictures(collection, collection.images()), [(guarded(judge), 1.0)], alike=alike)
    counting = Counting()
    best, _ = rank(
        StoredPictures(collection, collection.images()), [(guarded(counting), 1.0)], alike=alike, explained=2
    )
    assert counting.pictures == 2
    assert [picture.path for picture in best] == [picture.path for picture in everything]
    # Sums of other numbers of pictures may differ in their last digit.
    shown, whole = best_of(best, 2, alike=alike), best_of(everything, 2, alike=alike)
    for some, full in zip(shown, whole, strict=True):
        assert [reason.text for reason in some.reasons] == [reason.text for reason in full.reasons]
        assert [r.contribution for r in some.reasons] == pytest.approx([r.contribution for r in full.reasons])
    assert all(picture.reasons for picture in everything)
    assert sum(bool(picture.reasons) for picture in best) == 2


def test_nothing_to_rank(collection):
    assert rank(StoredPictures(collection, collection.images()), judges_for("technical")) == ([], [])


def test_measure_stores_as_it_goes(collection, make_drawn, judge):
    rows = collection.add_drawn([make_drawn(i, size=8) for i in range(40)], "m", "D")
    seen = []

    def stop(done):
        seen.append(done)
        if sum(seen) == 35:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(collection, rows, judge, progress=stop)
    assert len(collection.items(judge.extractor.version, [r.id for r in rows])) == 32


@pytest.mark.parametrize("judge_class", [TechnicalJudge, OverallJudge])
def test_processes_of_an_engine_measure_what_this_one_measures(folder, judge_class, monkeypatch, tmp_path_factory):
    judge = judge_class.load()
    (folder / "zz.png").write_bytes((folder / "sharp0.png").read_bytes())
    (folder / "broken.png").write_bytes(b"no picture")
    monkeypatch.setattr(lookup, "MANY", 2)
    done: list[int] = []
    alone, here, expected = open_pictures([folder], judge)
    # Another user, who has measured nothing.
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
    together, rows, problems = open_pictures([folder], judge, done.append, engine=LocalEngine(2))
    with alone, together:
        assert problems == expected
        assert len(problems) == 2
        assert [(row.path, row.sha256, row.width, row.height) for row in rows] == [
            (row.path, row.sha256, row.width, row.height) for row in here
        ]
        assert sum(done) == 10
        first, second = (
            rank(StoredPictures(collection, of), [(guarded(judge), 1.0)])[0]
            for collection, of in ((alone, here), (together, rows))
        )
        assert [one.path for one in first] == [one.path for one in second]
        assert np.allclose([one.score for one in first], [one.score for one in second], atol=1e-3)
        assert set(stored_items(together, judge.extractor, [row.id for row in rows])) == {row.id for row in rows}


def test_items_that_no_process_can_measure_are_measured_here(folder, monkeypatch):
    class Brightness:
        names, version = ("mean",), "brightness-1"

        def extract(self, images):
            return np.array([[np.mean(images)]])

    class Scorer:
        extractor = Brightness()

    monkeypatch.setattr(lookup, "MANY", 2)
    engine = LocalEngine(2)
    monkeypatch.setattr(LocalEngine, "inspect", None)
    collection, rows, problems = open_pictures([folder], Scorer(), engine=engine)
    with collection:
        assert len(rows) == len(collection.items("brightness-1", [row.id for row in rows])) == 8
        assert problems == []
