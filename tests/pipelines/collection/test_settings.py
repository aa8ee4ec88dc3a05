from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.settings import change_setting, identity, setting, store_setting


def test_a_setting_is_replaced_and_survives(where):
    with Collection(where) as collection:
        assert setting(collection, "colour") is None
        store_setting(collection, "colour", "red")
        store_setting(collection, "colour", "blue")
    with Collection(where) as collection:
        assert setting(collection, "colour") == "blue"


def test_a_setting_is_made_from_the_earlier_one(collection):
    assert change_setting(collection, "seen", lambda earlier: f"{earlier} 1") == "None 1"
    assert change_setting(collection, "seen", lambda earlier: f"{earlier} 2") == "None 1 2"
    assert setting(collection, "seen") == "None 1 2"


def test_a_collection_is_itself_and_no_copy_of_it(tmp_path):
    with Collection(tmp_path / "one") as collection:
        name = identity(collection)
        assert identity(collection) == name
    with Collection(tmp_path / "one") as collection:
        assert identity(collection) == name
    with Collection(tmp_path / "two") as collection:
        assert identity(collection).partition(" ")[0] != name.partition(" ")[0]
    (tmp_path / "one").rename(tmp_path / "moved")
    with Collection(tmp_path / "moved") as collection:
        assert identity(collection) != name
        assert identity(collection).partition(" ")[0] == name.partition(" ")[0]
