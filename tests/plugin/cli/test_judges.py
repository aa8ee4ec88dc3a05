"""A judge of somebody else's package through the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import soart as api
from soart.metrics.tastes.overall import OverallJudge
from soart.pipelines.collection.collection import Collection
from soart.pipelines.judges import ray_judging
from soart.pipelines.judges.storing import judge_pictures
from soart.pipelines.scoring.taste_store import tastes_of
from soart.training.captions import Scene
from soart.training.render import render


def redness(path):
    pixels = np.asarray(Image.open(path)).astype(float)
    return pixels[..., 0].sum() / pixels.sum()


@pytest.fixture
def folder(tmp_path, paint):
    return paint(tmp_path / "pictures", 6, 3, vivid=True)


def draw(folder, count):
    folder.mkdir()
    for number in range(count):
        scene = Scene(("boat", "fox", "owl", "house")[number % 4], "warm", "flat", ("sharp", "noisy")[number % 3 % 2])
        Image.fromarray(render(scene, np.random.default_rng(number))).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text("a scene")


def test_a_judge_of_pixels_alone_needs_no_network(soart, package, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(OverallJudge, "load", None)
    assert soart("rank", folder, "--by", "redness", "--alike")[0] == 0
    drawn = ("generate", "a fox", "--count", 2, "--steps", 2, "--collection", tmp_path / "c")
    assert soart(*drawn, "--by", "redness")[0] == 0


def test_rank_by_a_judge(soart, package, folder):
    code, out, _ = soart("rank", folder, "--by", "redness", "--json")
    assert code == 0
    facts = json.loads(out)
    assert facts["by"] == "judge:redness@1"
    assert [Path(r["path"]).name for r in facts["ranking"]] == [
        path.name for path in sorted(folder.iterdir(), key=redness, reverse=True)
    ]
    assert facts["ranking"][0]["score"] == pytest.approx(max(map(redness, folder.iterdir())), abs=1e-4)
    code, out, _ = soart("rank", folder, "--by", "redness", "--by", "blur", "--by", "redness:x=0.5", "--top", 2)
    assert code == 0
    assert "redness:x 0." in out
    for wrong, message in (("redness=a", "expected NAME or NAME=WEIGHT"), ("redness=-1", "NAME=WEIGHT")):
        code, _, err = soart("rank", folder, "--by", wrong)
        assert code in (1, 2)
        assert message in err
    code, _, err = soart("rank", folder, "--by", "nobody")
    assert code == 1
    assert "There is no judge 'nobody'" in err


def test_the_engine_of_rank_runs_its_judges(soart, package, folder, monkeypatch):
    """``rank`` hands its judges to the cluster; judging there is tested with the engines."""
    asked = []

    def judged(pictures, judge, progress, workers):
        asked.append((len(pictures.rows), judge.named, workers))
        return judge_pictures(pictures, judge, progress)

    monkeypatch.setattr(ray_judging, "judge_on_cluster", judged)
    found = [
        json.loads(soart("rank", folder, "--by", "redness", "--json", *more)[1])
        for more in ((), ("--set", "engine=ray"))
    ]
    assert found[0] == found[1]
    assert asked == [(6, "redness", None)]
    assert soart("rank", folder, "--set", "engine=abacus", "--by", "redness")[0] == 2


def test_generate_and_tune_by_a_judge(soart, package, tmp_path):
    code, out, _ = soart(
        "generate", "a {boat|fox}", "-n", 3, "--steps", 2, "--by", "redness", "--collection", tmp_path / "c", "--json"
    )
    assert code == 0
    assert json.loads(out)["by"] == "judge:redness@1"
    with Collection(tmp_path / "c") as collection:
        assert len(collection.scores("judge:redness@1")) == 3
    space = tmp_path / "space.yaml"
    space.write_text("template: a boat in {palette} colors\nslots:\n  palette: [warm, cool, neon]\n  steps: ['3']\n")
    code, out, _ = soart(
        "tune", space, "--budget", 6, "--batch", 3, "--by", "redness", "--collection", tmp_path / "t", "--json"
    )
    assert code == 0
    facts = json.loads(out)
    assert facts["goal"] == {"judge:redness@1": 1.0}
    with Collection(tmp_path / "t") as collection:
        sound = {row.id for row in collection.images() if not row.problem}
        assert set(collection.scores("judge:redness@1")) == sound
    assert facts["pictures"] == len(sound)


def test_evaluate_with_a_judge(soart, package, folder, tmp_path):
    table = tmp_path / "out.json"
    command = ("evaluate", folder, "--by", "technical", "--by", "redness=0", "--export", table, "--set", "workers=1")
    code, out, _ = soart(*command)
    assert code == 0
    assert "judge: redness: 6 pictures, mean 0." in out
    rows = json.loads(table.read_text())
    assert [row["score:judge:redness@1"] for row in rows] == pytest.approx(
        [redness(row["path"]) for row in rows], abs=1e-6
    )
    code, out, _ = soart(*command, "--json")
    assert json.loads(out)["judges"]["judge:redness@1"]["pictures"] == 6


def test_doctor_lists_judges(soart, package):
    _, out, _ = soart("doctor")
    assert "judge redness: version 1, from acme-judge 2.5" in out
    assert "missing  judge broken: from acme-judge 2.5 → The judge 'broken' cannot be loaded" in out
    assert "judge pyiqa:METRIC" in out
    assert "forbids commercial use" in out


def test_judges_are_listed_as_they_are_named(soart, package):
    listed = {one["name"]: one for one in json.loads(soart("list", "judges", "--json")[1])["judges"]}
    usages = {name: one["usage"] for name, one in listed.items()}
    assert {name: usages[name] for name in ("overall", "clip", "pyiqa", "redness")} == {
        "overall": "overall", "clip": "clip[:HUB_ID|FOLDER]", "pyiqa": "pyiqa:METRIC", "redness": "redness",
    }  # fmt: skip
    assert "clip[:HUB_ID|FOLDER]" in soart("list", "judges")[1]


def test_tastes_of_a_collection_judge_its_pictures(soart, tmp_path):
    folder, other = tmp_path / "art", tmp_path / "other"
    draw(folder, 8)
    draw(other, 8)
    pictures = [api.read_image(path).pixels for path in sorted(folder.glob("*.png"))]
    taste = api.learn_from_pictures("mine", good=pictures[:4], bad=pictures[4:], network=None)
    soart("evaluate", folder, "--collection", tmp_path / "kept", "--by", "technical")
    tastes_of(tmp_path / "kept").save(taste)
    code, out, _ = soart("rank", tmp_path / "kept", "--by", "mine", "--json")
    assert (code, json.loads(out)["by"]) == (0, "taste:mine")
    code, out, _ = soart("evaluate", folder, "--collection", tmp_path / "kept", "--by", "mine", "--json")
    assert (code, json.loads(out)["by"]) == (0, "taste:mine")
    code, _, err = soart("rank", other, "--by", "mine")
    assert (code, "There is no judge 'mine'" in err) == (1, True)
