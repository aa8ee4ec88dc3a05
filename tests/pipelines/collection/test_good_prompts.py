"""The prompts of the best pictures."""

from soart.pipelines.collection.good_prompts import good_prompts
from soart.pipelines.collection.ratings import rate


def test_good_prompts_are_those_of_the_best_rated_pictures(collection, make_drawn):
    rows = collection.add_drawn(
        [make_drawn(seed, prompt=f"a boat, style {seed}") for seed in range(4)], "model", "unknown"
    )
    rate(collection, "me", {rows[0].id: 3.5, rows[1].id: 5.0, rows[2].id: 4.0})
    collection.set_scores("blue", {rows[3].id: 9.0, rows[1].id: 1.0, rows[0].id: 0.0})
    # Neither what was rated below four stars, nor what scores below the mean.
    assert good_prompts(collection, ["me", "blue"]) == [f"a boat, style {n}" for n in (1, 2, 3)]
    keys = {rows[1].generation.request_key}
    assert good_prompts(collection, ["me"], keys) == ["a boat, style 2"]
    assert good_prompts(collection, ["nobody"]) == []
