"""Tastes that a name can mean, wherever they were learnt."""

import pytest

from soart.errors import TasteError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.names import DATABASE
from soart.pipelines.ingest.default_places import default_collection_path
from soart.pipelines.scoring.rated_tastes import origin_of, rated_stores, tastes_at_hand
from soart.pipelines.scoring.taste_store import TasteStore, tastes_of


@pytest.fixture
def rated(tmp_path, monkeypatch):
    """The collection of a rated folder ``photos``, with a file for its taste ``me``, which holds nothing."""
    for name in ("DATA", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    (tmp_path / "photos").mkdir()
    place = default_collection_path([tmp_path / "photos"])
    Collection(place).close()
    file = tastes_of(place).path("me")
    file.parent.mkdir()
    file.touch()
    return place


def test_a_collection_that_cannot_be_read_hides_no_taste(rated):
    """A damaged database ended ``soart taste show`` and each ranking by the taste."""
    assert origin_of(tastes_at_hand(), "me") == "photos"
    (rated / DATABASE).write_text("damaged")
    assert origin_of(tastes_at_hand(), "me") == "photos"


def test_a_taste_that_goes_meanwhile_is_passed_over(rated):
    """A link to nothing was a traceback."""
    tastes_of(rated).path("gone").symlink_to(rated / "nowhere")
    [store] = rated_stores()
    assert store.folder == tastes_of(rated).folder
    tastes_of(rated).path("me").unlink()
    assert rated_stores() == []


def test_a_name_of_no_taste_is_answered_with_those_of_all_folders(rated, tmp_path):
    for act in (tastes_at_hand().existing, tastes_at_hand().load, tastes_at_hand().delete):
        with pytest.raises(TasteError, match=r"There is no taste 'mee': choose one of me, or learn it"):
            act("mee")
    with pytest.raises(TasteError, match=r"There is no taste 'me' in '.*': there is none yet"):
        tastes_at_hand(tmp_path / "none").load("me")


def test_only_a_taste_from_elsewhere_needs_its_origin_told(rated, tmp_path):
    assert tastes_at_hand(places=[tmp_path / "photos"]).is_near("me")
    assert tastes_at_hand(tastes_of(rated).folder).is_near("me")
    with Collection(rated) as opened:
        assert tastes_at_hand(places=[opened]).is_near("me")
    with Collection(None) as memory:
        assert not tastes_at_hand(places=[memory, tmp_path / "nowhere"]).is_near("me")
    # One of the user's own goes before those of other folders.
    own = TasteStore().path("me")
    own.parent.mkdir(parents=True)
    own.touch()
    assert tastes_at_hand().path("me") == own
    assert tastes_at_hand(places=[rated]).path("me") == tastes_of(rated).path("me")
