"""Pictures in memory: the same scores as from a collection, and nothing lost to a bad one."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from specimens.judging import noise

from soart.errors import ImageError, ItemsError, ModelError, TasteError
from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.image import read_image
from soart.metrics.percentiles import percentiles
from soart.pipelines.best_of import best_of
from soart.pipelines.collection.collection import Collection
from soart.pipelines.judges.finding import guarded
from soart.pipelines.judges.in_memory import score_batch
from soart.pipelines.scoring.explaining import explain_batch
from soart.pipelines.scoring.in_memory import as_pictures
from soart.pipelines.scoring.measuring import import_pictures, open_pictures
from soart.pipelines.scoring.pictures import PicturesInMemory
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.tastes.learning import learn_from_pictures


def test_a_taste_from_pictures_in_memory():
    done = []
    taste = learn_from_pictures("vivid", noise(8), noise(8, 1, vivid=False), progress=lambda: done.append(1))
    assert len(done) == 16
    judge = TasteJudge.of(taste)
    liked, _ = score_batch(PicturesInMemory(dict(enumerate(noise(3, 2)))), [(guarded(judge), 1.0)])
    others, _ = score_batch(PicturesInMemory(dict(enumerate(noise(3, 3, vivid=False)))), [(guarded(judge), 1.0)])
    assert min(one.score for one in liked) > max(one.score for one in others)
    assert [one.percentile for one in liked] != percentiles(np.array([one.score for one in liked])).tolist()
    found = explain_batch(judge, {0: noise(1, 2)[0]}, grid=2)[0]
    assert found.heat.shape == (2, 2)
    assert found.overlay.shape == (20, 20, 3)
    assert found.score == pytest.approx(liked[0].score)
    assert found.reasons


def test_a_taste_from_pictures_of_any_form():
    plain = [np.full((20, 20, 3), level, np.uint8) for level in (20, 120, 220)]
    transparent = Image.fromarray(plain[1]).convert("RGBA").quantize(4)
    content = io.BytesIO()
    Image.fromarray(plain[2]).save(content, "PNG")
    mixed = (Image.fromarray(plain[0]), transparent, read_image(content.getvalue()))
    tensors = torch.from_numpy(np.stack(noise(3)) / 255).permute(0, 3, 1, 2)
    arrays = learn_from_pictures("a", plain, noise(3), network=None)
    taste = learn_from_pictures("a", (picture for picture in mixed), tensors, network=None)
    np.testing.assert_allclose(taste.examples.items, arrays.examples.items, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("good", "message"),
    [
        (None, "the good pictures as a list of pictures, got None"),
        ("liked/", "the good pictures as a list of pictures, got 'liked/'"),
        ({"a": 1}, "the good pictures as a list of pictures, got"),
        (["a.png"], "got the text or path 'a.png': read files with soart.read_image"),
        ([Path("a.png")], r"read files with soart\.read_image"),
        ([np.zeros((9, 9))], r"Of the good pictures: Picture 1 cannot be used: Expected RGB pictures, got \(9, 9\)"),
        ([[1]], "cannot be used: Expected RGB pictures, got list"),
    ],
)
def test_what_is_no_picture_in_memory_is_refused(good, message):
    with pytest.raises(ImageError, match=message):
        learn_from_pictures("a", good, noise(2), network=None)


def test_a_taste_is_a_difference():
    pictures = noise(4)
    with pytest.raises(ItemsError, match="good and bad"):
        learn_from_pictures("both", pictures, pictures)
    with pytest.raises(ItemsError, match="Picture 2 of the good and picture 1 of the bad ones are the same"):
        learn_from_pictures("both", pictures[:2], pictures[1:], network=None)
    with pytest.raises(ModelError, match="the network as a name, or None, got 5"):
        learn_from_pictures("both", pictures[:2], pictures[2:], network=5)
    with pytest.raises(TasteError, match="the name of the taste as text, got 5"):
        learn_from_pictures(5, pictures[:2], pictures[2:])
    with pytest.raises(ItemsError, match="only liked"):
        learn_from_pictures("good", pictures, [])
    with pytest.raises(ImageError, match="Of the bad pictures: Picture 2"):
        learn_from_pictures("broken", pictures, [pictures[0], np.full((9, 9, 3), np.nan)])


def test_explaining_the_technical_score_finds_the_damaged_part(judge):
    rng = np.random.default_rng(0)
    steps = np.repeat(np.repeat(rng.integers(30, 225, (8, 8, 3)), 8, axis=0), 8, axis=1).astype(np.float64)
    spoilt = steps.copy()
    spoilt[:, 32:] += rng.normal(0, 40, (64, 32, 3))
    found = explain_batch(TechnicalJudge.detector("noise"), {0: spoilt.clip(0, 255).astype(np.uint8)}, grid=2)[0]
    assert found.heat[:, 0].min() > found.heat[:, 1].max()
    one = explain_batch(judge, {0: np.zeros((1, 1, 3), np.uint8)})[0]
    assert one.heat.shape == (1, 1)


def test_best_of_keeps_the_best(generator, judge):
    done = []
    best = best_of(generator, "a {sharp|noisy} picture of a boat", 6, seed=3, steps=6, progress=done.append)
    assert sum(done) == 6
    assert [one.score for one in best] == sorted([one.score for one in best], reverse=True)
    assert "sharp" in best[0].request.prompt
    again = best_of(generator, best[0].request.prompt, 1, seed=best[0].request.seed, steps=6)
    assert np.abs(again[0].pixels.astype(int) - best[0].pixels).max() <= 1
    assert len(best_of(generator, "a boat", 2, keep=1, steps=2)) == 1


def test_pictures_of_pil_in_any_mode_are_seen_as_in_files():
    """Under alpha 0 lay colours that nobody sees, and all but the darkest 16-bit greys were white."""
    hidden = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    deep = Image.fromarray(np.full((4, 4), 32768, np.uint16))
    pictures = as_pictures([hidden, deep, hidden.convert("RGB")])
    assert [pixels[0, 0].tolist() for pixels in pictures.values()] == [[255] * 3, [128] * 3, [255, 0, 0]]


def test_a_file_that_repeats_another_names_the_one_that_was_named(collection, judge, tmp_path):
    (tmp_path / "a").mkdir()
    Image.fromarray(noise(1)[0]).save(tmp_path / "b.png")
    (tmp_path / "a" / "link.png").symlink_to("../b.png")
    _, problems = import_pictures(collection, [tmp_path / "a" / "link.png", tmp_path / "b.png"], judge)
    assert problems == [
        f"{str(tmp_path / 'b.png')!r} is the same file as {str(tmp_path / 'a' / 'link.png')!r}: counted once."
    ]
    _, problems = import_pictures(collection, [tmp_path / "b.png"] * 5, judge)
    file = repr(str(tmp_path / "b.png"))
    assert problems == [f"4 files are the same as others, such as {file} as {file}: counted once."]


def test_of_exact_copies_the_original_is_opened_in_the_order_of_files(judge, tmp_path):
    for name, pixels in zip(("b (1).png", "b.png", "c.png"), np.array(noise(2))[[0, 0, 1]], strict=True):
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "a link.png").symlink_to("c.png")
    collection, rows, problems = open_pictures([tmp_path], judge)
    with collection:
        assert [collection.locate(row).name for row in rows] == ["c.png", "b.png"]
    assert sorted(problem.split("'")[1].rsplit("/", 1)[1] for problem in problems) == ["a link.png", "b (1).png"]


def test_pictures_that_are_gone_are_left_out_with_a_word(tmp_path, judge):
    for i, pixels in enumerate(noise(4)):
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    with Collection(tmp_path / "kept") as collection:
        import_pictures(collection, sorted(tmp_path.glob("*.png")), judge)
    (tmp_path / "1.png").unlink()
    (tmp_path / "2.png").touch()
    (tmp_path / "3.png").write_bytes((tmp_path / "0.png").read_bytes())
    opened, rows, problems = open_pictures([tmp_path / "kept"], judge)
    with opened:
        assert [opened.locate(row).name for row in rows] == ["0.png", "2.png"]
    assert len(problems) == 1
    assert "2 pictures" in problems[0]
    assert "overwritten" in problems[0]
