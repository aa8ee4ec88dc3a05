"""Beliefs of ``mixture`` about tastes, learnt on other tastes by ``benchmarks/build_beliefs.py``.

All are logs up to a common constant.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class Trust(NamedTuple):
    """Trust in a prior score: mean and standard deviation of its weight, and the belief in that trust."""

    mean: float
    deviation: float
    belief: float


#: Log beliefs in the trusts in a prior score, as other raters show them, in the order of ``mixture.shown_trusts``; None if
#: they show nothing.
Beliefs: TypeAlias = tuple[float, ...] | None
#: Of the evidence within and among trusts.
TEMPER, TEMPER_OF_TRUSTS = 0.585, 0.877
#: "gaussian content" with more than was learnt: real people's tastes are of content more often than planted ones.
KERNELS = {
    "gaussian content": 2.024,
    "gaussian all": 0.495,
    "gaussian appearance": 0.336,
    "gaussian colour": -0.093,
    "linear content": -0.168,
    "linear late content": -0.092,
    "linear all": -0.243,
    "linear colour": 0.349,
    "attention 0.5": -0.406,
    "attention 2": -0.552,
    "attention 8": -0.242,
}
#: Of the size s² where no prior score is trusted, and where one is.
AMPLITUDES = {0.06: -0.238, 0.25: 0.451, 1.0: -0.222}
RESIDUALS = {0.06: 0.149, 0.25: -0.004, 1.0: -0.160}
NOISES = {0.1: -0.335, 0.5: 0.676, 2.0: -0.339}
#: That a trusted prior score explains everything.
ALONE = 0.026
#: In the technical score, and in any other judge; with caution, so that a useless one takes less away.
TRUSTS_IN_TECHNICAL = {
    "none": Trust(0.0, 0.0, 2.795),
    "some": Trust(0.3, 0.15, -0.769),
    "much": Trust(0.7, 0.2, -1.024),
}
TRUSTS = {
    "none": Trust(0.0, 0.0, 1.583),
    "some": Trust(0.3, 0.15, -0.180),
    "much": Trust(0.7, 0.2, -0.418),
}
#: In one kind of a population, together with trust in none; chosen on persons of the learning sources so that those of
#: no kind lose nothing that shows. A person may like what a kind does not.
TRUSTS_IN_KINDS = {
    "none": Trust(0.0, 0.0, 1.5),
    "some": Trust(0.3, 0.15, 0.0),
    "much": Trust(0.7, 0.2, 0.0),
    "against": Trust(-0.5, 0.2, -0.7),
}
#: In all kinds of a population at once, each with a weight of its own; chosen like those in one kind.
TOGETHER = Trust(0.0, 0.3, 1.0)
#: In the mean of other raters, where these show how far they agree: a person may like the opposite. Chosen on persons of
#: the learning sources so that those who agree lose nothing.
TRUSTS_IN_OTHERS = {**TRUSTS, "against": Trust(-0.5, 0.2, -2.0)}
