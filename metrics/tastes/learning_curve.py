"""The learning curve of a taste, and how much more ratings or choices would help.

It is what ``true_auc`` knows of the concordance after more pictures: the same posterior as that of the trust report, which is
its first point, so that report, curve and advice agree.
"""

from __future__ import annotations

from dataclasses import replace

from .examples import Examples
from .true_auc import TrueAuc
from .trust import CHANCE, FEWEST_PER_SIDE, TOO_FEW, UNPROVEN, Trust, of_hundred

#: What stands before the advice for an unproven taste.
COULD_BE_CHANCE = "So far this could be chance."
#: Times as many ratings or choices as now, of the points of the curve.
TIMES = (1.0, 1.5, 2.0, 3.0)
#: The least gain in concordance that is worth more ratings or choices, and in pairs of 100 that is named.
WORTH, NAMED = 0.01, 2


def add_curve(trust: Trust, examples: Examples, found: TrueAuc | None, *, content: bool = False) -> Trust:
    """The trust report with a learning curve, if something was held out, and advice on as many ratings or choices again."""
    if found is not None:
        count = trust.choices if trust.only_choices else len(examples)
        points = [(times, found.after(times * found.n)) for times in TIMES]
        curve = tuple((round(times * count), one.mean, *one.interval) for times, one in points)
        trust = replace(trust, curve=curve, more=count, expected=float(curve[TIMES.index(2.0)][1]))
    return replace(trust, advice=advice_of(trust, content=content))


def advice_of(trust: Trust, *, content: bool) -> str:
    """The advice of a trust report with its curve, as a sentence or more; arguments as for ``add_curve``."""
    if trust.word == TOO_FEW or len(trust.curve) < len(TIMES):
        return rate_more(trust)
    advice = _advice(trust, trust.more, trust.curve[TIMES.index(2.0)])
    if trust.word == CHANCE:
        return " ".join(filter(None, (advice, _missing_side(trust), _other_items(content=content))))
    if trust.word == UNPROVEN:
        return " ".join(filter(None, (COULD_BE_CHANCE, advice, _missing_side(trust))))
    return advice


def rate_more(trust: Trust) -> str:
    """Advice in a sentence on what too few examples lack."""
    if trust.only_choices:
        return "Choose at least five times between two pictures, each time other ones."
    lacking = {"you like": FEWEST_PER_SIDE - trust.liked, "you do not": FEWEST_PER_SIDE - trust.disliked}
    parts = [f"{count} more that {whose}" for whose, count in lacking.items() if count > 0]
    return f"Rate {' and '.join(parts) or 'more that you like and more that you do not'}."


def _advice(trust: Trust, more: int, expected: tuple[int, float, float, float]) -> str:
    """Advice in a sentence, by the point of the curve after ``more`` judgements."""
    value, low, high = map(of_hundred, expected[1:])
    judgements = f"{more} more ratings"
    if trust.only_choices:
        judgements = f"{more} more choices"
    if trust.word in (CHANCE, UNPROVEN):
        # The figure that is expected says nothing of how much surer it would be.
        return f"{judgements} would tell more surely."
    if value - of_hundred(trust.concordance) < NAMED:
        return f"{judgements} would hardly raise this, but find more pictures that you may like."
    return f"{judgements} would make it about {value} ({low} to {high})."


def _missing_side(trust: Trust) -> str:
    """Name in a sentence the side that has too few pictures; empty if neither has, and for choices, which have none."""
    few, many = sorted((trust.liked, trust.disliked))
    if trust.only_choices or few * 2 > many:
        return ""
    if few == trust.disliked:
        return f"Only {few} {'is' if few == 1 else 'are'} disliked beside {many} liked: rate more disliked ones."
    return f"Only {few} {'is' if few == 1 else 'are'} liked beside {many} disliked: rate more liked ones."


def _other_items(*, content: bool) -> str:
    """Name in a sentence other items that might show the taste."""
    if content:
        return (
            "A larger model may see what this one does not: try soart taste learn --network with a CLIP or SigLIP "
            "model, by its id on the Hugging Face hub."
        )
    return (
        "These items only measure how pictures look: soart taste learn --network efficientnet-lite0 adds items of what "
        "they show."
    )
