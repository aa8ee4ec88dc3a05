"""Prior scores, which a taste starts from: technical score, appeal, kinds of a population, and other raters' mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...metrics.protocols import Reason, Scorer
from ..collection.collection import Collection
from .reasons import ALL, enough

if TYPE_CHECKING:
    from ...metrics.tastes.profile import TasteProfile


def prior_matrix(
    collection: Collection,
    rater: str,
    prior_names: Sequence[str],
    items: Mapping[int, np.ndarray],
    names: Sequence[str],
    kinds: np.ndarray,
) -> dict[int, np.ndarray]:
    """Prior scores of pictures.

    Args:
        collection: the collection.
        rater: the rater whose taste is learnt; ratings of all others make a prior score.
        prior_names: names (k,) of the prior scores.
        items: of the pictures, by id.
        names: of the items.
        kinds: (m, d) weights of the kinds of a population, see ``TasteProfile``.

    Returns:
        (k,) prior scores by picture id; NaN if no other rater has rated the picture.
    """
    # An evaluation without a taste needs none of it.
    from ...metrics.tastes.profile import OTHERS, computed_priors
    from ..collection.ratings import others_mean

    ids = list(items)
    mean = others_mean(collection, rater) if OTHERS in prior_names else {}
    others = np.array([mean.get(i, np.nan) for i in ids])
    rows = np.stack([items[i] for i in ids]).astype(np.float64)
    matrix = computed_priors(prior_names, rows, names, kinds, others)
    return dict(zip(ids, matrix, strict=True))


def taste_with_others(scorer: Scorer) -> TasteProfile | None:
    """The taste of a scorer, if it knows how to use other raters' ratings of the pictures."""
    taste: TasteProfile | None = getattr(scorer, "taste", None)
    return None if getattr(taste, "alone", None) is None else taste


def known_of_others(collection: Collection, scorer: Scorer) -> dict[int, float]:
    """Mean ratings of other raters by picture id; none if the profile does not use them."""
    taste = taste_with_others(scorer)
    if taste is None:
        return {}
    from ..collection.ratings import others_mean

    return dict(others_mean(collection, taste.rater))


def scores_in(collection: Collection, scorer: Scorer, ids: Sequence[int], items: np.ndarray) -> np.ndarray:
    """(n,) scores of pictures of a collection, with other raters' ratings where a taste uses them.

    Args:
        collection: the collection.
        scorer: the profile; a blend is scored without other raters' ratings.
        ids: (n,) ids of the pictures.
        items: (n, p) items.
    """
    taste = taste_with_others(scorer)
    if taste is None:
        return scorer.score(items)
    return taste.score(items, _priors_in(collection, taste, ids, items), useless_ok=True)


def reasons_in(collection: Collection, scorer: Scorer, ids: Sequence[int], items: np.ndarray) -> list[list[Reason]]:
    """As many reasons as are ``enough`` for each of the scores of ``scores_in``, which has the same arguments."""
    taste = taste_with_others(scorer)
    if taste is None:
        return [enough(reasons) for reasons in scorer.explain(items, ALL)]
    from ...metrics.tastes.explanation import explain

    explanations = explain(taste, items, _priors_in(collection, taste, ids, items), ALL)
    return [enough(explanation.reasons) for explanation in explanations]


def _priors_in(collection: Collection, taste: TasteProfile, ids: Sequence[int], items: np.ndarray) -> np.ndarray:
    """(n, k) prior scores of (n,) pictures with (n, p) items."""
    by_id = dict(zip(ids, items, strict=True))
    priors = prior_matrix(collection, taste.rater, taste.prior_names, by_id, taste.names, taste.kinds)
    return np.stack([priors[i] for i in ids])
