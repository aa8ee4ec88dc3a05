"""Undo files of a collection, as pages list them."""

import pytest

from soart.pipelines.tidying.journal import Journal
from soart.pipelines.tidying.moved_away import undo_files
from soart.pipelines.tidying.undoing import RecordedChanges


@pytest.fixture
def culled(tmp_path):
    """A folder from which two pictures were moved away, with their undo file."""
    (tmp_path / "undo").mkdir()
    journal = Journal(tmp_path / "undo" / "1.jsonl")
    for name in ("a", "b"):
        (tmp_path / "art").mkdir(exist_ok=True)
        (tmp_path / "art" / f"{name}.png").write_text(name)
        journal.move(tmp_path / "art" / f"{name}.png", tmp_path / "culled" / "blur" / f"{name}.png")
    journal.close()
    return tmp_path


def test_an_undo_file_is_read_again_only_when_it_has_changed(culled, monkeypatch):
    reads = []
    read = RecordedChanges.read
    monkeypatch.setattr(RecordedChanges, "read", lambda path: reads.append(path.name) or read(path))
    [first] = undo_files(culled)
    assert (first.reasons, first.problem) == ({"blur": 2}, "")
    assert undo_files(culled) == [first]
    assert reads == ["1.jsonl"]
    with (culled / "undo" / "1.jsonl").open("a") as stream:
        stream.write('{"undone": 1}\n')
    assert [one.reasons for one in undo_files(culled)] == [{"blur": 1}]
    assert len(reads) == 2


def test_a_folder_that_became_a_link_is_seen_though_the_file_is_the_same(culled):
    assert [one.problem for one in undo_files(culled)] == [""]
    (culled / "art").rename(culled / "elsewhere")
    (culled / "art").symlink_to(culled / "elsewhere")
    [doubtful] = undo_files(culled)
    assert "was not recorded by you" in doubtful.problem
    (culled / "art").unlink()
    (culled / "elsewhere").rename(culled / "art")
    assert [one.problem for one in undo_files(culled)] == [""]
