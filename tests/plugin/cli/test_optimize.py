"""The command ``soart optimize``."""

import json

import numpy as np
import pytest
from PIL import Image

PROMPT = "a boat in cool colors"


def test_a_picture_is_optimized_stored_and_made_again(soart, tmp_path):
    limits = ("--seconds", 600, "--pictures", 6, "--steps", 2, "--collection", tmp_path)
    code, out, err = soart("optimize", PROMPT, "--by", "technical", *limits, "--json")
    assert code == 0, err
    facts = json.loads(out)
    assert facts["value"] >= facts["start"]
    assert (facts["by"], facts["second_judge"]) == ("technical", "appeal")
    assert facts["pictures"] >= 6
    assert not [*tmp_path.glob("optimizing/*.safetensors")]
    again = ("--again", facts["path"], "--by", "technical", "--collection", tmp_path / "again")
    code, out, err = soart("optimize", *again)
    assert code == 0, err
    path, *lines = out.splitlines()
    # More like it, by several judges together.
    more = ("--like", facts["path"], "--by", "technical", "--by", "blur=0.5", "--json")
    code, out, err = soart("optimize", *limits, *more)
    assert code == 0, err
    bred = json.loads(out)
    assert (bred["by"], bred["prompt"]) == ("technical + 0.5 × blur", PROMPT)
    assert bred["value"] >= bred["start"]
    # Or drawn on it.
    by = ("--by", "technical", "--json")
    code, out, err = soart("optimize", *limits, "--pictures", 4, "--like", bred["path"], "--strength", 0.5, *by)
    assert code == 0, err
    on = json.loads(out)
    assert on["prompt"] == PROMPT
    again = ("--again", on["path"], "--by", "technical", "--collection", tmp_path)
    code, out, err = soart("optimize", *again)
    assert code == 0, err
    assert np.array_equal(*(np.asarray(Image.open(one)) for one in (on["path"], out.splitlines()[0])))
    assert np.array_equal(*(np.asarray(Image.open(one)) for one in (facts["path"], path)))
    # What was gained comes first.
    assert lines[0].startswith(f"Gained {facts['value'] - facts['start']:.3g} by technical: ")
    assert lines[1].startswith("Before: ")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "expected a prompt"),
        ([PROMPT, "--by", "technical=0"], 1, "above 0"),
        (["--like", "none.png"], 2, "does not exist"),
        ([PROMPT, "--strength", "0.5"], 2, "expected one picture to draw on"),
        ([PROMPT, "--like", "a.png", "--strength", "2"], 2, ""),
        ([PROMPT, "--again", "b.png"], 2, "the last without the others"),
        ([PROMPT, "--by", "nothing"], 1, "There is no judge"),
        ([PROMPT, "--seconds", "nan"], 2, ""),
        ([PROMPT, "--adherence", "2"], 2, ""),
    ],
)
def test_mistakes_are_one_sentence(soart, tmp_path, arguments, code, message):
    got, _, err = soart("optimize", *arguments, "--collection", tmp_path / "none")
    assert got == code
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "none").exists()


def test_a_file_without_a_record_is_refused(soart, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    code, _, err = soart("optimize", "--again", tmp_path / "plain.png", "--collection", tmp_path / "none")
    assert code == 1
    assert "holds no record" in err
