import os
import stat
import threading
from pathlib import Path

import pytest

from soart.files import (
    check_writable,
    is_gone,
    leads_out,
    named_as_given,
    open_regular,
    plain_path,
    read_regular,
    shortened,
    whole_file,
    write_whole,
)


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "a.txt"
    for content in (b"first", b"", b"second\n" * 1000):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_the_longest_names_can_be_written(tmp_path):
    path = tmp_path / ("n" * 255)
    write_whole(path, b"x")
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o644)])
def test_only_the_user_may_read_a_private_file(tmp_path, private, mode):
    before = os.umask(0o022)
    try:
        write_whole(tmp_path / "a", b"x", private=private)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


@pytest.mark.parametrize("durable", [True, False])
def test_a_durable_file_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch, durable):
    path, flushed = tmp_path / "a", []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(path.exists()))
    write_whole(path, b"x", durable=durable)
    assert flushed == ([False] if durable else [])
    assert path.read_bytes() == b"x"


def test_a_full_disk_leaves_the_earlier_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    path = tmp_path / "a"
    write_whole(path, b"earlier")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"later")
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interrupted_writer_leaves_nothing(tmp_path, error):
    def write_half():
        with whole_file(tmp_path / "a") as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "a", b"x")


def test_writers_at_the_same_time_do_not_mix(tmp_path, together):
    path = tmp_path / "a"
    contents = [bytes([number]) * 100_000 for number in range(4)]

    def work(number):
        for _ in range(20):
            write_whole(path, contents[number], durable=False)
            assert path.read_bytes() in contents

    together(work)
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_its_file_is_written(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_bytes(b"earlier")
    (tmp_path / "link").symlink_to("real/a")
    write_whole(tmp_path / "link", b"later")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a").read_bytes() == b"later"
    check_writable(tmp_path / "link")
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("none/a")
    with pytest.raises(FileNotFoundError):
        check_writable(tmp_path / "link")


def test_paths_without_detours(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a/b")
    monkeypatch.chdir(tmp_path / "a")
    assert plain_path("../a/./b/") == tmp_path / "a" / "b"
    assert plain_path(".") == tmp_path / "a"
    assert plain_path("../link/none") == tmp_path / "link" / "none"
    # As the system sees it: the folder above the one that the link leads to.
    assert plain_path("../link/..") == tmp_path / "a"


@pytest.mark.parametrize(
    ("name", "most", "short"),
    [
        ("fox.png", 7, "fox.png"),
        ("foxes.png", 7, "fox.png"),
        ("狐狸.png", 10, "狐狸.png"),
        # No character is cut in two.
        ("狐狸.png", 9, "狐.png"),
        ("foxes", 3, "fox"),
    ],
)
def test_long_names_are_shortened_before_their_suffix(name, most, short):
    assert shortened(name, most) == short
    assert len(os.fsencode(shortened(name, most))) <= most


@pytest.mark.parametrize(
    ("given", "path", "named"),
    [
        ("art", "art/a.png", "art/a.png"),
        ("art/", "art/it's.png", "art/it's.png"),
        (".", "art/a.png", "art/a.png"),
        ("../x/art", "art/a.png", "../x/art/a.png"),
        ("art/a.png", "art/a.png", "art/a.png"),
        ("link", "art/a.png", "link/a.png"),
        ("art", "artist/a.png", None),
        ("postgresql://host/art", "art/a.png", None),
        (None, "art/a.png", None),
    ],
)
def test_paths_in_sentences_are_those_that_the_user_knows(tmp_path, monkeypatch, given, path, named):
    folder = tmp_path / "x"
    (folder / "art").mkdir(parents=True)
    (folder / "link").symlink_to(folder / "art")
    monkeypatch.chdir(folder)
    # An absolute name is what the user knows, too.
    names = [str(folder / "art") if given is None else given]
    sentence = f"{str(folder / path)!r} is left out: all black."
    expected = str(folder / path) if named is None else named
    assert named_as_given([sentence, "nothing"], names) == [f"{expected!r} is left out: all black.", "nothing"]


def test_of_folders_in_each_other_the_nearest_names_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sentences = [f"{str(tmp_path / 'art' / 'old' / 'a.png')!r} is like {str(tmp_path / 'art' / 'b.png')!r}."]
    assert named_as_given(sentences, ["art", "./art/old", tmp_path]) == ["'art/old/a.png' is like 'art/b.png'."]


def test_names_that_lead_nowhere_are_left_as_they_are(tmp_path, monkeypatch):
    (tmp_path / "art").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path)
    sentences = [
        "'loop' cannot be read: Too many levels of symbolic links.",
        f"{str(tmp_path / 'art' / 'a')!r} is bad.",
    ]
    assert named_as_given(sentences, ["loop", "nul\0", "art"]) == [sentences[0], "'art/a' is bad."]
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert named_as_given(sentences, ["art"]) == sentences


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_nothing_but_regular_files_is_opened(tmp_path):
    pipe, folder, link = tmp_path / "pipe", tmp_path / "folder", tmp_path / "link"
    os.mkfifo(pipe)
    folder.mkdir()
    link.symlink_to(pipe)
    # A reader that waits for a writer after all is let go, and then fails the test.
    watch = threading.Timer(240, lambda: os.close(os.open(pipe, os.O_RDWR)))
    watch.start()
    for path in (pipe, folder, link, os.devnull):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(path)
    assert watch.is_alive()
    watch.cancel()
    (tmp_path / "file").write_bytes(b"content")
    assert read_regular(tmp_path / "file") == read_regular(str(tmp_path / "file")) == b"content"
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")


def test_a_file_larger_than_allowed_is_not_read(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"four")
    assert read_regular(path, most=4) == b"four"
    for read in (open_regular, read_regular):
        with pytest.raises(OSError, match="more than 0 MiB"):
            read(path, most=3)
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(OSError, match="more than 1024 MiB"):
        read_regular(path)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system shows no files without a size")
def test_a_file_without_a_size_is_read_within_the_limit():
    assert b"Pid:" in read_regular("/proc/self/status")
    with pytest.raises(OSError, match="more than"):
        read_regular("/proc/self/status", most=100)


def test_no_link_leads_out_of_folders_that_are_named(tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside, inside / "more"):
        folder.mkdir()
        (folder / "a.png").write_bytes(folder.name.encode())
    (inside / "out.png").symlink_to(outside / "a.png")
    (inside / "in.png").symlink_to("more/a.png")
    (inside / "away").symlink_to(outside)
    for path, out in (("a.png", False), ("in.png", False), ("out.png", True), ("away/a.png", True)):
        assert leads_out(inside / path, [inside]) == out
        assert not leads_out(inside / path, [inside, outside])
        assert read_regular(inside / path)
        if out:
            with pytest.raises(OSError, match="a link out of its folders"):
                read_regular(inside / path, within=[inside])
        else:
            assert read_regular(inside / path, within=[inside])
    # It lies elsewhere, and no link leads there.
    assert not leads_out(outside / "a.png", [inside])


def test_names_that_no_file_has_are_not_there():
    assert is_gone("a\0b")
    with pytest.raises(OSError, match="zero byte"):
        read_regular("a\0b")
