"""The command line of ``soart find``."""

import json
from pathlib import Path

from PIL import Image

from soart.pipelines.judges import searching
from soart.pipelines.judges.adherence import EMBEDDED_TOWERS


def test_the_command_copies_what_it_finds(soart, red_and_green, tmp_path):
    line = ("find", "red, -zorblax", red_and_green, "--top", 3)
    code, text, _ = soart(*line, "--copy-to", tmp_path / "reds", "--json")
    document = json.loads(text)
    assert (code, document["copied"]) == (0, 3)
    assert [(one["place"], one["value"]) for one in document["found"]] == [(1, 1), (2, 1), (3, 1)]
    assert {one["evidence"] for one in document["found"]} == {"file name"}
    code, text, _ = soart(*line)
    assert (code, len(text.splitlines()), text.count("file name")) == (0, 4, 3)
    code, text, err = soart("find", "green faces:1+", red_and_green)
    assert (code, text, "No picture has the words 'green faces:1+'" in err) == (1, "", True)


def test_problems_name_files_as_they_were_named(soart, tmp_path):
    Path("pics").mkdir()
    for name, side in (("tiny", 20), ("large", 512)):
        Image.linear_gradient("L").resize((side, side)).convert("RGB").save(f"pics/{name}.png")
    code, _, err = soart("find", "a dog", "pics")
    assert (code, "'pics/tiny.png'" in err, str(tmp_path) in err) == (1, True, False)


def test_a_folder_of_pictures_that_cannot_be_judged_says_so(soart, tmp_path):
    Image.new("RGB", (64, 64), "white").save(tmp_path / "white.png")
    code, _, err = soart("find", "a boat", tmp_path)
    assert (code, "all white or transparent" in err) == (1, True)
    assert "none that can be looked at surely shows them" in " ".join(err.split())
    code, out, err = soart("find", "a boat", tmp_path, "--json")
    assert (code, "Error: No picture has the words 'a boat'" in err) == (1, True)
    assert "all white or transparent" in json.loads(out)["problems"][0]


def test_mistakes_are_one_sentence(soart, red_and_green, tmp_path):
    for words, place, more, said in (
        ("zorblax", red_and_green, (), "No prompt, tag or file name has 'zorblax', and pictures cannot tell it"),
        ("red faces:some", red_and_green, (), "number of faces 'some' is not known"),
        ("a boat", tmp_path / "nowhere", (), "does not exist"),
        ("word " * 400, red_and_green, (), "at most 50 words"),
        ("a boat", red_and_green, ("--by", "nobody"), "There is no judge 'nobody'"),
    ):
        code, out, err = soart("find", words, place, *more)
        assert (code, out, said in err, "Traceback" in err) == (1, "", True, False)
    assert soart("find", "", red_and_green)[0] == 2


def test_a_model_on_the_machine_looks_for_what_adherence_cannot_tell(soart, red_and_green, monkeypatch):
    name = f"clip:{EMBEDDED_TOWERS}"
    monkeypatch.setattr(searching, "reader_at_hand", lambda: name)
    code, out, err = soart("find", "zorblax", red_and_green, "--top", 2)
    assert (code, len(out.splitlines())) == (0, 3)
    assert f"Adherence cannot tell all of these words: {name}, a model on this machine, looks for them." in " ".join(
        err.split()
    )
    # Adherence is enough for these, and what is named is taken.
    assert json.loads(soart("find", "a boat", red_and_green, "--json")[1])["by"] == "adherence"
    assert soart("find", "zorblax", red_and_green, "--by", "adherence")[0] == 1
