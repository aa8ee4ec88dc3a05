"""Scans of folders: what is looked at again, lost, found, interrupted or disturbed."""

import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from specimens.scanning import files, settle, update
from specimens.ugly import dangerous_inspection, encoded, picture, write_ugly
from specimens.waiting import until
from sqlalchemy import select

from soart.errors import CollectionError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.settings import setting
from soart.pipelines.collection.tables import FingerprintRow, ImageRow, ItemsRow
from soart.pipelines.ingest import sync as syncing
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.ingest.sync import sync


def test_unchanged_files_are_not_opened_again(where, folder):
    with Collection(where) as collection:
        first, seen = update(collection, folder)
        assert (first.found, first.looked, len(seen)) == (5, 5, 5)
        second, seen = update(collection, folder)
        assert (second.found, second.unchanged, second.looked, seen) == (5, 5, 0, [])
        assert {row.scan for row in files(collection).values()} == {2}
        # What earlier scans reserved is forgotten.
        assert json.loads(setting(collection, "scans_begun")).keys() == {"2"}


def test_moved_copied_and_touched_files_are_known_by_content(collection, folder):
    update(collection, folder)
    (folder / "0.png").rename(folder / "moved.png")
    (folder / "copy.png").write_bytes((folder / "1.png").read_bytes())
    settle(folder / "2.png", 50)
    done, seen = update(collection, folder)
    assert (done.recognised, done.unchanged, done.missing, seen) == (3, 3, 0, [])
    known = files(collection)
    assert known[str(folder / "0.png")].missing_since is not None
    assert known[str(folder / "copy.png")].image_id == known[str(folder / "1.png")].image_id
    moved = next(row for row in collection.images() if row.id == known[str(folder / "moved.png")].image_id)
    assert collection.locate(moved) == folder / "moved.png"
    # Only what is nowhere any more counts as gone.
    (folder / "moved.png").unlink()
    assert update(collection, folder)[0].missing == 1


def test_of_copies_the_first_by_name_stands_for_the_picture(collection, folder):
    update(collection, folder)
    for name in ("00.png", "9.png"):
        (folder / name).write_bytes((folder / "1.png").read_bytes())
        update(collection, folder)
        image = files(collection)[str(folder / "1.png")].image_id
        row = next(row for row in collection.images() if row.id == image)
        assert collection.locate(row) == folder / "00.png"


def test_a_file_of_another_size_is_looked_at_whatever_its_time(collection, folder):
    update(collection, folder)
    status = (folder / "0.png").stat()
    (folder / "0.png").write_bytes(encoded(picture(99, (50, 50)), "PNG"))
    os.utime(folder / "0.png", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert update(collection, folder)[1] == [str(folder / "0.png")]


def test_a_file_of_a_distant_time_does_not_stop_the_scan(collection, folder):
    settle(folder / "0.png", -300 * 365 * 86_400)
    settle(folder / "1.png", 300 * 365 * 86_400)
    for looked in (5, 0):
        done, _ = update(collection, folder)
        assert (done.found, done.looked, done.problems) == (5, looked, [])


def test_pictures_in_a_folder_that_cannot_be_opened_are_not_gone(tmp_path, folder):
    # Root may open everything: the second scan runs as an ordinary user.
    user = os.geteuid()
    with TemporaryDirectory() as place, Collection(Path(place, "c")) as collection:
        pictures = Path(place, "pictures")
        folder.rename(pictures)
        update(collection, pictures)
        for path in (Path(place), *Path(place).rglob("*")):
            path.chmod(0o777)
        (pictures / "inner").chmod(0)
        (pictures / "0.png").unlink()
        os.seteuid(user or 65534)
        try:
            done = update(collection, pictures)[0]
        finally:
            os.seteuid(user)
            (pictures / "inner").chmod(0o700)
        assert (done.found, done.missing) == (2, 1)
        assert done.problems == [f"'{pictures}/inner' cannot be read: Permission denied."]
        assert files(collection)[str(pictures / "inner" / "3.png")].missing_since is None


def test_changed_files_are_looked_at_and_their_old_pictures_kept(collection, folder):
    update(collection, folder)
    (folder / "0.png").write_bytes(encoded(picture(99), "PNG"))
    _, seen = update(collection, folder)
    assert seen == [str(folder / "0.png")]
    assert len(collection.images()) == 6
    # It was written just now: it may change again within the clock's tick, so it is compared by content.
    done, seen = update(collection, folder)
    assert (done.recognised, done.unchanged, seen) == (1, 4, [])


def test_lost_files_are_marked_and_found_again(collection, folder):
    update(collection, folder)
    content = (folder / "inner" / "3.png").read_bytes()
    (folder / "inner" / "3.png").unlink()
    assert update(collection, folder)[0].missing == 1
    assert update(collection, folder)[0].missing == 1
    (folder / "inner" / "3.png").write_bytes(content)
    done, seen = update(collection, folder)
    assert (done.missing, done.recognised, seen) == (0, 1, [])
    assert files(collection)[str(folder / "inner" / "3.png")].missing_since is None


def test_lost_files_are_found_among_many_folders(collection, folder, tmp_path):
    update(collection, folder)
    (folder / "inner" / "3.png").unlink()
    (folder / "0.png").unlink()
    more = [tmp_path / "more" / str(number) for number in range(1100)]
    for path in more:
        path.mkdir(parents=True)
    done = sync(collection, Scan([folder, *more, folder / "inner"]), LocalEngine(1))
    assert (done.found, done.missing) == (3, 2)
    assert {path for path, row in files(collection).items() if row.missing_since} == {
        str(folder / "0.png"), str(folder / "inner" / "3.png"),
    }  # fmt: skip


def test_a_folder_that_cannot_be_reached_loses_nothing(collection, folder, tmp_path):
    update(collection, folder)
    folder.rename(tmp_path / "unplugged")
    done, _ = update(collection, folder)
    assert (done.found, done.missing) == (0, 0)
    assert "does not exist" in done.problems[0]
    assert all(row.missing_since is None for row in files(collection).values())


def test_globs_choose_files_and_the_others_are_not_lost(collection, folder):
    update(collection, folder)
    done = sync(collection, Scan([folder], ["inner/*"]), LocalEngine(1))
    assert (done.found, done.missing) == (2, 0)


def test_links_to_folders_are_followed_on_request_and_never_in_circles(folder):
    (folder / "inner" / "loop").symlink_to(folder)
    (folder / "again").symlink_to(folder / "inner")
    assert sum(1 for _ in Scan([folder])) == 5
    assert sum(1 for _ in Scan([folder], follow_links=True)) == 5
    assert sum(1 for _ in Scan([folder, folder / "inner", folder])) == 5


def test_every_broken_file_is_named_with_a_reason_and_good_ones_are_measured(collection, tmp_path):
    broken, odd = write_ugly(tmp_path / "ugly")
    assert len(broken) >= 40
    done = sync(collection, Scan([tmp_path / "ugly"]), LocalEngine(2))
    assert done.found == len(broken) + len(odd)
    for name in broken:
        (reason,) = [text for text in done.problems if repr(str(tmp_path / "ugly" / name)) in text]
        assert len(reason) > len(name) + 20
    assert len(done.problems) == len(broken) + 1  # the link that leads nowhere
    assert len(collection.images()) == len(odd)
    again = sync(collection, Scan([tmp_path / "ugly"]), LocalEngine(2))
    assert again.problems == done.problems


def test_a_file_that_vanishes_while_it_is_read_is_no_loss(collection, folder):
    class Vanishing(LocalEngine):
        def inspect(self, paths, kinds=(None,)):
            for path in paths:
                content = Path(path).read_bytes()
                Path(path).unlink()
                yield from super().inspect([path], kinds)
                Path(path).write_bytes(content)

    done = sync(collection, Scan([folder]), Vanishing(1))
    assert len([text for text in done.problems if "cannot be read" in text]) == 5
    assert collection.images() == []
    done, seen = update(collection, folder)
    assert len(seen) == 5
    assert done.problems == []


def test_pictures_that_bring_a_worker_down_are_named_and_the_others_measured(collection, folder):
    for name in ("crash-1.png", "crash-2.png", "hang.png"):
        (folder / name).write_bytes(encoded(picture(50), "PNG"))
        settle(folder / name)
    done = sync(collection, Scan([folder]), LocalEngine(2, limit=30.0, inspect=dangerous_inspection))
    assert len(done.problems) == 3
    assert all("crashed or timed out" in text for text in done.problems)
    assert len(collection.images()) == 5
    # Once is enough, unless the user asks for another try.
    assert sync(collection, Scan([folder]), LocalEngine(1)).looked == 0
    done = sync(collection, Scan([folder]), LocalEngine(1), retry=True)
    assert (done.looked, done.problems, len(collection.images())) == (3, [], 6)


KILLED = """
import sys
from pathlib import Path
from soart.pipelines.collection.collection import Collection
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.ingest.sync import sync

if __name__ == "__main__":
    with Collection(sys.argv[1]) as collection:
        print("ready", flush=True)
        sync(collection, Scan([Path(sys.argv[2])]), LocalEngine(2))
"""


def test_killed_runs_lose_and_repeat_nothing(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for k in range(90):
        (pictures / f"{k}.png").write_bytes(encoded(picture(k, (80, 60)), "PNG"))
        settle(pictures / f"{k}.png")
    script = tmp_path / "run.py"
    script.write_text(KILLED)
    stored = [0]
    for patience in (0.03, 0.06):
        with subprocess.Popen([sys.executable, script, tmp_path / "c", pictures], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            with Collection(tmp_path / "c") as collection:
                until(lambda: len(files(collection)) > stored[-1] or process.poll() is not None)
            time.sleep(patience)
            process.send_signal(signal.SIGKILL)
        with Collection(tmp_path / "c") as collection:
            stored.append(len(files(collection)))
    assert 0 < stored[1] <= stored[2]
    with Collection(tmp_path / "c") as collection, Collection(tmp_path / "clean") as clean:
        _, seen = update(collection, pictures)
        assert len(seen) == 90 - stored[2]
        update(clean, pictures)
        assert contents(collection) == contents(clean)


def contents(collection):
    """All that was found, by content."""
    query = (
        select(
            ImageRow.sha256,
            ImageRow.width,
            FingerprintRow.phash,
            FingerprintRow.thumbnail,
            ItemsRow.version,
            ItemsRow.values,
        )
        .join(FingerprintRow, FingerprintRow.image_id == ImageRow.id)
        .join(ItemsRow, ItemsRow.image_id == ImageRow.id)
        .order_by(ImageRow.sha256)
    )
    with collection.session("be read") as session:
        return [tuple(row) for row in session.execute(query)]


def test_workers_go_when_their_parent_is_killed(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "hang.png").write_bytes(encoded(picture(1), "PNG"))
    script = tmp_path / "run.py"
    script.write_text(
        KILLED.replace("LocalEngine(2)", "LocalEngine(2, inspect=dangerous_inspection)").replace(
            "import sys", "import sys\nfrom specimens.ugly import dangerous_inspection", 1
        )
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    with subprocess.Popen(
        [sys.executable, script, tmp_path / "c", pictures], env=environment, stdout=subprocess.PIPE
    ) as process:
        until((pictures / "hang.pid").exists)
        process.send_signal(signal.SIGKILL)
    worker = int((pictures / "hang.pid").read_text())
    until(lambda: not alive(worker))


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Disturbed(LocalEngine):
    """Another scan of the same collection runs before the first inspection."""

    def __init__(self, other):
        super().__init__(1)
        self.other = other

    def inspect(self, paths, kinds=(None,)):
        for inspection in super().inspect(paths, kinds):
            yield inspection
            if self.other is not None:
                other, self.other = self.other, None
                other()


def test_scans_of_other_folders_at_the_same_time_are_kept_apart(where, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (folder / "0.png").rename(other / "0.png")
    both = []
    with Collection(where) as collection, Collection(where) as second:
        engine = Disturbed(lambda: both.append(update(second, other)[0]))
        both.append(sync(collection, Scan([folder]), engine))
        assert [done.found for done in both] == [1, 4]
        seen = {
            name: {p for p, row in files(collection).items() if row.scan == done.scan_number}
            for name, done in zip((other, folder), both, strict=True)
        }
    assert seen == {place: {str(path) for path in place.rglob("*.png")} for place in (other, folder)}


def test_a_scan_of_the_same_files_at_the_same_time_is_complete_or_says_that_it_is_not(where, folder):
    with Collection(where) as collection, Collection(where) as second:
        done = sync(collection, Scan([folder]), Disturbed(lambda: update(second, folder)))
        assert sum(row.scan == done.scan_number for row in files(collection).values()) == 5
        disturbed = Disturbed(lambda: update(second, folder / "inner"))
        (folder / "new.png").write_bytes(encoded(picture(9), "PNG"))
        with pytest.raises(CollectionError, match="at the same time"):
            sync(collection, Scan([folder]), disturbed)
        assert update(collection, folder)[0].found == 6


@pytest.mark.parametrize(("first", "totals"), [(100, [6, 6, 6]), (3, [3, 4, 6])])
def test_the_number_of_files_is_known_before_the_first_is_inspected(collection, folder, monkeypatch, first, totals):
    (folder / "inner" / "5.png").write_bytes(encoded(picture(5), "PNG"))
    monkeypatch.setattr(syncing, "LISTED_FIRST", first)
    monkeypatch.setattr(syncing, "_CHUNK", 2)
    found = []
    sync(collection, Scan([folder]), LocalEngine(1), expect=found.append)
    assert found == totals


def test_a_huge_folder_is_never_held_as_a_whole(tmp_path):
    for k in range(20_000):
        (tmp_path / f"{k}.png").touch()
    tracemalloc.start()
    assert sum(1 for _ in Scan([tmp_path])) == 20_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The names alone take more than a megabyte.
    assert peak < 300_000
