"""Scans and lists of pictures walk folders alike."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from soart.errors import CollectionError
from soart.files import is_gone
from soart.pipelines.ingest.roots import open_collection_for
from soart.pipelines.ingest.scan import Scan, find_pictures


@pytest.fixture
def folder(tmp_path):
    """Good files, and one of each kind that cannot be read."""
    album = tmp_path / "album"
    (album / "inner").mkdir(parents=True)
    for name in ("b.png", "a.JPG", "note.txt", ".hidden.png", "inner/c.webp"):
        (album / name).touch()
    (album / "lost.png").symlink_to("nowhere.png")
    (album / "round.png").symlink_to("round.png")
    (album / "up").symlink_to(album)
    os.mkfifo(album / "pipe.png")
    return album


def sentences(folder):
    return {
        f"'{folder}/lost.png' is a link to a file that is not there.",
        f"'{folder}/pipe.png' is a pipe, socket or device, not a regular file; skipped.",
        f"'{folder}/round.png' cannot be read: Too many levels of symbolic links.",
    }


def test_both_skip_the_same_files_with_the_same_sentences(folder):
    scan = Scan([folder])
    scanned = [entry.path for entry in scan if not entry.sidecar]
    listed, problems = find_pictures([folder])
    assert listed == [folder / "a.JPG", folder / "b.png", folder / "inner" / "c.webp"]
    assert sorted(scanned) == list(map(str, listed))
    assert set(problems) == set(scan.unusable.values()) == sentences(folder)
    assert scan.problems == []


def test_missing_roots_have_the_same_sentence(folder):
    scan = Scan([folder / "none", folder / "b.png"])
    assert [entry.path for entry in scan] == [str(folder / "b.png")]
    assert scan.problems == find_pictures([folder / "none"])[1] == [f"'{folder}/none' does not exist."]
    assert scan.unseen == [str(folder / "none")]


def test_a_folder_reached_twice_is_walked_once(folder, tmp_path):
    (tmp_path / "alias").symlink_to(folder)
    expected = find_pictures([folder])
    assert find_pictures([folder, folder / "inner", tmp_path / "alias"]) == expected
    assert sum(not entry.sidecar for entry in Scan([folder, folder / "inner", tmp_path / "alias"])) == 3


def test_an_excluded_folder_is_left_out_however_it_is_reached(folder, tmp_path):
    (tmp_path / "alias").symlink_to(folder / "inner")
    scan = Scan([folder, tmp_path / "alias", folder / "inner"], follow_links=True, exclude=folder / "inner")
    assert sorted(entry.path.rsplit("/", 1)[1] for entry in scan if not entry.sidecar) == ["a.JPG", "b.png"]


def test_a_file_named_after_its_folder_is_listed_once(folder):
    for roots in ([folder, folder / "a.JPG", folder / "a.JPG"], [folder / "a.JPG", folder]):
        names = sorted(Path(entry.path).name for entry in Scan(roots) if not entry.sidecar)
        assert names == ["a.JPG", "b.png", "c.webp"]


def test_names_stay_as_given(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    listed, _ = find_pictures([folder.relative_to(folder.parent)])
    assert [str(path) for path in listed] == ["album/a.JPG", "album/b.png", "album/inner/c.webp"]


@pytest.fixture
def closed():
    """A folder with a picture, and an inner folder that only its owner may open; everything else is readable."""
    with TemporaryDirectory() as place:
        album = Path(place)
        (album / "inner").mkdir()
        (album / "a.png").touch()
        album.chmod(0o755)
        (album / "inner").chmod(0)
        yield album
        (album / "inner").chmod(0o700)


def test_folders_that_cannot_be_listed_are_named(closed):
    scan, user = Scan([closed]), os.geteuid()
    # Root may read everything: the scan runs as an ordinary user.
    os.seteuid(user or 65534)
    try:
        paths = [entry.path for entry in scan]
    finally:
        os.seteuid(user)
    assert paths == [str(closed / "a.png")]
    assert scan.problems == [f"'{closed}/inner' cannot be read: Permission denied."]
    assert scan.unseen == [str(closed / "inner")]


def test_a_folder_that_cannot_be_reached_is_not_called_missing(closed):
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        with pytest.raises(CollectionError, match=r"inner/deep' cannot be read: Permission denied\."):
            open_collection_for([str(closed / "inner" / "deep")], str(closed / "none"))
        assert [is_gone(closed / name) for name in ("inner/deep", "none", "a.png", "a.png/x")] == [
            False,
            True,
            False,
            True,
        ]
    finally:
        os.seteuid(user)


def test_a_contained_scan_leaves_out_links_to_elsewhere(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret.png").write_bytes(b"secret")
    (folder / "out.png").symlink_to(elsewhere / "secret.png")
    (folder / "up.png").symlink_to(Path("..") / "elsewhere" / "secret.png")
    (folder / "same.png").symlink_to(next(path for path in sorted(folder.iterdir()) if path.suffix == ".png"))
    free, contained = ({Path(file.path).name for file in Scan([folder], contained=c)} for c in (False, True))
    assert free - contained == {"out.png", "up.png"}
    assert "same.png" in contained
    # A root that is a link itself is what the user named.
    (tmp_path / "alias").symlink_to(folder)
    assert {Path(file.path).name for file in Scan([tmp_path / "alias"], contained=True)} == contained


@pytest.mark.parametrize("name", ["{}.txt", "{}.png.json", "metadata.jsonl"])
def test_a_contained_scan_leaves_out_what_a_link_to_elsewhere_describes(tmp_path, name):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"content")
    (tmp_path / "secret").write_text("secret")
    (folder / name.format("a")).symlink_to(tmp_path / "secret")
    scan = Scan([folder], contained=True)
    assert list(scan) == []
    assert scan.unusable[str(folder / "a.png")].endswith("is, or lies beside, a link out of its folder; skipped.")
