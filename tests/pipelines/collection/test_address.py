"""Collections inside the output folder of a host program."""

import pytest

from soart.errors import CollectionError
from soart.pipelines.collection.address import collection_stamp, folder_inside
from soart.pipelines.collection.collection import Collection


def test_folder_inside(tmp_path):
    assert folder_inside(tmp_path, " soart ", "ComfyUI") == tmp_path.resolve() / "soart"
    assert folder_inside(tmp_path, "a/b", "ComfyUI") == tmp_path.resolve() / "a" / "b"


@pytest.mark.parametrize("name", ["", " ", ".", "..", "../x", "/tmp/x", "a/../..", "a\0b"])
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    with pytest.raises(CollectionError):
        folder_inside(tmp_path, name, "ComfyUI")


def test_a_link_that_leads_out_is_refused(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "way").symlink_to(tmp_path)
    with pytest.raises(CollectionError, match="inside ComfyUI's output folder"):
        folder_inside(tmp_path / "base", "way/x", "ComfyUI")


def test_collection_stamp_changes_with_the_database(tmp_path):
    stamps = {collection_stamp(tmp_path)}
    Collection(tmp_path).close()
    stamps.add(collection_stamp(tmp_path))
    assert len(stamps) == 2
