"""The command line of ``soart similar``."""

import json


def test_the_command_copies_what_it_finds(soart, red_and_green, tmp_path):
    line = ("similar", red_and_green / "red3.png", red_and_green, "--network", "none", "--top", 3)
    document = json.loads(soart(*line, "--copy-to", tmp_path / "reds", "--json")[1])
    assert [one["place"] for one in document["similar"]] == [1, 2, 3]
    assert document["copied"] == len(list((tmp_path / "reds").iterdir())) == 3
    assert all("red" in path.name for path in (tmp_path / "reds").iterdir())
    assert "red" in soart(*line)[1].splitlines()[1]
    code, _, err = soart("similar", tmp_path / "none.png", red_and_green, "--network", "none")
    assert (code, "does not exist" in err) == (1, True)
    code, _, err = soart("similar", red_and_green / "red3.png", tmp_path / "nowhere", "--network", "none")
    assert (code, "no other picture" in err) == (1, True)
