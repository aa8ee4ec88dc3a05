"""Judges as callers of the Python API name them, and their weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ...errors import JudgeError, expect
from ...metrics.checks import HEAVIEST, is_weight
from ...metrics.damage.names import OVERALL
from ...metrics.damage.technical import TechnicalJudge
from ...metrics.items.combined import CombinedExtractor, ItemKind, taste_extractor
from ...metrics.protocols import Judge, Measurer
from .catalogue import Allow, Catalogue, Tastes, checked
from .guarded import GuardedJudge

if TYPE_CHECKING:
    from ...metrics.tastes.blend import Taste

#: What a caller of the Python API may name as judges. The keys of a mapping are names and judges; ``Any``, because the
#: keys of a ``Mapping`` are invariant.
By: TypeAlias = (
    "str | Judge | Taste | GuardedJudge | Sequence[str | Judge | Taste | GuardedJudge] | Mapping[Any, float] | None"
)
#: A judge with its weight.
Weighted: TypeAlias = tuple[GuardedJudge, float]


def guarded(judge: str | Judge | Taste | GuardedJudge, tastes: Tastes | None = None) -> GuardedJudge:
    """A judge, a taste, or the judge of a name, guarded; one that is guarded stays as it is."""
    if isinstance(judge, GuardedJudge):
        return judge
    if isinstance(judge, str):
        return Catalogue(tastes).find(judge)
    from ...metrics.tastes.blend import Blend
    from ...metrics.tastes.taste import LearntTaste
    from ..scoring.taste_judge import TasteJudge

    if isinstance(judge, LearntTaste | Blend):
        return GuardedJudge(TasteJudge.of(judge))
    return GuardedJudge(checked(judge, type(judge).__name__))


def judges_for(
    by: By = None, tastes: Tastes | None = None, *, counted_beside: bool = False
) -> list[tuple[GuardedJudge, float]]:
    """The judges that a caller names, guarded, each with its weight; the overall score if none is named.

    With ``counted_beside`` something else counts too, so that all weights may be 0.
    """
    if by is None or (isinstance(by, Sequence | Mapping) and not by):
        by = OVERALL
    if not isinstance(by, Sequence | Mapping) or isinstance(by, str):
        by = [by]
    weights = [*by.items()] if isinstance(by, Mapping) else [(one, 1.0) for one in by]
    for _, weight in weights:
        expect("the weights of judges as numbers", weight, int, float, error=JudgeError)
    judges = [(guarded(one, tastes), float(weight)) for one, weight in weights]
    check_weights(judges, counted_beside=counted_beside)
    return judges


def judges_of_guests(by: Mapping[str, float], catalogue: Catalogue) -> list[Weighted]:
    """The judges that a visitor of a gallery names, as ``judges_for``; the overall score if there are none."""
    return judges_for({catalogue.find(name, Allow.OFFERED): weight for name, weight in (by or {OVERALL: 1.0}).items()})


def measurer_of(judges: Sequence[tuple[GuardedJudge, float]]) -> Measurer:
    """Names the items that pictures are measured by for some judges: those of the first one that needs soart's own.

    Without such a judge they are those of the technical score, which tell pictures that cannot be judged.
    """
    own = (judge.inner for judge, _ in judges if isinstance(judge.extractor, CombinedExtractor))
    measurer: Measurer = next(own, None) or TechnicalJudge.load()  # type: ignore[assignment]
    return measurer


def kinds_of(judges: Sequence[tuple[GuardedJudge, float]]) -> list[ItemKind]:
    """Kinds of items that other processes can measure for some judges beside those that every picture has."""
    kinds = {kind for judge, _ in judges for kind in getattr(judge.inner, "kinds", ())}
    return sorted(kind for kind in kinds if kind.version != taste_extractor().version)


def doubts_of(judges: Iterable[tuple[GuardedJudge, float]]) -> list[str]:
    """Sentences that belong beside the values of judges: one for each taste that cannot be relied on yet."""
    return [judge.doubt for judge, _ in judges if judge.doubt]


def check_weights(judges: Sequence[tuple[GuardedJudge, float]], *, counted_beside: bool = False) -> None:
    """Refuse judges that cannot be used together."""
    names = [judge.stored_name for judge, _ in judges]
    weights = [weight for _, weight in judges]
    if twice := [judge.name for judge, _ in judges if names.count(judge.stored_name) > 1]:
        raise JudgeError(f"The judge {twice[0]!r} is named twice: name each judge once.")
    if not all(map(is_weight, weights)) or not (counted_beside or any(weights)):
        raise JudgeError(f"Expected weights of judges from 0 to {HEAVIEST:,.0f}, one of them above 0, got {weights}.")
