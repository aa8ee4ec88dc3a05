from pathlib import Path

from soart.pipelines.collection import files, pictures


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
