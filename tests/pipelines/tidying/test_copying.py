"""Copies of the best pictures."""

import pytest
from specimens.ugly import encoded, picture

from soart.pipelines.tidying import copying
from soart.pipelines.tidying.copying import Copies, copy_best


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_no_half_picture_stays_among_the_copies(tmp_path, monkeypatch, error):
    (tmp_path / "a.png").write_bytes(encoded(picture(1), "PNG"))

    def half(source, target):
        target.write_bytes(source.read_bytes()[:20])
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(copying.shutil, "copyfile", half)
        if isinstance(error, OSError):
            copies = copy_best([tmp_path / "a.png"], tmp_path / "best")
            assert (copies.count, len(copies.problems)) == (0, 1)
        else:
            with pytest.raises(KeyboardInterrupt):
                copy_best([tmp_path / "a.png"], tmp_path / "best")
    assert list((tmp_path / "best").iterdir()) == []
    assert copy_best([tmp_path / "a.png"], tmp_path / "best") == Copies(tmp_path / "best", 1)
    assert (tmp_path / "best" / "1 a.png").stat().st_mtime == (tmp_path / "a.png").stat().st_mtime


def test_read_only_pictures_are_copied_with_their_rights_and_times(ordinary_user):
    source = ordinary_user / "a.png"
    source.write_bytes(encoded(picture(1), "PNG"))
    source.chmod(0o444)
    assert copy_best([source], ordinary_user / "best") == Copies(ordinary_user / "best", 1)
    old, new = source.stat(), (ordinary_user / "best" / "1 a.png").stat()
    assert (new.st_mode, new.st_mtime_ns, new.st_size) == (old.st_mode, old.st_mtime_ns, old.st_size)


@pytest.mark.parametrize("letter", ["x", "狐"])
def test_copies_of_the_longest_names_are_shortened(tmp_path, letter):
    stem = letter * (251 // len(letter.encode()))
    (tmp_path / f"{stem}.png").write_bytes(encoded(picture(1), "PNG"))
    (tmp_path / f"{stem}.txt").write_text("a fox")
    assert copy_best([tmp_path / f"{stem}.png"], tmp_path / "best") == Copies(tmp_path / "best", 1)
    text, copy = sorted((tmp_path / "best").iterdir(), key=lambda path: path.suffix, reverse=True)
    assert (copy.read_bytes(), text.read_text()) == (encoded(picture(1), "PNG"), "a fox")
    assert (copy.suffix, text.suffix, copy.stem == text.stem) == (".png", ".txt", True)
    assert f"1 {stem}".startswith(copy.stem)


def test_copies_of_another_ranking_get_a_folder_of_their_own(tmp_path):
    for name, seed in (("a.png", 1), ("b.png", 2)):
        (tmp_path / name).write_bytes(encoded(picture(seed), "PNG"))
    first, best = [tmp_path / "a.png", tmp_path / "b.png"], tmp_path / "best"
    for _ in range(2):
        assert copy_best(first, best) == Copies(best, 2)
    (best / "notes.txt").write_text("mine")
    for number, other in ((2, first[::-1]), (3, first[:1])):
        copies = copy_best(other, best)
        assert (copies.folder.name, copies.count, copies.problems) == (f"best-{number}", len(other), [])
        assert f"these are in {str(copies.folder)!r}" in copies.hints[0]
    # A copy that was changed is not taken for one of these; where all are the same, there may be fewer.
    (best / "1 a.png").write_bytes(b"changed")
    assert copy_best(first, best).folder.name == "best-3"
    assert (best / "1 a.png").read_bytes() == b"changed"
