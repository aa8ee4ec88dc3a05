"""Judges pictures in memory, for hosts that keep the pictures themselves; nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...metrics.image import check_pixels
from ...metrics.percentiles import percentiles
from ...metrics.protocols import PictureJudge, Reason, Scorer
from ..scoring.in_memory import ScoredPicture, score_batch
from ..support.batching import batches
from .adherence import AdherenceJudge
from .finding import check_weights, checked, guarded_judges
from .guarded import GuardedJudge
from .ranking import Weighted, combined, judged_reasons

#: What a caller of the Python API may name as judges. The keys of a mapping are names and judges; ``Any``, because the
#: keys of a ``Mapping`` are invariant.
Named = str | PictureJudge | Sequence[str | PictureJudge] | Mapping[Any, float] | None


def judges_for(named: Named) -> list[Weighted]:
    """Guarded judges with their weights.

    Args:
        named: a judge or its name, several of them, or weights by judge or name; None for no judge.

    Raises:
        JudgeError: a judge that cannot be found, loaded or used, or weights that cannot.
    """
    if named is None:
        return []
    if isinstance(named, Mapping):
        loaded = [(guarded(judge), weight) for judge, weight in named.items()]
        # In a tune even a judge of weight 0 has its use: it warns.
        check_weights(loaded, beside=True)
        return loaded
    judges = [named] if isinstance(named, str) or not isinstance(named, Sequence) else list(named)
    return [(guarded(judge), 1.0) for judge in judges]


def guarded(judge: str | PictureJudge | GuardedJudge) -> GuardedJudge:
    """A judge or the judge of a name, guarded; one that is guarded stays as it is.

    Raises:
        JudgeError: a judge that cannot be found, loaded or used.
    """
    if isinstance(judge, GuardedJudge):
        return judge
    if isinstance(judge, str):
        return guarded_judges([(judge, 1.0)])[0][0]
    return GuardedJudge(checked(judge, type(judge).__name__))


def judge_batch(
    pictures: Mapping[int, np.ndarray],
    prompts: Mapping[int, str],
    judges: Sequence[Weighted],
    scorer: Scorer | None = None,
) -> tuple[list[ScoredPicture], list[str]]:
    """Judge a batch, alone or together with a taste; see ``rank_by_judges`` for how they are combined.

    Args:
        pictures: (h, w, 3) uint8 or floating 0…1, by number in the batch.
        prompts: by number in the batch.
        judges: with their weights, at least one.
        scorer: a taste or another profile that counts too, with weight 1.

    Returns:
        the pictures that every judge gave a value, in their order, with percentiles among them, and sentences on what
        went wrong.

    Raises:
        JudgeError: judges that cannot be used together.
    """
    check_weights(judges, beside=scorer is not None)
    columns: dict[str, dict[int, float]] = {}
    why: dict[int, tuple[Reason, ...]] = {}
    seen: dict[int, tuple[Reason, ...]] = {}
    problems: list[str] = []
    if scorer is not None:
        scored, problems = score_batch(pictures, scorer)
        columns[scorer.stored_name] = {picture.number: picture.score for picture in scored}
        why = {picture.number: picture.reasons for picture in scored}
    for judge, _ in judges:
        asked = {n: p for n, p in pictures.items() if prompts.get(n, "").strip() or not judge.needs_prompt}
        if len(asked) < len(pictures):
            missing = len(pictures) - len(asked)
            problems.append(
                f"The judge {judge.name!r} needs a prompt, which {missing} of {len(pictures)} pictures do not have."
            )
        columns[judge.stored_name], phrases = values_of(asked, prompts, judge)
        seen = seen or phrases
        problems += judge.problems
    numbers = [number for number in pictures if all(number in column for column in columns.values())]
    if not numbers:
        return [], problems
    weights = {judge.stored_name: weight for judge, weight in judges}
    matrix = {name: np.array([column[number] for number in numbers]) for name, column in columns.items()}
    scores, shares = combined(matrix, weights)
    ranks = percentiles(scores)
    results = []
    for i, number in enumerate(numbers):
        reasons = judged_reasons(
            judges,
            {name: float(values[i]) for name, values in matrix.items()},
            {name: float(values[i]) for name, values in shares.items()},
            seen.get(number, ()),
            why.get(number, ()),
        )
        results.append(ScoredPicture(number, float(scores[i]), float(ranks[i]), reasons))
    return results, problems


def values_of(
    pictures: Mapping[int, np.ndarray], prompts: Mapping[int, str], judge: GuardedJudge
) -> tuple[dict[int, float], dict[int, tuple[Reason, ...]]]:
    """Values by number, and the reasons of a judge that judges phrase by phrase; arguments as for ``judge_batch``."""
    values: dict[int, float] = {}
    reasons: dict[int, tuple[Reason, ...]] = {}
    for numbers in batches(pictures, judge.batch):
        pixels = [_as_uint8(pictures[number]) for number in numbers]
        texts = [prompts.get(number, "") for number in numbers]
        things: list[Any] = pixels
        if isinstance(judge.inner, AdherenceJudge):
            things = list(map(judge.inner.measure, pixels, texts))
            judged = map(judge.inner.adherence, things, texts)
            reasons |= {number: adherence.reasons() for number, adherence in zip(numbers, judged, strict=True)}
        elif judge.measurer is not None:
            things = [judge.measurer.extractor.extract(p)[0] for p in pixels]
        found = judge.values(things, texts, [f"number {number + 1}" for number in numbers])
        values |= {number: float(v) for number, v in zip(numbers, found, strict=True) if np.isfinite(v)}
    return values, reasons


def _as_uint8(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    rounded: np.ndarray = np.rint(check_pixels(pixels) * 255).astype(np.uint8)
    return rounded
