"""Adherence through the command line."""

import json

import pytest


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A collection of pictures of the embedded model."""
    from soart.pipelines.api import generate

    folder = tmp_path_factory.mktemp("drawn") / "c"
    generate("a {boat|fox} {with|without} a zorbly, {woodcut|pixel art}", 8, folder, steps=4)
    return folder


def test_what_was_asked_for_and_not_shown(soart, drawn, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    table = tmp_path / "out.json"
    by = "--by", "technical", "--by", "adherence=0"
    code, out, _ = soart("evaluate", drawn / "images", *by, "--export", table, "--set", "workers=1", "--json")
    assert code == 0
    facts = json.loads(out)
    shares = {share["phrase"]: share for share in facts["phrases"]}
    assert shares["boat"]["pictures"] + shares["fox"]["pictures"] == 8
    assert 0 <= shares["boat"]["shown"] <= 1
    assert all(share["shown"] is None for phrase, share in shares.items() if "zorbly" in phrase)
    assert all("not_shown" in row for row in json.loads(table.read_text()))
    code, out, _ = soart("evaluate", drawn / "images", "--by", "technical", "--by", "adherence=0")
    assert "Asked for, not shown: " in out
    assert "cannot be judged by adherence" in out


def test_a_floor_in_tunes(soart, tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text("template: a boat in {palette} colors\nslots:\n  palette: [warm, cool, neon]\n  steps: ['2']\n")
    command = ("tune", space, "--budget", 4, "--batch", 4, "--collection", tmp_path / "t")
    code, out, _ = soart(*command, "--adherence", 0.8)
    assert code == 0
    assert "pictures reach 0.8; mean 0." in out or "pictures reach 0.8; mean 1.00." in out
    code, _, _ = soart(*command, "--adherence", 2)
    assert code == 2
