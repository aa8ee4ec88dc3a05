from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.settings import setting, store_setting


def test_a_setting_is_replaced_and_survives(where):
    with Collection(where) as collection:
        assert setting(collection, "colour") is None
        store_setting(collection, "colour", "red")
        store_setting(collection, "colour", "blue")
    with Collection(where) as collection:
        assert setting(collection, "colour") == "blue"
