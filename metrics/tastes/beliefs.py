"""Beliefs of ``mixture`` about tastes, learnt on other tastes.

``benchmarks/taste/build_beliefs.py`` and, of how pictures were made, ``build_makings.py`` write them.
All but the tempers are logs up to a common constant.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class PriorTrust(NamedTuple):
    """Trust in a prior score: mean and standard deviation of its weight, and the belief in that trust."""

    mean: float
    deviation: float
    belief: float


#: Log beliefs in the trusts in a prior score, as other raters show them, in the order of ``mixture.shown_trusts``; None if
#: they show nothing.
Beliefs: TypeAlias = tuple[float, ...] | None
#: Of the evidence within and among trusts; learnt on planted tastes by an earlier version of the script.
TEMPER, TEMPER_OF_TRUSTS = 0.585, 0.877
KERNELS = {
    "gaussian content": -0.001,
    "gaussian late content": 0.495,
    "gaussian all": -0.372,
    "gaussian appearance": -0.235,
    "gaussian colour": -0.025,
    "linear content": -0.206,
    "linear late content": 2.108,
    "linear all": -0.593,
    "linear colour": -0.275,
    "attention 0.5": -0.410,
    "attention 2": -0.404,
    "attention 8": -0.159,
}
#: Of the size s² where no prior score is trusted, and where one is.
AMPLITUDES = {0.06: -0.260, 0.25: 0.608, 1.0: -0.357}
RESIDUALS = {0.06: 0.199, 0.25: 0.032, 1.0: -0.259}
NOISES = {0.1: -0.439, 0.5: 0.689, 2.0: -0.245}
#: That a trusted prior score explains everything.
ALONE = 0.033
#: In a kernel over how pictures were made beside one over items, against none; and on top of that, in no kernel over items. Learnt
#: by ``benchmarks/taste/build_makings.py``, with caution, so that little is lost where it tells nothing.
MAKINGS = {"model": -2.32, "settings": -2.09, "words": -2.26, "making": -2.31, "alone": -0.32}
#: In the technical score, and in any other judge; with caution, so that a useless one takes less away.
TRUSTS_IN_TECHNICAL = {
    "none": PriorTrust(0.0, 0.0, 2.851),
    "some": PriorTrust(0.3, 0.15, -0.715),
    "much": PriorTrust(0.7, 0.2, -1.124),
}
TRUSTS = {
    "none": PriorTrust(0.0, 0.0, 1.517),
    "some": PriorTrust(0.3, 0.15, -0.448),
    "much": PriorTrust(0.7, 0.2, -0.091),
}
#: In the mean of other raters and in appeal, where others show how far to trust them: a person may like the opposite.
#: Chosen for means, on persons of the learning sources, so that those who agree lose nothing.
TRUSTS_IN_OTHERS = {**TRUSTS, "against": PriorTrust(-0.5, 0.2, -2.0)}
#: In the technical score of generated pictures, whose faults count for more, above all among those of one prompt.
TRUSTS_IN_GENERATED = {**TRUSTS, "none": PriorTrust(0.0, 0.0, 1.9)}
