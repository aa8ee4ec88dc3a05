"""Parts of a collection that a person would name."""

import json
import re

import numpy as np
import pytest
from PIL import Image
from specimens.scanning import Here

from soart.pipelines.collection.results import replace_scores
from soart.pipelines.evaluation.correlates import find_associations
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.evaluation.summary import summarise, yardstick
from soart.pipelines.evaluation.trends import Trend
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.judges.catalogue import Catalogue
from soart.pipelines.judges.guarded import GuardedJudge
from soart.pipelines.judges.searching import Search


@pytest.fixture
def parts(collection, tmp_path):
    """24 pictures: a third red foxes by one model, a third grey knights with a LoRA, the rest in a folder, without a prompt."""
    rng = np.random.default_rng(0)
    for number in range(24):
        kind = number // 8
        folder = tmp_path / "art" / ("old ships" if kind == 2 else "new")
        folder.mkdir(parents=True, exist_ok=True)
        texture = rng.integers(0, 60, (96, 96, 1)) + np.array([(170, 0, 0), (100, 100, 100), (60, 90, 60)][kind])
        path = folder / f"{'cutty-' * (kind == 2)}{number:02}.png"
        Image.fromarray(texture.astype(np.uint8)).save(path)
        told = {"prompt": f"knights <lora:glow:1>, watercolor, {number}" if kind else f"a fox number {number}"}
        if kind < 2:
            path.with_suffix(".json").write_text(json.dumps(told | ({} if kind else {"model": "one"})))
    return sync_and_evaluate(collection, Scan([tmp_path / "art"]), Here(), "technical", faces=True)


def test_parts_have_names_that_a_search_finds(parts):
    found = {(part.kind, part.name): part for part in parts.evaluation.parts}
    counts = {key: part.pictures for key, part in found.items()}
    named = {"model": ["one"], "LoRA": ["glow"], "subject": ["fox", "knight", "ship"], "file name": ["cutty"]}
    named["look"] = ["watercolor", "red tones", "black and white"]
    expected = {(kind, name): 8 for kind, names in named.items() for name in names} | {("size", "96 × 96"): 24}
    assert {key: counts.get(key) for key in expected} == expected
    assert not {("look", "one face"), ("subject", "number")} & counts.keys()
    assert set(parts.evaluation.faces.tolist()) == {0}
    judge = GuardedJudge(Catalogue().judge("adherence"))
    rows = parts.collection.images()
    for kind, name in [*expected][:6]:
        hits, _ = Search.of(found[kind, name].words, lambda _: judge).find(parts.collection, rows)
        assert {hit.row.id for hit in hits} >= {*found[kind, name].best}, name
    lines = "\n".join(summarise(parts).lines(5))
    expected = "Models: one 8, mean #\nLoRAs: glow 8, mean #\nFile names: cutty 8, mean #\nSubjects: fox 8, mean #; "
    assert (expected in re.sub(r"(?<=mean )[\d.]+", "#", lines), "Looks: " in lines) == (True, True)


def test_words_of_file_names_are_compared_within_folders(collection, tmp_path):
    for number in range(16):
        path = tmp_path / "art" / f"prompt {number // 2}" / f"{('glid3', 'midj')[number % 2]}-1.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.linear_gradient("L").rotate(9 * number).convert("RGB").save(path)
    evaluated = sync_and_evaluate(collection, Scan([tmp_path / "art"]), Here(), "technical")
    summary = summarise(evaluated)
    means = [part.score for part, _ in summary.prompts]
    assert (len(means), means, summary.prompted) == (8, sorted(means, reverse=True), "folder")
    assert all(part.best[0] == one.id and part.name in one.path for part, (one,) in summary.prompts)
    assert [line.split(":")[0] for line in summary.lines(5) if "folders:" in line] == ["Best folders", "Worst folders"]
    ids = {row.id: float(row.path.endswith("midj-1.png")) * 50 + row.id % 3 for row in collection.images()}
    replace_scores(collection, "planted", ids, {})
    found = {one.value: one for one in find_associations(collection, evaluated.update.scan_number, "planted")}
    assert [one.low > 40 for one in found.values()] == [name == "midj" for name in found] == [False, True]
    assert (found["midj"].kind, found["midj"].words, found["midj"].within) == ("file name", "midj", 8)


def test_numbers_have_a_yardstick():
    assert "yours beat 45 of 100 on average, fewer than the usual 50" in yardstick("overall-12", 45.1)
    assert "as many as usual" in yardstick("overall-12", 51)
    assert "below 50" in yardstick("blur-8", 60)
    assert "2 of 100" in yardstick("technical-9", 60)
    assert yardstick("taste:mine", 60) == yardstick("judge:clip@1", 0.3) == yardstick("overall-12", float("nan")) == ""


def test_bins_have_labels_in_words():
    trend = Trend("date", 8, 0.5, 0.1, 0.9, ())
    assert (trend.label(0, 366), trend.clear) == ("1970-01-01 … 1971-01-02", True)
    assert Trend("pixels", 8, 0.0, -0.1, 0.1, ()).label(262_144, 262_144) == "0.26 Mpx"
