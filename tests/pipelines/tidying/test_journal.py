import errno
import json
import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from soart.errors import CollectionError
from soart.pipelines.tidying import moving, undoing
from soart.pipelines.tidying.journal import Journal, key_path, own_key, stored_key
from soart.pipelines.tidying.undoing import RecordedChanges, UnconfirmedError, undo


@pytest.fixture
def files(tmp_path):
    for name in "abc":
        (tmp_path / name).write_text(name)
    return tmp_path


def state(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.suffix != ".jsonl"
    }


def change(files):
    journal = Journal(files / "undo.jsonl")
    journal.move(files / "a", files / "x" / "b")
    journal.move(files / "b", files / "x" / "b")
    journal.write(files / "new", b"new")
    journal.write(files / "c", b"changed")
    journal.insert(files / "c", b"changed", 3, b"--")
    journal.close()


def test_everything_is_undone_in_reverse(files):
    before = state(files)
    change(files)
    assert state(files) == {"c": b"cha--nged", "new": b"new", "x/b": b"a", "x/b (2)": b"b"}
    assert undo(files / "undo.jsonl") == (5, [])
    assert state(files) == before
    assert not (files / "undo.jsonl").exists()


@pytest.fixture
def links(files):
    """Links in ``inner`` to a file beside it: a relative and an absolute one."""
    (files / "inner").mkdir()
    (files / "inner" / "relative").symlink_to("../a")
    (files / "inner" / "absolute").symlink_to(files / "a")
    return files


@pytest.mark.parametrize("together", [False, True])
def test_links_lead_to_the_same_file_when_they_are_moved(links, together):
    journal = Journal(links / "undo.jsonl")
    if together:
        journal.move(links / "a", links / "out" / "worst" / "a")
    for name in ("relative", "absolute"):
        moved = journal.move(links / "inner" / name, links / "out" / "duplicates" / "inner" / name)
        assert moved.is_symlink()
        assert moved.read_text() == "a"
        assert moved.readlink().is_absolute() == (name == "absolute")
    journal.close()
    assert undo(links / "undo.jsonl") == (3 if together else 2, [])
    assert (links / "inner" / "relative").readlink() == Path("../a")
    assert (links / "inner" / "absolute").read_text() == (links / "inner" / "relative").read_text() == "a"
    assert not (links / "out").exists()


def test_a_link_that_was_moved_halfway_is_undone(links):
    journal = Journal(links / "undo.jsonl")
    journal.move(links / "inner" / "relative", links / "out" / "deeper" / "relative")
    journal.close()
    (links / "inner" / "relative").symlink_to("../a")
    assert undo(links / "undo.jsonl") == (1, [])
    assert (links / "inner" / "relative").readlink() == Path("../a")
    assert not os.path.lexists(links / "out" / "deeper" / "relative")


def test_a_change_that_was_noted_and_never_made_needs_no_undoing(files):
    before = state(files)
    change(files)
    # As after a kill between the last note and its change.
    (files / "c").write_bytes(b"changed")
    assert undo(files / "undo.jsonl") == (5, [])
    assert state(files) == before


def test_an_undo_that_was_broken_off_goes_on(files, monkeypatch):
    before = state(files)
    change(files)
    plain, calls = undoing._undo_one, []

    def killed(entry):
        calls.append(entry)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return plain(entry)

    monkeypatch.setattr(undoing, "_undo_one", killed)
    with pytest.raises(KeyboardInterrupt):
        undo(files / "undo.jsonl")
    monkeypatch.undo()
    assert undo(files / "undo.jsonl") == (3, [])
    assert state(files) == before


def test_files_changed_since_are_left_as_they_are(files):
    change(files)
    (files / "c").write_text("mine")
    (files / "new").write_text("mine too")
    (files / "a").write_text("another a")
    (files / "x" / "b (2)").unlink()
    done, problems = undo(files / "undo.jsonl")
    assert done == 0
    assert len(problems) == 5
    assert (files / "c").read_text() == "mine"
    assert (files / "a").read_text() == "another a"
    assert (files / "x" / "b").read_text() == "a"
    assert (files / "undo.jsonl").exists()


def test_times_and_rights_stay(files):
    (files / "c").chmod(0o640)
    old = (files / "c").stat()
    journal = Journal(files / "undo.jsonl")
    journal.insert(files / "c", b"c", 0, b"x")
    journal.close()
    new = (files / "c").stat()
    assert (new.st_mtime_ns, new.st_mode) == (old.st_mtime_ns, old.st_mode)


def test_the_rights_of_a_sidecar_stay(files):
    (files / "c").chmod(0o600)
    journal = Journal(files / "undo.jsonl")
    journal.write(files / "c", b"changed")
    journal.close()
    assert ((files / "c").read_bytes(), (files / "c").stat().st_mode & 0o777) == (b"changed", 0o600)
    assert undo(files / "undo.jsonl") == (1, [])
    assert ((files / "c").read_bytes(), (files / "c").stat().st_mode & 0o777) == (b"c", 0o600)


@pytest.mark.parametrize("content", ["{", "", "[" * 100_000])
def test_other_files_are_no_undo_files(tmp_path, content):
    (tmp_path / "u").write_text(content)
    with pytest.raises(CollectionError, match="is not an undo file"):
        undo(tmp_path / "u")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_an_undo_file_is_a_regular_file(tmp_path):
    path = tmp_path / "undo.jsonl"
    os.mkfifo(path)
    # A reader that waits for a writer after all is let go, and then fails the test.
    watch = threading.Timer(240, lambda: os.close(os.open(path, os.O_RDWR)))
    watch.start()
    with pytest.raises(CollectionError, match="cannot be read: it is not a regular file"):
        RecordedChanges.read(path)
    assert watch.is_alive()
    watch.cancel()


@pytest.mark.parametrize("content", ["[1]\n", json.dumps({"nonsense": 1}), json.dumps({"moved": 3, "to": None})])
def test_lines_of_other_programs_are_passed_over(tmp_path, content):
    (tmp_path / "u").write_text(content)
    with pytest.raises(UnconfirmedError, match="was not recorded by this user"):
        undo(tmp_path / "u")
    changes = RecordedChanges.read(tmp_path / "u")
    assert changes.listing() == ["Line 1 is not a change that soart writes: it is passed over."]
    assert changes.undo(confirmed=True) == (0, ["'line 1' is not a change that soart writes."])


def test_an_undo_file_is_never_overwritten(files):
    (files / "undo.jsonl").write_text("precious")
    with pytest.raises(CollectionError, match="exists"):
        Journal(files / "undo.jsonl")
    with pytest.raises(CollectionError, match="There is no undo file"):
        undo(files / "missing")


def test_a_move_that_fails_leaves_nothing(files):
    before = sorted(files.rglob("*"))
    journal = Journal(files / "undo.jsonl")
    with pytest.raises(OSError, match="too long"):
        journal.move(files / "a", files / "x" / "y" / ("n" * 300))
    journal.close()
    assert sorted(path for path in files.rglob("*") if path.suffix != ".jsonl") == before
    assert undo(files / "undo.jsonl") == (0, [])


def test_a_file_that_another_program_took_is_nothing_to_undo(files):
    journal = Journal(files / "undo.jsonl")
    journal.move(files / "a", files / "x" / "a")
    with pytest.raises(FileNotFoundError):
        journal.move(files / "gone", files / "y" / "gone")
    journal.move(files / "b", files / "x" / "b")
    journal.close()
    assert not (files / "y").exists()
    assert undo(files / "undo.jsonl") == (2, [])
    assert state(files) == {"a": b"a", "b": b"b", "c": b"c"}
    assert not (files / "undo.jsonl").exists()


def test_a_full_disk_leaves_an_undo_file_that_can_be_used(files):
    before = state(files)
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\nfrom soart.pipelines.tidying.journal import Journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nfolder = Path(sys.argv[1])\njournal = Journal(folder / 'undo.jsonl')\n"
        "journal.move(folder / 'a', folder / 'x' / 'a')\nsize = (folder / 'undo.jsonl').stat().st_size + 20\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
        "try: journal.move(folder / 'b', folder / 'x' / 'b')\nfinally: journal.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(files)], capture_output=True, text=True, check=False)
    assert "cannot be written" in done.stderr.splitlines()[-1]
    assert state(files) == {"b": b"b", "c": b"c", "x/a": b"a"}
    assert (files / "undo.jsonl").read_text().endswith("\n")
    # As after a kill in the middle of a line.
    with (files / "undo.jsonl").open("a") as stream:
        stream.write('{"moved": "')
    # A problem at first: the lines that note what was undone must not follow the broken one.
    (files / "a").write_text("taken")
    assert len(undo(files / "undo.jsonl")[1]) == 1
    (files / "a").unlink()
    assert undo(files / "undo.jsonl") == (1, [])
    assert state(files) == before


def test_no_line_follows_a_part_of_another(files):
    """The line that did not fit was followed by the next one, and neither could be undone."""
    before = state(files)
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\nfrom soart.errors import CollectionError\n"
        "from soart.pipelines.tidying.journal import Journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nfolder = Path(sys.argv[1])\njournal = Journal(folder / 'undo.jsonl')\n"
        "journal.move(folder / 'a', folder / 'x' / 'a')\nsize = (folder / 'undo.jsonl').stat().st_size + 20\n"
        "most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\nresource.setrlimit(resource.RLIMIT_FSIZE, (size, most))\n"
        "try: journal.move(folder / 'b', folder / 'x' / 'b')\nexcept CollectionError: print('full')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))\njournal.move(folder / 'c', folder / 'x' / 'c')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(files)], capture_output=True, text=True, check=True)
    assert done.stdout == "full\n"
    assert state(files) == {"b": b"b", "x/a": b"a", "x/c": b"c"}
    assert undo(files / "undo.jsonl") == (2, [])
    assert state(files) == before


def test_an_undo_on_a_full_disk_says_so_and_goes_on_later(files):
    before = state(files)
    change(files)
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\nfrom soart.pipelines.tidying.undoing import undo\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\njournal = Path(sys.argv[1])\nsize = journal.stat().st_size + 20\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\nundo(journal)\n"
    )
    path = files / "undo.jsonl"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    error = done.stderr.splitlines()[-1]
    assert error == f"soart.errors.CollectionError: The undo file {str(path)!r} cannot be written: File too large."
    assert undo(path)[1] == []
    assert state(files) == before
    assert not path.exists()


@pytest.fixture
def other_disk(monkeypatch):
    """As if every folder were on a disk of its own."""

    def within_a_folder(act, source, target):
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source))
        act(source, target)

    for name in ("link", "rename"):
        monkeypatch.setattr(os, name, partial(within_a_folder, getattr(os, name)))


@pytest.mark.usefixtures("other_disk")
def test_files_move_to_another_disk_and_back(files):
    os.utime(files / "a", ns=(1_500_000_000_123_456_789,) * 2)
    journal = Journal(files / "undo.jsonl")
    journal.move(files / "a", files / "x" / "a")
    journal.close()
    assert state(files) == {"b": b"b", "c": b"c", "x/a": b"a"}
    assert (files / "x" / "a").stat().st_mtime_ns == 1_500_000_000_123_456_789
    assert undo(files / "undo.jsonl") == (1, [])
    assert state(files) == {"a": b"a", "b": b"b", "c": b"c"}


@pytest.mark.usefixtures("other_disk")
def test_a_read_only_file_moves_to_another_disk(ordinary_user):
    (ordinary_user / "a").write_text("a")
    (ordinary_user / "a").chmod(0o444)
    journal = Journal(ordinary_user / "undo.jsonl")
    moved = journal.move(ordinary_user / "a", ordinary_user / "x" / "a")
    journal.close()
    assert (moved.read_text(), moved.stat().st_mode & 0o777) == ("a", 0o444)
    assert undo(ordinary_user / "undo.jsonl") == (1, [])
    assert state(ordinary_user) == {"a": b"a"}


@pytest.mark.usefixtures("other_disk")
def test_an_interrupted_move_to_another_disk_leaves_the_file_alone(files, monkeypatch):
    def half(source, target):
        Path(target).write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(moving.shutil, "copyfile", half)
    journal = Journal(files / "undo.jsonl")
    with pytest.raises(KeyboardInterrupt):
        journal.move(files / "a", files / "x" / "a")
    journal.close()
    assert state(files) == {"a": b"a", "b": b"b", "c": b"c"}
    assert undo(files / "undo.jsonl") == (0, [])


def test_a_move_to_another_disk_that_was_killed_is_undone(files):
    """The disk holds the file, and a part of its copy."""
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom soart.pipelines.tidying import journal, moving\n"
        "def other(*names): raise OSError(18, 'Invalid cross-device link')\n"
        "def half(source, target): Path(target).write_text('half'); os._exit(9)\n"
        "os.link = os.rename = other\nmoving.shutil.copyfile = half\nfolder = Path(sys.argv[1])\n"
        "journal.Journal(folder / 'undo.jsonl').move(folder / 'a', folder / 'x' / 'a')\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(files)], check=False).returncode == 9
    assert undo(files / "undo.jsonl") == (1, [])
    assert {path: content for path, content in state(files).items() if not path.endswith(".part")} == {
        "a": b"a", "b": b"b", "c": b"c",
    }  # fmt: skip


def test_two_programs_that_move_files_of_one_name_lose_none(files):
    """Each finds the name free, and writes its move down, before the other takes it."""
    (files / "other").mkdir()
    (files / "other" / "a").write_text("other")
    journals = [Journal(files / f"{number}.jsonl") for number in range(2)]
    note = journals[0]._note

    def note_late(**entry):
        note(**entry)
        if "moved" in entry and not (files / "x" / "a").exists():
            journals[1].move(files / "other" / "a", files / "x" / "a")

    journals[0]._note = note_late
    assert journals[0].move(files / "a", files / "x" / "a") == files / "x" / "a (2)"
    assert state(files) == {"b": b"b", "c": b"c", "x/a": b"other", "x/a (2)": b"a"}
    for number, journal in enumerate(journals):
        journal.close()
        assert undo(files / f"{number}.jsonl") == (1, [])
    assert state(files) == {"a": b"a", "b": b"b", "c": b"c", "other/a": b"other"}


def test_a_move_that_was_killed_between_its_names_is_undone(files):
    journal = Journal(files / "undo.jsonl")
    journal.move(files / "a", files / "x" / "a")
    journal.close()
    os.link(files / "x" / "a", files / "a")
    assert undo(files / "undo.jsonl") == (1, [])
    assert state(files) == {"a": b"a", "b": b"b", "c": b"c"}
    assert not (files / "x").exists()


def unsigned(path):
    """As an earlier soart, or another program, would write it."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({k: v for k, v in line.items() if k != "signed"}) + "\n" for line in lines))


def test_the_changes_of_an_earlier_soart_are_listed_and_undone_when_confirmed(files):
    before = state(files)
    change(files)
    unsigned(files / "undo.jsonl")
    changed = state(files)
    with pytest.raises(UnconfirmedError, match="was not recorded by this user with this soart"):
        undo(files / "undo.jsonl")
    assert state(files) == changed
    changes = RecordedChanges.read(files / "undo.jsonl")
    assert changes.listing() == [
        f"Restores the earlier content of {str(files / 'c')!r}.",
        f"Restores the earlier content of {str(files / 'c')!r}.",
        f"Deletes {str(files / 'new')!r}.",
        f"Moves {str(files / 'x' / 'b (2)')!r} to {str(files / 'b')!r}.",
        f"Moves {str(files / 'x' / 'b')!r} to {str(files / 'a')!r}.",
    ]
    assert changes.undo(confirmed=True) == (5, [])
    assert state(files) == before


def forged_key(lines):
    key_path().write_bytes(bytes(32))


def forged_name(lines):
    lines[0]["moved"] = lines[0]["moved"] + ".bashrc"


def forged_order(lines):
    lines[0], lines[1] = lines[1], lines[0]


def forged_addition(lines):
    lines.append({"written": "/etc/passwd", "old": None, "before": None, "after": "0"})


def forged_copy(lines):
    lines.insert(1, lines[3])


def forged_gap(lines):
    del lines[1]


@pytest.mark.parametrize(
    "forge", [forged_key, forged_name, forged_order, forged_addition, forged_copy, forged_gap], ids=lambda f: f.__name__
)
def test_a_forged_undo_file_changes_nothing_without_a_question(files, monkeypatch, forge):
    monkeypatch.setenv("XDG_DATA_HOME", str(files.parent / "data of forgers"))
    change(files)
    path = files / "undo.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert RecordedChanges.read(path).doubt == ""
    forge(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    changed = state(files)
    with pytest.raises(UnconfirmedError, match="was not recorded by this user"):
        undo(path)
    assert state(files) == changed


def test_nothing_is_moved_to_where_a_link_leads_since(files):
    """The pictures came from a folder that was replaced by a link out of it."""
    (files / "from").mkdir()
    (files / "a").rename(files / "from" / "a")
    journal = Journal(files / "undo.jsonl")
    journal.move(files / "from" / "a", files / "x" / "a")
    journal.close()
    (files / "from").rmdir()
    (files / "private").mkdir()
    (files / "from").symlink_to(files / "private")
    with pytest.raises(UnconfirmedError, match="is not the folder any more that it was"):
        undo(files / "undo.jsonl")
    assert list((files / "private").iterdir()) == []
    (files / "from").unlink()
    assert undo(files / "undo.jsonl") == (1, [])
    assert (files / "from" / "a").read_text() == "a"


def test_folders_that_were_links_before_are_no_doubt(files):
    (files / "real").mkdir()
    (files / "a").rename(files / "real" / "a")
    (files / "way").symlink_to(files / "real")
    journal = Journal(files / "undo.jsonl")
    moved = journal.move(files / "way" / "a", files / "x" / "a")
    journal.write(files / "way" / "a.xmp", b"new")
    journal.close()
    assert moved.read_text() == "a"
    assert undo(files / "undo.jsonl") == (2, [])
    assert [path.name for path in (files / "real").iterdir()] == ["a"]


def test_a_key_is_private_and_made_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert stored_key() is None
    key = own_key()
    assert (len(key), own_key(), stored_key()) == (32, key, key)
    assert key_path().stat().st_mode & 0o777 == 0o600
    assert [path.name for path in key_path().parent.iterdir()] == ["undo.key"]


def test_without_a_place_for_the_key_changes_are_made_and_undone_after_a_question(files, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(files / "c"))
    change(files)
    with pytest.raises(UnconfirmedError):
        undo(files / "undo.jsonl")
    assert RecordedChanges.read(files / "undo.jsonl").undo(confirmed=True) == (5, [])
