"""The learning curve of a taste, and how much more ratings or choices would help.

It is what ``true_auc`` knows of the concordance after more pictures: the same posterior as that of the trust report, which is
its first point, so that report, curve and advice agree.
"""

from __future__ import annotations

from dataclasses import replace

from .examples import Examples
from .true_auc import TrueAuc
from .trust import CHANCE, FEWEST_PER_SIDE, TOO_FEW, Trust, of_hundred

#: Advice for too few examples, the beginning of a sentence.
RATE_FIVE = "Rate at least five pictures you like and five you do not"
#: The same for a taste that is learnt from choices alone.
CHOOSE_FIVE = "Choose at least five times between two pictures, each time other ones"
#: Advice where there are enough pictures, or choices, of too few prompts.
MORE_PROMPTS = "Rate pictures of more prompts: those of one prompt or seed count as one here."
CHOOSE_MORE_PROMPTS = "Choose between pictures of more prompts: choices of one prompt or seed count as one here."
#: Times as many ratings or choices as now, of the points of the curve.
TIMES = (1.0, 1.5, 2.0, 3.0)
#: The least gain in concordance that is worth more ratings or choices.
WORTH = 0.01


def add_curve(trust: Trust, examples: Examples, found: TrueAuc | None, *, content: bool = False) -> Trust:
    """The trust report with a learning curve, and advice on how much as many ratings or choices again would help.

    Args:
        trust: the report.
        examples: the judged pictures.
        found: what is known of the true concordance; None if nothing could be held out.
        content: True if a network's items are among the items.
    """
    few, more_prompts = (CHOOSE_FIVE, CHOOSE_MORE_PROMPTS) if trust.only_choices else (RATE_FIVE, MORE_PROMPTS)
    better, worse = (examples.liking > examples.middle).sum(), (examples.liking < examples.middle).sum()
    if trust.word == TOO_FEW and min(better, worse) >= FEWEST_PER_SIDE:
        return replace(trust, advice=more_prompts)
    if found is None:
        return replace(trust, advice=f"{few}.")
    count = trust.choices if trust.only_choices else len(examples)
    points = [(times, found.after(times * found.n)) for times in TIMES]
    curve = tuple((round(times * count), one.mean, *one.interval) for times, one in points)
    expected = curve[TIMES.index(2.0)]
    advice = [_advice(trust, count, expected, few)]
    if trust.word == CHANCE:
        advice += [sentence for sentence in (_missing_side(trust), _other_items(content=content)) if sentence]
    return replace(trust, curve=curve, advice=" ".join(advice), more=count, expected=float(expected[1]))


def _advice(trust: Trust, more: int, expected: tuple[int, float, float, float], few: str) -> str:
    """Advice in a sentence.

    Args:
        trust: the trust report.
        more: number of further ratings, or choices.
        expected: point of the curve after these.
        few: advice for too few examples.
    """
    value, low, high = map(of_hundred, expected[1:])
    if trust.word == TOO_FEW:
        return f"{few}."
    judgements = f"{more} more {trust.judgements}"
    if expected[1] - trust.concordance < WORTH or value == of_hundred(trust.concordance):
        return f"{judgements} would hardly change this."
    return f"{judgements} would make it about {value} ({low} to {high})."


def _missing_side(trust: Trust) -> str:
    """Name in a sentence the side that has too few pictures; empty if neither has, and for choices, which have none."""
    few, many = sorted([(trust.liked, "liked"), (trust.disliked, "disliked")])
    if trust.only_choices or few[0] * 2 > many[0]:
        return ""
    return (
        f"Only {few[0]} {'is' if few[0] == 1 else 'are'} {few[1]} beside {many[0]} {many[1]}: rate more {few[1]} ones."
    )


def _other_items(*, content: bool) -> str:
    """Name in a sentence other items that might show the taste."""
    if content:
        return (
            "A larger network may see what this one does not: try soart taste learn --network with the hub id of a CLIP or "
            "SigLIP model."
        )
    return (
        "These items only measure how pictures look: soart taste learn --network efficientnet-lite0 adds items of what "
        "they show."
    )
