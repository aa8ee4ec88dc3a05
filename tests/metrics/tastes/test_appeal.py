"""Appeal and NIMA: their places among the prior scores of a taste."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from soart.errors import TasteError
from soart.metrics.items.nima import ITEMS, NIMA
from soart.metrics.protocols import Making
from soart.metrics.tastes.appeal import APPEAL, appeal_model
from soart.metrics.tastes.by_example import Known, explain
from soart.metrics.tastes.examples import from_modes
from soart.metrics.tastes.mixture import hypotheses
from soart.metrics.tastes.taste import TECHNICAL, computed_priors, learn_taste, priors_of_items
from soart.metrics.tastes.taste_files import load_taste, save_taste

NAMES = (
    *(f"colour/chroma/{k}" for k in range(3)),
    *(f"deep/{depth}/{k:03d}" for depth in range(1, 8) for k in range(4)),
)


def pictures(n=60, seed=0):
    return np.random.default_rng(seed).normal(size=(n, len(NAMES)))


def test_needs_the_default_network():
    shipped = appeal_model()
    assert len(shipped.names) == 192 + 320
    assert np.isfinite(shipped.weights).all()
    assert not shipped.known_from(NAMES)
    assert priors_of_items(NAMES) == (TECHNICAL,)
    assert priors_of_items((*NAMES, *shipped.names)) == (TECHNICAL, APPEAL)
    with pytest.raises(TasteError, match="Appeal needs the item"):
        computed_priors((APPEAL,), pictures(2), NAMES)


def test_at_most_one_score_that_items_tell_is_trusted():
    found = hypotheses(["gaussian all"], (TECHNICAL, APPEAL, NIMA, "others"))
    trusted = {tuple(deviation > 0 for deviation in h.deviations) for h in found}
    assert trusted == {of for of in product((False, True), repeat=4) if sum(of[:3]) < 2}


def test_a_taste_of_few_pictures_starts_from_it():
    """Someone who likes what people in general like: four pictures of noise hardly change that."""
    shipped, rng = appeal_model(), np.random.default_rng(5)
    items = shipped.centre + shipped.scale * rng.normal(size=(200, len(shipped.names)))
    scores = computed_priors((APPEAL,), items, shipped.names)
    order = np.argsort(scores[:, 0])
    chosen = [*order[-8:-4], *order[4:8]]
    examples = from_modes({"good": items[chosen[:4]], "bad": items[chosen[4:]]})
    taste = learn_taste(
        replace(examples, priors=scores[chosen]), shipped.names, "deep-2",
        prior_names=(APPEAL,), background=(items, scores), repeats=1,
    )  # fmt: skip
    assert taste.trusted_priors[APPEAL] > 0.8
    assert np.corrcoef(taste.liking(items), scores[:, 0])[0, 1] > 0.9
    # It says so in words.
    best = explain(taste, Known(items[order[-1:]]))[0]
    assert "people like it more" in {reason.text.split(" than")[0] for reason in best}


def test_a_taste_starts_from_nima_and_keeps_the_means_of_models(tmp_path):
    """Someone who likes what photographers like, in pictures by three models of which one draws better."""
    rng, names = np.random.default_rng(6), (*NAMES, *ITEMS)
    models = np.repeat(["dull-v1", "fine-v2", "mid-v3"], 30)
    marks = np.repeat([4.0, 6.0, 5.0], 30) + rng.normal(size=90)
    items = np.column_stack([pictures(90), marks, np.zeros(90)])
    # Of a picture that NIMA cannot tell, the mark counts as usual.
    items[0, -2:] = 0.0, 1.0
    scores, makings = computed_priors((NIMA,), items, names), np.array([Making(model=one) for one in models])
    assert np.isnan(scores[0, 0])
    order = np.argsort(marks)
    chosen = [*order[-8:-4], *order[4:8]]
    examples = from_modes({"good": items[chosen[:4]], "bad": items[chosen[4:]]})
    examples = replace(examples, priors=scores[chosen], makings=makings[chosen])

    def learn(known):
        background = {"background": (items, scores), "makings": known}
        return learn_taste(examples, names, "deep-2", prior_names=(NIMA,), repeats=1, **background)

    taste, told = learn(makings), [Making(model="fine-v2"), Making(model="dull-v1"), Making(model="new")]
    own = taste.fitted.scaling.priors(np.full((3, 1), 5.0), told)[:, 0]
    assert own[0] > own[2] > own[1]
    # Marks say nothing of how alike pictures are.
    assert not np.isin([len(NAMES), len(NAMES) + 1], np.concatenate([*taste.fitted.scaling.frame.kinds.values()])).any()
    # Models that differ as luck has it add nothing.
    assert not learn(rng.permutation(makings)).fitted.scaling.of_models
    path = save_taste(taste, tmp_path / "t.safetensors")
    again, shown = load_taste(path), [Making(model=one) for one in models]
    assert again.of_making
    np.testing.assert_allclose(again.liking(items, makings=shown), taste.liking(items, makings=shown), atol=1e-6)
