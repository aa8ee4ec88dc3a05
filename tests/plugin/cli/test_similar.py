"""The command line of ``soart find --like``."""

import json

import pytest

from soart.pipelines.scoring import measuring


def test_the_command_copies_what_it_finds(soart, red_and_green, tmp_path, monkeypatch):
    line = ("find", "--like", red_and_green / "red3.png", red_and_green, "--network", "none", "--top", 3)
    document = json.loads(soart(*line, "--copy-to", tmp_path / "reds", "--json")[1])
    assert [one["place"] for one in document["found"]] == [1, 2, 3]
    assert document["copied"] == len(list((tmp_path / "reds").iterdir())) == 3
    assert all("red" in path.name for path in (tmp_path / "reds").iterdir())
    assert "red" in soart(*line)[1].splitlines()[1]
    code, _, err = soart("find", "--like", tmp_path / "none.png", red_and_green, "--network", "none")
    assert (code, "does not exist" in err) == (1, True)
    (tmp_path / "empty.png").write_bytes(b"")
    for name, reason in (("none.png", "does not exist"), ("empty.png", "is empty")):
        with monkeypatch.context() as patch:
            patch.setattr(measuring, "look_up", lambda *_: pytest.fail("the folder was read first"))
            code, _, err = soart("find", "--like", tmp_path / name, red_and_green, "--network", "none")
        assert (code, reason in err) == (1, True)
    code, _, err = soart("find", "--like", red_and_green / "red3.png", tmp_path / "nowhere", "--network", "none")
    assert (code, "no other picture" in err) == (1, True)
