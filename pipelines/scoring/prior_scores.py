"""Prior scores, which a taste starts from, of pictures in a collection.

Items tell the technical score, appeal, and the liking of kinds of a population and of other tastes. The collection holds
other raters' means and the values of judges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...metrics.damage.names import JUDGE
from ...metrics.damage.titles import stored_title
from ...metrics.protocols import Reason, Scorer
from ..collection.collection import Collection
from ..collection.queries import scores_of
from ..support.judge_names import JUDGES, offered_judges
from .reasons import ALL, enough

if TYPE_CHECKING:
    from ...metrics.tastes.profile import OtherTaste, TasteProfile

#: Share of pictures without a judge's value from which on that is said.
MANY_LACK = 0.1


def given_priors(
    collection: Collection, rater: str, prior_names: Sequence[str], ids: Sequence[int]
) -> dict[str, dict[int, float]]:
    """Values by picture id of the prior scores that a collection holds, by name; NaN for pictures without one.

    Args:
        collection: the collection.
        rater: the rater whose taste is learnt; the means are of all others.
        prior_names: names of prior scores; those that items tell are left out.
        ids: of the pictures.
    """
    # An evaluation without a taste needs none of it.
    from ...metrics.tastes.profile import is_given
    from ..collection.ratings import others_mean

    values: dict[str, dict[int, float]] = {}
    for name in filter(is_given, prior_names):
        known = scores_of(collection, name, ids) if name.startswith(JUDGE) else others_mean(collection, rater)
        values[name] = {image: known.get(image, float("nan")) for image in ids}
    return values


def prior_matrix(
    collection: Collection,
    rater: str,
    prior_names: Sequence[str],
    items: Mapping[int, np.ndarray],
    names: Sequence[str],
    kinds: np.ndarray,
    tastes: Sequence[OtherTaste] = (),
) -> dict[int, np.ndarray]:
    """Prior scores of pictures.

    Args:
        collection: the collection.
        rater: the rater whose taste is learnt; ratings of all others make a prior score.
        prior_names: names (k,) of the prior scores.
        items: of the pictures, by id.
        names: of the items.
        kinds: (m, d) weights of the kinds of a population, see ``TasteProfile``.
        tastes: other tastes among the prior scores, in the order of their names.

    Returns:
        (k,) prior scores by picture id; NaN if no other rater has rated the picture, or a judge has not judged it.
    """
    from ...metrics.tastes.profile import computed_priors

    ids = list(items)
    known = given_priors(collection, rater, prior_names, ids)
    given = {name: np.array(list(values.values())) for name, values in known.items()}
    rows = np.stack([items[i] for i in ids]).astype(np.float64)
    return dict(zip(ids, computed_priors(prior_names, rows, names, kinds, given, tastes), strict=True))


def taste_with_given(scorer: Scorer) -> TasteProfile | None:
    """The taste of a scorer, if it uses prior scores that the collection holds."""
    taste: TasteProfile | None = getattr(scorer, "taste", None)
    return None if getattr(taste, "alone", None) is None else taste


def known_of_given(collection: Collection, scorer: Scorer, ids: Sequence[int]) -> dict[str, dict[int, float]]:
    """The values of ``given_priors`` that a profile uses of pictures; none if it uses none."""
    taste = taste_with_given(scorer)
    return {} if taste is None else given_priors(collection, taste.rater, taste.prior_names, ids)


def sentences_on_judges(collection: Collection, scorer: Scorer, ids: Sequence[int]) -> list[str]:
    """A sentence for each judge that a taste starts from and that has not judged many of the pictures."""
    sentences = []
    for name, values in known_of_given(collection, scorer, ids).items():
        missing = sum(np.isnan(value) for value in values.values())
        if name.startswith(JUDGE) and missing >= MANY_LACK * len(ids) > 0:
            judge = stored_title(name).removeprefix(JUDGE).strip()
            # Judges of the user's own are stored under another name than the one that finds them.
            known = judge.partition(":")[0] in {*JUDGES, *offered_judges()}
            way = (
                f"by soart evaluate --judge {judge}, soart rank --judge {judge}=0 or the gallery"
                if known
                else "with it"
            )
            sentences.append(
                f"The judge {judge!r}, which this taste starts from, has not judged {missing} of {len(ids)} pictures: these are "
                f"scored without it. Judge them {way}."
            )
    return sentences


def scores_in(collection: Collection, scorer: Scorer, ids: Sequence[int], items: np.ndarray) -> np.ndarray:
    """(n,) scores of pictures of a collection, with other raters' ratings and judges' values where a taste uses them.

    Args:
        collection: the collection.
        scorer: the profile; a blend is scored without them.
        ids: (n,) ids of the pictures.
        items: (n, p) items.
    """
    taste = taste_with_given(scorer)
    if taste is None:
        return scorer.score(items)
    return taste.score(items, _priors_in(collection, taste, ids, items), useless_ok=True)


def reasons_in(collection: Collection, scorer: Scorer, ids: Sequence[int], items: np.ndarray) -> list[list[Reason]]:
    """As many reasons as are ``enough`` for each of the scores of ``scores_in``, which has the same arguments."""
    taste = taste_with_given(scorer)
    if taste is None:
        return [enough(reasons) for reasons in scorer.explain(items, ALL)]
    from ...metrics.tastes.explanation import explain

    explanations = explain(taste, items, _priors_in(collection, taste, ids, items), ALL)
    return [enough(explanation.reasons) for explanation in explanations]


def _priors_in(collection: Collection, taste: TasteProfile, ids: Sequence[int], items: np.ndarray) -> np.ndarray:
    """(n, k) prior scores of (n,) pictures with (n, p) items."""
    by_id = dict(zip(ids, items, strict=True))
    priors = prior_matrix(collection, taste.rater, taste.prior_names, by_id, taste.names, taste.kinds, taste.tastes)
    return np.stack([priors[i] for i in ids])
