"""More like this."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from soart.errors import CollectionError
from soart.metrics.items.combined import taste_extractor
from soart.metrics.protocols import Measures
from soart.metrics.similarity.neighbours import Standard
from soart.pipelines.collection.collection import Collection
from soart.pipelines.scoring.measuring import open_pictures
from soart.pipelines.scoring.similar import LikenessIndex, by_likeness, similar


def test_pictures_like_those_named_come_first(red_and_green):
    measurer = Measures(taste_extractor())
    collection, rows, _ = open_pictures([red_and_green], measurer)
    with collection:
        for liked, kind in ((["red0.png"], "red"), (["green1.png", "green2.png"], "green")):
            found, problems = similar(collection, rows, [red_and_green / name for name in liked], measurer)
            assert problems == []
            assert [one.path.name[: len(kind)] for one in found[: 8 - len(liked)]] == [kind] * (8 - len(liked))
            assert not {one.path.name for one in found} & set(liked)
            assert [one.likeness for one in found] == sorted((one.likeness for one in found), reverse=True)
        with pytest.raises(CollectionError, match="none"):
            similar(collection, rows, [red_and_green / "none.png"], measurer)
        assert similar(collection, [], [red_and_green / "red0.png"], measurer) == ([], [])


def test_stored_items_of_a_network_count_if_nearly_all_pictures_have_them(red_and_green):
    collection, rows, _ = open_pictures([red_and_green], Measures(taste_extractor()))
    with collection:
        ids = [row.id for row in rows]
        plain = by_likeness(collection, ids, ids[0])
        assert sorted(plain) == sorted(ids)
        # A network that finds every picture like the next one.
        rng = np.random.default_rng(0)
        walk = np.cumsum(rng.normal(size=(len(ids), 40)), axis=0)
        stored = collection.items(taste_extractor().version, ids)
        deep = {image: np.concatenate([stored[image], step]) for image, step in zip(ids, walk, strict=True)}
        version = f"{taste_extractor().version}+deep-2:network"
        collection.add_items(version, {image: deep[image] for image in ids[:4]})
        assert by_likeness(collection, ids, ids[0]) == plain
        collection.add_items(version, deep)
        assert by_likeness(collection, ids, ids[0])[:2] == ids[:2]
        with pytest.raises(CollectionError, match="not measured yet"):
            by_likeness(collection, ids, max(ids) + 1)


def brute_force(collection, version, names, image):
    """Likeness of every measured picture to one of them, by id."""
    ids = collection.measured_ids(version)
    items = np.stack([collection.items(version, ids)[number] for number in ids])
    vectors = Standard.of(items, names).vectors(items)
    return dict(zip(ids, vectors @ vectors[ids.index(image)], strict=True))


def test_the_index_follows_the_collection(tmp_path, monkeypatch):
    monkeypatch.setattr("soart.pipelines.scoring.similar.BLOCK", 3)
    rng, names = np.random.default_rng(1), [f"deep/{number}" for number in range(12)]
    with Collection(tmp_path / "c") as collection:
        ids = []
        for number in range(20):
            path = tmp_path / f"{number}.png"
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
            ids.append(collection.add_file(path)[0].id)
        rows = dict(zip(ids, rng.normal(size=(20, 12)).astype(np.float32), strict=True))
        assert len(LikenessIndex.of(collection, "v", names).ids) == 0
        # Measured out of order: the index keeps the order of ids.
        for part in (ids[12:], ids[3:6], ids[:2]):
            collection.add_items("v", {image: rows[image] for image in part})
            index = LikenessIndex.of(collection, "v", names)
            assert index.ids.tolist() == collection.measured_ids("v")
        (file,) = (tmp_path / "c" / "likeness").iterdir()
        wanted = brute_force(collection, "v", names, ids[4])
        # The standard is that of the first eight pictures, so likenesses are nearly those of all thirteen.
        found = index.likeness(int(index.rows(np.array([ids[4]]))[0]))
        assert np.corrcoef(found, list(wanted.values()))[0, 1] > 0.9
        assert index.rows(np.array([ids[7], 999])).tolist() == [-1, -1]
        # Nothing is made again as long as nothing changes.
        made = file.stat().st_mtime_ns
        assert LikenessIndex.of(collection, "v", names).ids.tolist() == index.ids.tolist()
        assert file.stat().st_mtime_ns == made
        # Twice the pictures: the standard is learnt anew, and so exact.
        collection.add_items("v", rows)
        index = LikenessIndex.of(collection, "v", names)
        wanted = brute_force(collection, "v", names, ids[4])
        assert np.allclose(index.likeness(4), list(wanted.values()), atol=1e-5)
        # A damaged file is replaced.
        file.write_bytes(file.read_bytes()[:100])
        assert np.allclose(LikenessIndex.of(collection, "v", names).likeness(4), list(wanted.values()), atol=1e-5)


def test_an_index_that_cannot_be_written_is_held_in_memory(red_and_green, tmp_path):
    with Collection(tmp_path / "c") as collection:
        ids = [collection.add_file(path)[0].id for path in sorted(red_and_green.glob("*.png"))]
        items = np.random.default_rng(2).normal(size=(len(ids), len(taste_extractor().names)))
        collection.add_items(taste_extractor().version, dict(zip(ids, items, strict=True)))
        expected = by_likeness(collection, ids, ids[0])
        shutil.rmtree(tmp_path / "c" / "likeness")
        (tmp_path / "c" / "likeness").write_text("in the way")
        assert by_likeness(collection, ids, ids[0]) == expected


def test_a_picture_that_was_drawn_again_is_like_others_by_its_new_pixels(tmp_path, make_drawn):
    names, version = taste_extractor().names, taste_extractor().version
    rng = np.random.default_rng(3)
    items = rng.normal(size=(6, len(names))).astype(np.float32)
    with Collection(tmp_path / "c") as collection:
        drawn = [make_drawn(seed) for seed in range(6)]
        ids = [row.id for row in collection.add_drawn(drawn, "m", "s")]
        collection.add_items(version, dict(zip(ids, items, strict=True)))
        by_likeness(collection, ids, ids[0])
        pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        [again] = collection.add_drawn([replace(drawn[3], pixels=pixels)], "m", "s")
        assert again.id == ids[3]
        # As the first picture: the items of the earlier one are gone.
        collection.add_items(version, {ids[3]: items[0]})
        assert by_likeness(collection, ids, ids[0])[:2] == [ids[0], ids[3]]
