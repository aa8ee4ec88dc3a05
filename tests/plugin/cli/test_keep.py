"""The command line of ``soart keep``."""

import json
import shutil

import pytest
from PIL import Image, ImageFilter
from specimens.ugly import picture


@pytest.fixture
def art(tmp_path, monkeypatch):
    """Two prompts of two pictures each, the second one soft; and one of a single picture."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "art"
    folder.mkdir()
    for number, prompt in enumerate(("a boat", "a boat", "a fox", "a fox", "an owl")):
        sharp = picture(number, (96, 96)).filter(ImageFilter.UnsharpMask(3, 300))
        (sharp.filter(ImageFilter.GaussianBlur(4)) if number % 2 else sharp).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(prompt)
    return folder


def test_keep(soart, art, tmp_path):
    code, out, _ = soart("keep", art, "--by", "blur", "--copy-to", tmp_path / "best")
    assert code == 0
    assert "a boat: " in out
    assert "2 groups by prompt: 2 to keep, 2 others" in out
    assert "Not known yet" in out
    assert "3 copied to" in out
    assert sorted(path.name[2:] for path in (tmp_path / "best").glob("*.png")) == ["0.png", "2.png", "4.png"]
    line = ("keep", art, "--by", "blur", "--move-others-to", tmp_path / "rest")
    document = json.loads(soart(*line, "--dry-run", "--json")[1])
    assert [[one["keep"] for one in group["pictures"]] for group in document["groups"]] == [[True, False]] * 2
    assert (document["moved"], document["undo_file"], document["alone"]) == (None, None, 1)
    trust = document["trust"]
    assert (trust["known"], trust["pairs"], trust["sentence"]) == (False, 0, document["trust_sentence"])
    assert (trust["unit"], trust["checked_by"], trust["rater"]) == ("prompt", "ratings", "me")
    before = sorted(art.iterdir())
    out = soart(*line, "--dry-run")[1]
    assert "Would move 2 pictures to" in out
    assert f"{art / '1.png'} → {tmp_path / 'rest' / '1.png'}" in out
    assert "Would copy 3 pictures to" in soart("keep", art, "--copy-to", tmp_path / "second", "--dry-run")[1]
    assert sorted(art.iterdir()) == before
    out = soart(*line)[1]
    assert "2 moved to" in out
    assert sorted(path.name for path in (tmp_path / "rest").iterdir()) == ["1.png", "1.txt", "3.png", "3.txt"]
    soart("undo", out.split("soart undo ")[1].strip())
    assert sorted(art.iterdir()) == before
    assert "No two of 5 pictures are look-alikes." in soart("keep", art, "--group", "look-alike")[1]


def test_pictures_of_one_prompt_with_other_settings_are_not_said_to_be_of_different_prompts(soart, art):
    for number in range(5):
        text = f"a boat\nSteps: 20, Sampler: Euler a, CFG scale: {number + 2}, Seed: 1, Size: 96x96"
        (art / f"{number}.txt").write_text(text)
    code, out, _ = soart("keep", art)
    assert code == 0
    assert "No two of 5 pictures have one prompt and the same settings apart from the seed" in " ".join(out.split())
    assert "Only one picture is here" in soart("keep", art / "0.png")[1]
    # All would be copied where there is nothing to choose between.
    assert "Nothing was copied" in soart("keep", art, "--copy-to", art.parent / "kept")[1]
    assert not (art.parent / "kept").exists()


def test_the_best_of_each_folder_is_kept_whatever_the_prompts(soart, art, tmp_path):
    for number in (3, 4):
        (art / "other").mkdir(exist_ok=True)
        shutil.move(art / f"{number}.png", art / "other")
    out = soart("keep", art, "--group", "folder", "--copy-to", tmp_path / "kept")[1]
    assert [line.split(":")[0] for line in out.splitlines() if line[0] not in " 0123456789"][:2] == [art.name, "other"]
    assert ("2 groups by folder: 2 to keep, 3 others" in out, "2 copied to" in out) == (True, True)


def test_exact_copies_are_listed_with_their_original(soart, art, tmp_path):
    shutil.copy(art / "4.png", art / "4 (1).png")
    out = soart("keep", art, "--group", "look-alike")[1]
    assert [line.split(maxsplit=2)[-1] for line in out.splitlines()[:2]] == ["exact copies", "4.png"]
    assert out.splitlines()[2].endswith(" 4 (1).png")
    assert "1 group by look-alike: 1 to keep, 1 other; 0 too close to call; 4 pictures in no group." in out
    document = json.loads(soart("keep", art, "--group", "look-alike", "--json")[1])
    assert [(one["keep"], one["copy_of"]) for one in document["groups"][0]["pictures"]] == [
        (True, None),
        (False, str(art / "4.png")),
    ]
    line = ("keep", art, "--group", "look-alike", "--move-others-to", tmp_path / "rest")
    out = soart(*line)[1]
    assert "1 moved to" in out
    assert [path.name for path in (tmp_path / "rest").iterdir()] == ["4 (1).png"]
    # The original is still there, so its picture is not taken for one that was moved away.
    assert "No two of 5 pictures are look-alikes." in soart("keep", art, "--group", "look-alike")[1]
    soart("undo", out.split("soart undo ")[1].strip())
    assert (art / "4 (1).png").exists()


def test_wrong_usage(soart, art, tmp_path):
    code, _, err = soart("keep", art, "--group", "colour")
    assert (code, "prompt, burst, folder, look-alike" in err) == (2, True)
    code, _, err = soart("keep", art, "--copy-to", tmp_path / "a", "--move-others-to", tmp_path / "b")
    assert (code, "not both" in err) == (2, True)
    code, _, err = soart("keep", art, "--copy-to", art / "best")
    assert (code, "choose a folder elsewhere" in " ".join(err.split())) == (1, True)


def test_pictures_that_cannot_be_judged_have_no_score(soart, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "black").mkdir()
    for side in (64, 80):
        Image.new("RGB", (side, side)).save(tmp_path / "black" / f"{side}.png")
    code, out, _ = soart("keep", tmp_path / "black", "--group", "look-alike")
    assert (code, "nan" in out, out.splitlines()[1].split()) == (0, False, ["keep", "–", "80.png"])


def test_the_overall_score_chooses_unless_something_else_is_named(soart, art):
    for arguments, judge in (
        ((), "overall-"),
        (("--by", "technical"), "technical-"),
        (("--by", "appeal"), "judge:appeal"),
    ):
        document = json.loads(soart("keep", art, *arguments, "--json")[1])
        assert document["by"].startswith(judge)
