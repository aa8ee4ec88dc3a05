"""The judges that can be named, as ``soart list judges`` lists them."""

import numpy as np

from soart.metrics.tastes.examples import from_modes
from soart.metrics.tastes.taste import learn_taste
from soart.pipelines.judges.listing import listed_judges
from soart.pipelines.scoring.taste_store import TasteStore


def test_each_judge_is_listed_with_what_to_know_of_it(package, tmp_path):
    store = TasteStore(tmp_path / "tastes")
    (store.folder).mkdir()
    store.path("damaged").write_bytes(b"nothing")
    listed = listed_judges(store)
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
    few, sure = (one for one in listed_judges(store) if one.kind == "taste")
    assert (few.name, few.summary) == ("few", "")
    assert "not reliable yet" in few.notes[0]
    assert "as you would" in sure.summary
    assert sure.notes == []
