"""Prior scores that a taste starts from: those that items tell, and what a collection's raters and judges say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...metrics.damage.titles import JudgeKey, Kind, shared_name
from ...metrics.protocols import Judge
from ..collection.collection import Collection
from ..collection.queries import scores_of
from ..support.judge_names import BUILT_IN, offered_judges

if TYPE_CHECKING:
    from ...metrics.tastes.taste import LearntTaste, OtherTaste

#: Share of pictures without a judge's value from which on that is said.
MANY_LACK = 0.1


def given_priors(
    collection: Collection, rater: str, prior_names: Sequence[str], ids: Sequence[int]
) -> dict[str, dict[int, float]]:
    """Values by picture id of the prior scores that a collection holds, by name; NaN for pictures without one."""
    # An evaluation without a taste needs none of it.
    from ...metrics.tastes.taste import is_given
    from ..collection.ratings import others_mean

    values: dict[str, dict[int, float]] = {}
    for name in filter(is_given, prior_names):
        of_model = JudgeKey.of(name).kind is Kind.MODEL
        known = scores_of(collection, name, ids) if of_model else others_mean(collection, rater)
        values[name] = {image: known.get(image, float("nan")) for image in ids}
    return values


def prior_matrix(
    collection: Collection,
    rater: str,
    prior_names: Sequence[str],
    items: Mapping[int, np.ndarray],
    names: Sequence[str],
    tastes: Sequence[OtherTaste] = (),
) -> dict[int, np.ndarray]:
    """Prior scores of pictures.

    The result is (k,) by picture id; NaN if nobody else has rated the picture, or a judge has not judged it. Ratings of
    all but ``rater`` make a prior score; ``tastes`` are in the order of their names.
    """
    from ...metrics.tastes.taste import computed_priors

    ids = list(items)
    known = given_priors(collection, rater, prior_names, ids)
    given = {name: np.array(list(values.values())) for name, values in known.items()}
    rows = np.stack([items[i] for i in ids]).astype(np.float64)
    return dict(zip(ids, computed_priors(prior_names, rows, names, given, tastes), strict=True))


def taste_with_given(judge: object) -> LearntTaste | None:
    """The taste of a judge, if it uses values that the collection holds; None for judges that are no taste."""
    taste: LearntTaste | None = getattr(judge, "taste", None)
    return None if getattr(taste, "alone", None) is None else taste


def known_of_given(collection: Collection, judge: Judge, ids: Sequence[int]) -> dict[str, dict[int, float]]:
    """The values of ``given_priors`` that a taste uses of pictures; none if it uses none."""
    taste = taste_with_given(judge)
    return {} if taste is None else given_priors(collection, taste.rater, taste.prior_names, ids)


def sentences_on_judges(collection: Collection, judge: Judge, ids: Sequence[int]) -> list[str]:
    """A sentence for each judge that a taste starts from and that has not judged many of the pictures."""
    sentences = []
    for name, values in known_of_given(collection, judge, ids).items():
        missing = sum(np.isnan(value) for value in values.values())
        if JudgeKey.of(name).kind is Kind.MODEL and missing >= MANY_LACK * len(ids) > 0:
            other = JudgeKey.of(shared_name(name)).name
            # Judges of the user's own are stored under another name than the one that finds them.
            known = other.partition(":")[0] in {*BUILT_IN, *offered_judges()}
            way = f"by soart rank --by {other} or in the gallery" if known else "with it"
            sentences.append(
                f"The judge {other!r}, which this taste starts from, has not judged {missing} of {len(ids)} pictures: these are "
                f"scored without it. Judge them {way}."
            )
    return sentences
