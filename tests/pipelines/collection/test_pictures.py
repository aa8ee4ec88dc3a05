from datetime import UTC, datetime
from pathlib import Path

from soart.pipelines.collection import files, pictures
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.counts import count_collection
from soart.pipelines.collection.queries import metadata_of
from soart.pipelines.collection.tables import AWAY, FileRow


def test_files_of_a_scan_and_their_pictures_agree(found):
    scan_number = found.update.scan_number
    assert files.last_scan_number(found.collection) == scan_number
    listed = files.paths_with_pictures(found.collection, scan_number)
    assert [path for path, _ in listed] == sorted(path for path, _ in listed)
    assert files.count_files_with_pictures(found.collection, scan_number) == len(listed) == 43
    ids = files.sound_image_ids(found.collection, scan_number).tolist()
    assert {image for _, image in listed} == set(ids)
    assert files.image_ids_at(found.collection, [path for path, _ in listed[:5]]) == {i for _, i in listed[:5]}
    paths = files.paths_by_picture(found.collection, ids)
    assert {image: of[0] for image, of in paths.items()} == files.first_paths(found.collection, scan_number, ids)
    assert sum(map(len, paths.values())) == len(listed)
    every = [facts.file.path for facts in files.file_facts(found.collection, scan_number)]
    assert {Path(path).name for path in every} - {Path(path).name for path, _ in listed} == {"broken <b>.png"}


def test_any_number_of_pictures_is_looked_up(found, monkeypatch):
    ids = files.sound_image_ids(found.collection, found.update.scan_number).tolist()
    whole = pictures.sha256_by_id(found.collection, ids), pictures.pixel_counts(found.collection, ids)
    rows = pictures.images_by_id(found.collection, ids)
    assert [whole[0][image] for image in ids] == sorted(whole[0].values())
    monkeypatch.setattr(pictures, "_BLOCK", 5)
    monkeypatch.setattr(files, "_BLOCK", 5)
    assert (pictures.sha256_by_id(found.collection, ids), pictures.pixel_counts(found.collection, ids)) == whole
    assert pictures.images_by_id(found.collection, [*ids, 10**6]).keys() == rows.keys() == set(ids)
    assert {image: row.width * row.height for image, row in rows.items()} == whole[1]
    assert len(list(files.file_facts(found.collection, found.update.scan_number))) == 44


def test_facts_of_the_pictures_of_a_scan(found):
    collection, scan = found.collection, found.update.scan_number
    ids = files.sound_image_ids(collection, scan).tolist()
    facts, rows = files.picture_facts(collection, scan, ids[:4]), pictures.images_by_id(collection, ids[:4])
    assert facts.keys() == set(ids[:4])
    for image, one in facts.items():
        row, status = rows[image], Path(one.path).stat()
        assert (one.sha256, one.width, one.height) == (row.sha256, row.width, row.height)
        assert one.changed == status.st_mtime_ns
        assert one.thumbnail.startswith(b"\xff\xd8")
    every = files.picture_facts(collection, scan, ids)
    by_tool = {image: row.prompt for image, row in metadata_of(collection, ids).items()}
    assert {image: one.prompt for image, one in every.items() if one.prompt} == {i: p for i, p in by_tool.items() if p}
    assert files.digests_of_scan(collection, scan) == {bytes.fromhex(one.sha256[:16]) for one in every.values()}
    assert files.files_by_picture(collection, scan)[ids[0]][0] == every[ids[0]].path
    assert files.picture_facts(collection, scan + 1, ids) == {}


def test_pictures_are_found_by_their_paths(found, tmp_path, make_drawn):
    (path, image), *_ = files.paths_with_pictures(found.collection, found.update.scan_number)
    assert files.image_ids_by_path(found.collection, [path, "/nowhere.png"]) == {path: image}
    with Collection(tmp_path / "c") as collection:
        (row,) = collection.add_drawn([make_drawn(1)], "m", "s")
        own = str(collection.locate(row))
        assert files.image_ids_by_path(collection, [own, path]) == {own: row.id}
    with Collection(None) as collection:
        assert files.image_ids_by_path(collection, [path]) == {}


def test_a_file_that_changed_without_its_picture_is_not_decoded_again(found):
    (path, _), *_ = files.paths_with_pictures(found.collection, found.update.scan_number)

    def sizes():
        return {one.file.path: one.file.size for one in files.file_facts(found.collection, found.update.scan_number)}

    before = sizes()
    files.set_file_size(found.collection, path, before[path] + 7)
    assert sizes() == before | {path: before[path] + 7}
    files.set_file_size(found.collection, path, before[path])


def test_the_original_of_copies_comes_first(tmp_path):
    names = ["a (1).png", "a - Copy.png", "b.png", "a.png"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "0.png").symlink_to(tmp_path / "a.png")
    ordered = files.originals_first([str(tmp_path / name) for name in ["0.png", *names]])
    assert [Path(path).name for path in ordered] == ["a.png", "b.png", "a (1).png", "a - Copy.png", "0.png"]


def test_pictures_that_are_away_or_broken_are_told_apart(collection, make_drawn):
    assert pictures.newest_id(collection) == 0
    drawn = [make_drawn(1), make_drawn(2), make_drawn(3, problem="all black"), make_drawn(4)]
    a, b, black, away = (row.id for row in collection.add_drawn(drawn, "m", "s"))
    pictures.update_pictures(collection, [{"id": away, "problem": AWAY}, {"id": b, "width": 99}])
    assert pictures.images_by_id(collection, [b])[b].width == 99
    assert collection.ids() == [a, b]
    assert pictures.count_sound_pictures(collection) == 2
    assert pictures.newest_id(collection) == away
    assert pictures.ids_moved_away(collection) == {away}
    assert pictures.ids_without_files(collection) == set()
    assert {row.id for row in pictures.sound_or_moved_away(collection, [a, black, away])} == {a, away}
    now = datetime.now(UTC)
    with collection.session("be written", write=True) as session:
        session.add_all(
            FileRow(path=f"/{number}.png", size=1, changed=1, image_id=image, scan=1, missing_since=since)
            for number, (image, since) in enumerate([(a, now), (a, None), (b, now)])
        )
    # A picture of which another file is left is not missing.
    assert pictures.ids_without_files(collection) == {b}
    assert pictures.count_sound_pictures(collection) == 1
    counts = count_collection(collection)
    assert (counts.pictures, counts.problems, counts.away) == (2, 1, 1)


def test_counts_of_what_there_is_none_of(collection, make_drawn):
    assert files.last_scan_number(collection) is None
    assert files.count_files_with_pictures(collection, 1) == 0
    assert count_collection(collection).first is None
    (row,) = collection.add_drawn([make_drawn(1)], "m", "s")
    counts = count_collection(collection)
    assert (counts.pictures, counts.problems, counts.away, counts.models) == (1, 0, 0, {"m": 1})
    assert counts.first == counts.last == row.created_at
