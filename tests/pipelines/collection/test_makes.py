import json

import numpy as np
import pytest
from sqlalchemy import insert

from soart.metrics.tastes.overall import stored_name
from soart.pipelines.collection import makes
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.makes import count_models, place_effects
from soart.pipelines.collection.pictures import update_pictures
from soart.pipelines.collection.queries import Query, order
from soart.pipelines.collection.tables import AWAY, ImageRow, MetadataRow

OVERALL = stored_name()


def drawn(collection, make_drawn, model, scores, start=0):
    """Pictures of a prompt each by a model, with scores; of two models the prompts are the same."""
    batch = [make_drawn(start + k, f"thing {k}") for k in range(len(scores))]
    ids = [row.id for row in collection.add_drawn(batch, f"{model}@1", "s")]
    collection.set_scores(OVERALL, dict(zip(ids, scores, strict=True)))
    return ids


@pytest.fixture
def filled(where, make_drawn):
    """Twelve prompts by two models, of which one scores higher, but not always."""
    with Collection(where) as collection:
        good = drawn(collection, make_drawn, "good", [52.0 + k for k in range(11)] + [30.0])
        bad = drawn(collection, make_drawn, "bad", [40.0 + k for k in range(11)] + [41.5], 100)
        yield collection, good, bad


def test_models_have_an_effect_on_places_for_every_filter(filled):
    collection, good, bad = filled
    effects = place_effects(collection, OVERALL)
    scores = collection.scores(OVERALL)
    points = effects.points([*good, *bad, 999], np.array([scores.get(image, 50.0) for image in [*good, *bad, 999]]))
    assert (points[:12] > 0.5).all()
    assert (points[12:24] < -0.5).all()
    assert points[24] == 0
    assert effects.why([good[0], bad[0], 999]) == [
        "pictures by good score higher than others here", "pictures by bad score lower than others here", "",
    ]  # fmt: skip
    standing = {image: scores[image] + effect for image, effect in zip([*good, *bad], points[:24], strict=True)}
    places = sorted(standing, key=lambda image: -standing[image])
    query = Query(judge=OVERALL, sort="score")
    assert order(collection, query, "") == places != sorted(scores, key=lambda image: -scores[image])
    assert order(collection, Query(judge=OVERALL, sort="score", ascending=True), "") == places[::-1]
    some = order(collection, Query(judge=OVERALL, sort="score", words=("thing 1",)), "")
    assert some == [image for image in places if image in some]
    # Percentiles are those of scores.
    assert {*order(collection, Query(judge=OVERALL, sort="score", low=70), "")} < {*good}
    collection.set_scores("blur-1", scores)
    assert order(collection, Query(judge="blur-1", sort="score"), "") == sorted(
        scores, key=lambda image: -scores[image]
    )


def test_one_switch_turns_them_off(filled):
    collection, *_ = filled
    query = Query(judge=OVERALL, sort="score")
    with_models, scores = order(collection, query, ""), collection.scores(OVERALL)
    plain = sorted(scores, key=lambda image: -scores[image])
    collection.model_effect = False
    assert order(collection, query, "") == plain
    collection.model_effect = None
    count_models(collection, on=False)
    assert order(collection, query, "") == plain
    collection.model_effect = True
    assert order(collection, query, "") == with_models
    count_models(collection, on=True)
    assert order(collection, query, "") == with_models


def test_they_are_kept_until_scores_or_makes_change(filled, make_drawn, monkeypatch):
    collection, good, bad = filled
    first = place_effects(collection, OVERALL)

    def unexpected(*_):
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(makes, "_found", unexpected)
        kept = place_effects(collection, OVERALL)
    assert kept.ids.tolist() == first.ids.tolist() == [*good, *bad]
    assert kept.logits.tolist() == first.logits.tolist()
    assert kept.words == first.words
    # What was moved away still tells of its model.
    update_pictures(collection, [{"id": good[0], "problem": AWAY}])
    assert place_effects(collection, OVERALL).logits.tolist() == first.logits.tolist()
    third = drawn(collection, make_drawn, "third", [90.0] * 12, 200)
    assert {*third} < {*place_effects(collection, OVERALL).ids.tolist()}
    collection.set_scores(OVERALL, dict.fromkeys([*good, *bad, *third], 50.0))
    assert not len(place_effects(collection, OVERALL).ids)


def test_metadata_name_models_and_loras_whatever_they_hold(where):
    hostile = "\u202e" + "x" * 5000 + "/<b>"
    with Collection(where) as collection:
        rows = [{"sha256": f"{k:064}", "path": f"/{k}.png", "width": 9, "height": 9} for k in range(80)]
        with collection.session("be written", write=True) as session:
            session.execute(insert(ImageRow), rows)
        ids = [row.id for row in collection.images()]
        made = [
            {"image_id": image, "tool": "t", "source": "s", "guessed": False, "model": ("plain", hostile)[k % 2],
             "prompt": f"{'<lora:glow:0.8> ' * (k % 4 > 1)}thing {k // 4}",
             "settings": json.dumps({"loras": "shine:1"} if k % 4 == 0 else {})}
            for k, image in enumerate(ids)
        ]  # fmt: skip
        with collection.session("be written", write=True) as session:
            session.execute(insert(MetadataRow), made)
        collection.set_scores(OVERALL, {image: 30.0 + 20 * (k % 2) + 20 * (k % 4 > 1) for k, image in enumerate(ids)})
        effects = place_effects(collection, OVERALL)
        words = effects.why(ids[:4])
        assert words[0] == "pictures by plain with shine score lower than others here"
        assert words[2].startswith("pictures by plain with glow score")
        assert all(len(text) < 200 and "\u202e" not in text and "x" * 60 not in text for text in words)
        points = effects.points(ids[:4], np.full(4, 50.0))
        assert points[3] == points.max()
        assert points[0] == points.min()
