"""Judging on a Ray cluster: the values of one machine."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from soart.errors import JudgeError, SoartError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.judges import ray_judging
from soart.pipelines.judges.catalogue import Catalogue
from soart.pipelines.judges.engines import judging_named
from soart.pipelines.judges.finding import guarded
from soart.pipelines.judges.guarded import GuardedJudge
from soart.pipelines.judges.ray_judging import judge_files
from soart.pipelines.models.request import DrawnPicture, Request
from soart.pipelines.scoring.pictures import StoredPictures
from soart.pipelines.support.ray_cluster import ray_connection
from soart.version import __version__

PROMPT = "a sharp picture of a boat in cool colors"
pytestmark = pytest.mark.usefixtures("no_cluster_of_others")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["redness", "acme_judge:Moody", "adherence"])
def test_judged_as_on_one_machine(cluster, package, tmp_path, monkeypatch, name):
    monkeypatch.setattr(ray_judging, "_MEASURED", 4)
    judge, again = guarded(name), guarded(name)
    results = []
    for engine, folder, judge_here in (("local", "here", judge), ("ray", "there", again)):
        with Collection(tmp_path / folder) as collection:
            rng = np.random.default_rng(0)
            drawn = [
                DrawnPicture(
                    Request(prompt, seed, width=64, height=64),
                    rng.integers(0, 256, (64, 64, 3), dtype=np.uint8),
                    None,
                    0.1,
                )
                for seed, prompt in enumerate([PROMPT, "a fox, neon colors", "a zorbly", "a boat, low contrast"] * 3)
            ]
            rows = collection.add_drawn(drawn, "m", "s")
            collection.locate(rows[-1]).write_bytes(b"gone bad")
            counted = []
            values, problems = judging_named(engine, 2)(StoredPictures(collection, rows), judge_here, counted.append)
            assert sum(counted) == len(rows)
            problems = sorted(problem.replace(str(tmp_path / folder), "") for problem in problems)
            assert values == collection.scores(judge_here.stored_name)
            results.append(([values.get(row.id) for row in rows], problems))
            # Nothing is left to judge but what cannot be read.
            with ray_connection(2):
                assert judging_named(engine, 2)(StoredPictures(collection, rows[:-1]), judge_here)[0] == values
    assert results[0] == results[1]
    values, problems = results[0]
    assert sum(value is not None for value in values) == {"redness": 11, "adherence": 8}.get(name, 6)
    assert len(problems) == 1 + (name != "redness")


def test_a_judge_without_a_name_stays_on_its_machine(package, tmp_path):
    import acme_judge

    with Collection(tmp_path / "c") as collection, pytest.raises(JudgeError, match="pass its name"):
        judging_named("ray")(StoredPictures(collection, []), GuardedJudge(acme_judge.ready))
    with pytest.raises(SoartError, match="engine"):
        judging_named("abacus")


def test_a_node_with_another_version_of_the_judge(package):
    with pytest.raises(JudgeError, match="in version '1', not '2'"):
        judge_files("redness", "2", __version__, [], [])


def test_a_worker_that_gave_up_a_judge_begins_anew(package, tmp_path, monkeypatch):
    """The cluster outlives a call, and so do its processes."""
    path = tmp_path / "one.png"
    Image.new("RGB", (40, 40), (200, 0, 0)).save(path)
    content = [(str(path), hashlib.sha256(path.read_bytes()).hexdigest()), (str(path), "0" * 64)]
    ray_judging._loaded.cache_clear()
    down = [True]

    def values(self, pictures):
        if down[0]:
            raise ConnectionError("the server is down")
        return [0.5] * len(pictures.ids)

    judge_class = type(Catalogue().judge("redness"))
    monkeypatch.setattr(judge_class, "values", values)
    first = judge_files("redness", "1", __version__, content[:1] * 2, ["", ""])
    assert "not used any more" in first.stopped
    down[0] = False
    again = judge_files("redness", "1", __version__, content, ["", ""])
    assert again.values.tolist() == pytest.approx([0.5, np.nan], nan_ok=True)
    assert not again.stopped
    # Another picture lies at the path of the second one.
    assert len(again.problems) == 1
    assert "no longer holds the picture" in again.problems[0]


@pytest.fixture
def files(tmp_path):
    """Path and hash of three pictures, the second one broken."""
    rng = np.random.default_rng(0)
    for number in range(3):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_bytes(b"nothing")
    paths = sorted(tmp_path.glob("*.png"))
    return [(str(path), hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]


def test_workers_measure_what_a_judge_of_items_needs(files):
    """Of adherence only the measurements that each prompt asks for."""
    judge = Catalogue().judge("technical")
    answer = judge_files("technical", judge.version, __version__, files, ["", "", ""])
    first, broken, last = answer.items
    assert (answer.values, broken, len(answer.problems)) == (None, {}, 1)
    assert "1.png" in answer.problems[0]
    assert [*first] == [judge.extractor.version]
    pixels = np.asarray(Image.open(files[2][0]))
    assert last[judge.extractor.version] == pytest.approx(judge.extractor.extract(pixels)[0], rel=1e-4, abs=1e-4)
    adherence = Catalogue().judge("adherence")
    told = judge_files("adherence", adherence.version, __version__, files[::2], ["warm colors", "a zorbly"])
    asked = adherence.needed("warm colors", (64, 64))
    assert {*told.items[0]} == {source.extractor.version for source in asked}
    assert asked
    assert told.items[1] == {}


def test_workers_judge_pixels_and_name_the_files_that_have_no_value(files, package):
    answer = judge_files("acme_judge:Moody", "1", __version__, files, ["a boat", "a boat", ""])
    assert answer.items == []
    assert len(answer.values) == 3
    assert np.isnan(answer.values[1])
    for those in answer.failed.values():
        assert {*those.names} <= {repr(path) for path, _ in files}


def test_people_and_tastes_stay_on_their_machine(collection, make_drawn):
    rows = collection.add_drawn([make_drawn(seed) for seed in range(2)], "m", "s")
    done, person = [], guarded("person:ann")
    assert judging_named("ray")(StoredPictures(collection, rows), person, done.append) == ({}, [])
    assert sum(done) == 2
