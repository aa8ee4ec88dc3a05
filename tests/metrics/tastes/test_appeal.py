"""Appeal: its place among the prior scores of a taste."""

from dataclasses import replace

import numpy as np
import pytest

from soart.errors import TasteError
from soart.metrics.tastes import taste_files
from soart.metrics.tastes.appeal import APPEAL, appeal_model
from soart.metrics.tastes.by_example import Known, explain
from soart.metrics.tastes.examples import from_modes
from soart.metrics.tastes.mixture import hypotheses
from soart.metrics.tastes.taste import TECHNICAL, computed_priors, learn_taste, priors_of_items
from soart.metrics.tastes.taste_files import load_taste, same_taste, save_taste

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
    priors = (TECHNICAL, APPEAL, "others")
    found = hypotheses(["gaussian all"], priors)
    trusted = {tuple(deviation > 0 for deviation in h.deviations) for h in found}
    assert trusted == {
        (first, second, third)
        for first in (False, True)
        for second in (False, True)
        for third in (False, True)
        if not (first and second)
    }


def test_a_taste_of_few_pictures_starts_from_it(tmp_path, monkeypatch):
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
    # It says so in words, and keeps the version of appeal that it was learnt with.
    best = explain(taste, Known(items[order[-1:]]))[0]
    assert "people like it more" in {reason.text.split(" than")[0] for reason in best}
    path = save_taste(taste, tmp_path / "t.safetensors")
    assert same_taste(load_taste(path), taste)
    monkeypatch.setattr(taste_files, "APPEAL_VERSION", "appeal-3")
    with pytest.raises(TasteError, match="learnt with appeal-2"):
        load_taste(path)
