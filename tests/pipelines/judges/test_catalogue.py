"""The catalogue: what it lists, and what guests may name."""

import numpy as np
import pytest

from soart.errors import JudgeError, TasteError
from soart.metrics.tastes.examples import from_modes
from soart.metrics.tastes.taste import learn_taste
from soart.pipelines.collection.collection import Collection
from soart.pipelines.judges.catalogue import Allow, Catalogue
from soart.pipelines.judges.finding import judges_of_guests
from soart.pipelines.scoring.collection_tastes import CollectionTastes
from soart.pipelines.scoring.taste_store import TasteStore


def test_each_judge_is_listed_with_what_to_know_of_it(package, tmp_path):
    store = TasteStore(tmp_path / "tastes")
    (store.folder).mkdir()
    store.path("damaged").write_bytes(b"nothing")
    listed = Catalogue(store).entries()
    found = {one.name: one for one in listed}
    assert [one.kind for one in listed] == sorted(
        (one.kind for one in listed), key=["built in", "taste", "model", "acme-judge 2.5"].index
    )
    assert (found["overall"].kind, found["redness"].kind) == ("built in", "acme-judge 2.5")
    assert found["overall"].summary
    assert found["clip"].usage.startswith("clip[:")
    assert found["aesthetic"].usage.startswith("aesthetic:")
    assert any("pip install hpsv2" in note for note in found["hpsv2"].notes)
    damaged = found["damaged"]
    assert (damaged.kind, damaged.summary, len(damaged.notes)) == ("taste", "", 1)
    assert "damaged" in damaged.notes[0]


def test_a_taste_is_listed_with_its_trust_or_its_doubt(tmp_path):
    from soart.metrics.items.combined import taste_extractor

    extractor, store, rng = taste_extractor(None), TasteStore(tmp_path), np.random.default_rng(0)
    items = rng.normal(size=(40, len(extractor.names)))
    items[:20, -30:] += 2
    for name, size in (("sure", 20), ("few", 2)):
        examples = from_modes({"good": items[:size], "bad": items[20 : 20 + size]})
        store.save(learn_taste(examples, extractor.names, extractor.version, name=name, repeats=1))
    few, sure = (one for one in Catalogue(store).entries() if one.kind == "taste")
    assert (few.name, few.summary) == ("few", "")
    assert "not reliable yet" in few.notes[0]
    assert "as you would" in sure.summary
    assert sure.notes == []


@pytest.fixture
def tastes(tmp_path):
    with Collection(tmp_path / "collection") as collection:
        yield CollectionTastes(collection, TasteStore(tmp_path / "tastes"))


def test_adherence_those_of_packages_and_those_of_the_owner(package, tastes, tmp_path):
    owner = [("acme_judge:Moody", 0.5), (f"clip:{tmp_path}/fine", 2.0), ("redness", 3.0)]
    offered = Catalogue(tastes, owner).offered
    assert {label: one.weight for label, one in offered.items()} == {
        "appeal": 1.0, "rated-quality": 1.0, "nima": 1.0, "adherence": 1.0, "faces": 1.0, "broken": 1.0, "ready": 1.0, "redness": 3.0,
        "acme_judge:Moody": 0.5, "clip:fine": 2.0,
    }  # fmt: skip
    assert [*offered][-2:] == ["acme_judge:Moody", "clip:fine"]
    assert all(one.entry.name == label for label, one in offered.items())
    assert offered["ready"].entry.origin == "acme-judge 2.5"


def test_the_owner_may_weigh_a_judge_that_is_offered_anyway(package, tastes):
    offered = Catalogue(tastes, [(" adherence ", 0.5)]).offered
    assert [one.weight for label, one in offered.items() if "adherence" in label] == [0.5]


def test_what_guests_name_is_loaded_once_and_guarded_anew(package, tastes, tmp_path):
    catalogue = Catalogue(tastes, [("acme_judge:Moody", 1.0)])
    [(first, weight)] = judges_of_guests({"acme_judge:Moody": 0.5}, catalogue)
    second = catalogue.find("acme_judge:Moody", Allow.OFFERED)
    assert (first.stored_name, weight) == ("judge:redness@1", 0.5)
    assert first is not second
    elsewhere = catalogue.among(TasteStore(tmp_path / "elsewhere"))
    assert first.inner is second.inner is elsewhere.judge("acme_judge:Moody", Allow.OFFERED)


def test_visitors_name_judges_of_items_and_people_too(tastes):
    judges = judges_of_guests({"technical": 1.0, "person:ann": 2.0}, Catalogue(tastes))
    assert [(judge.stored_name, judge.person, weight) for judge, weight in judges] == [
        ("technical-9", "", 1.0), ("person:ann", "ann", 2.0),
    ]  # fmt: skip
    [(judge, weight)] = judges_of_guests({}, Catalogue(tastes))
    assert (judge.name, weight) == ("overall", 1.0)
    with pytest.raises(TasteError, match="There is no taste 'zoe'"):
        Catalogue(tastes).find("zoe", Allow.OFFERED)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"acme_judge:Redness": 1.0}, "'acme_judge:Redness' is not offered here"),
        ({"clip:/etc": 1.0}, "is not offered here"),
        ({"redness:0.5": 1.0}, "is not offered here"),
        ({"broken": 1.0}, "cannot be loaded: RuntimeError: no weights"),
        ({"redness": -1.0}, "Expected weights of judges from 0"),
        ({"redness": float("nan")}, "Expected weights of judges from 0"),
        ({"redness": 1.0, "ready": 1.0}, "named twice"),
    ],
)
def test_nothing_else_is_loaded(package, tastes, weights, message):
    with pytest.raises(JudgeError, match=message):
        judges_of_guests(weights, Catalogue(tastes))


def test_a_mistake_of_the_owner_is_seen_at_the_start(tastes, tmp_path):
    with pytest.raises(JudgeError, match="There is no judge 'nothing'"):
        _ = Catalogue(tastes, [("nothing", 1.0)]).offered
    with pytest.raises(JudgeError, match="both be called 'clip:fine'"):
        _ = Catalogue(tastes, [(f"clip:{tmp_path}/a/fine", 1.0), (f"clip:{tmp_path}/b/fine", 1.0)]).offered
