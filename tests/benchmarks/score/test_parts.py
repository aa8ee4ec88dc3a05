"""Pictures by generators with opinions are read from clones as their authors laid them out."""

import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from soart.benchmarks.data.ai_pictures import SHEETS, ai_pictures, tiles_of
from soart.benchmarks.data.styles import LOOKS, with_look
from soart.benchmarks.score.parts import agreement, halvings_at, right_pairs, scores_of
from soart.metrics.tastes.appeal import appeal_model
from soart.metrics.tastes.overall import POWER, SHARES, OverallJudge, alike_of, points_of


def sheet(rng):
    """A sheet of white paper with eight tiles of 210 pixels, and a title."""
    pixels = np.full((500, 920, 3), 255, np.uint8)
    pixels[5:15, 200:500] = 0
    tiles = rng.integers(0, 200, (8, 210, 210, 3), dtype=np.uint8)
    for k, tile in enumerate(tiles):
        top, left = 30 + 220 * (k // 4), 10 + 225 * (k % 4)
        pixels[top : top + 210, left : left + 210] = tile
    return pixels, tiles


@pytest.fixture
def clones(tmp_path):
    rng = np.random.default_rng(1)
    place = tmp_path / "understandingImageGeneration/Samplers/EULER"
    place.mkdir(parents=True)
    numbers = range(8, 16)
    lines = [f"| euler | {n} | ballerina | 1.0 | 3 |" for n in numbers]
    lines += ["", "# Ballerina", "| Category | Element | Check item | " + " | ".join(map(str, numbers)) + " |"]
    lines.append("| Prompt adherence | a | b |" + " 1 |" * 8)
    for k in (1, 2):
        lines.append("| Anomalies | hands | fingers |" + "".join(f" {int(n % (k + 1) == 0)} |" for n in numbers))
    lines.append("| Overall | feel | real |" + " 1 |" * 8)
    (place / "euler-raw-data.md").write_text("\n".join(lines))
    pixels, tiles = sheet(rng)
    Image.fromarray(pixels).save(place / "EULER-ballerina.png")
    four = tmp_path / "ai-image-generation-comparison/data/25-nov"
    four.mkdir(parents=True)
    with sqlite3.connect(four / "image_generation.db") as database:
        database.execute("CREATE TABLE image_generations (id, prompt, model, rating, image_path)")
        database.execute(
            "INSERT INTO image_generations VALUES (1, 'a cat', '@cf/x/flux', 4.0, '/static/generated/7.png')"
        )
    return tmp_path, tiles


def test_sheets_are_cut_into_their_tiles(clones, tmp_path, capsys):
    folder, tiles = clones
    samplers, four = ai_pictures(folder, tmp_path / "cache")
    assert samplers.model.tolist() == ["EULER"] * 8
    assert set(samplers.prompt) == {"ballerina"}
    assert len(set(samplers.group)) == 8
    assert all(np.array_equal(np.asarray(Image.open(f)), t) for f, t in zip(samplers.files, tiles, strict=True))
    expected = [np.mean([n % 2 == 0, n % 3 == 0, True]) for n in range(8, 16)]
    assert samplers.opinions == pytest.approx(expected)
    assert (four.prompt[0], four.model[0], four.opinions[0]) == ("a cat", "flux", 4.0)
    assert capsys.readouterr().out.count("without a table") == len(SHEETS) - 1
    assert tiles_of(np.full((400, 900, 3), 255, np.uint8)) == []


def test_a_folder_without_clones_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="holds no clone"):
        ai_pictures(tmp_path, tmp_path)


def test_pairs_are_those_of_one_prompt(clones, tmp_path):
    samplers = replace(ai_pictures(clones[0], tmp_path / "cache", ["samplers"])[0], opinions=np.arange(8.0))
    assert right_pairs(np.array([1.0, 2, 2]), np.array([1.0, 2, 3])) == (2.5, 3)
    assert agreement(samplers.opinions, samplers)[0] == pytest.approx([1, 1, 1])
    assert agreement(-samplers.opinions, samplers)[0] == pytest.approx([-1, 0, -1])


def test_looks_clip_nothing_and_keep_the_size():
    rng = np.random.default_rng(2)
    picture = rng.uniform(0.1, 0.9, (96, 128, 3)).astype(np.float32)
    for look in LOOKS:
        shown = with_look(picture, look, np.random.default_rng(3))
        assert shown.shape == picture.shape
        assert shown.min() >= 0
        assert shown.max() <= 1
    grey = LOOKS["black and white"](picture, rng)
    assert np.ptp(grey, axis=2).max() == 0
    assert LOOKS["high contrast"](picture, rng).std() > picture.mean(axis=2).std()
    assert LOOKS["shallow focus"](picture, rng)[:4].std() < picture[:4].std()


def test_parts_make_up_the_overall_score():
    judge, rng = OverallJudge.load(), np.random.default_rng(1)
    items = judge.extractor.extract(rng.uniform(size=(2, 80, 96, 3)))
    scores = scores_of(judge, items, appeal_model().scores(items, judge.extractor.names))
    assert points_of(-np.log2(scores["overall"])) == pytest.approx(judge.score(items))
    assert scores["technical"] == pytest.approx(judge.technical.score(items))
    liked = scores_of(judge, items, np.full(2, 9.0))
    assert (liked["overall"] > scores["overall"]).all()
    assert (liked["before"] > scores["before"]).all()
    assert liked["freedom"] == pytest.approx(scores["freedom"])
    # Pictures of this size have no likeness, so that which items tell it makes no difference.
    assert scores["before"] == pytest.approx(scores["no NIMA"] * (scores["freedom"] / 100) ** (1 - POWER))
    assert scores["no likeness"] == pytest.approx(scores["overall"] / alike_of(np.array([np.nan])))


def test_points_are_told_by_the_quantiles_of_products():
    products = np.random.default_rng(2).lognormal(size=999)
    halvings = halvings_at(products)
    assert [np.mean(-np.log2(products) < one) for one in halvings] == pytest.approx(SHARES, abs=0.002)
