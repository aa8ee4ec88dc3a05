"""Beliefs of ``mixture`` about tastes, learnt on other tastes by ``benchmarks/build_beliefs.py``.

All are logs up to a common constant.
"""

from __future__ import annotations

from typing import NamedTuple


class Trust(NamedTuple):
    """How far a prior score is trusted: mean and standard deviation of its weight, and the belief in that."""

    mean: float
    deviation: float
    belief: float


TEMPER = 0.530
KERNELS = {
    "gaussian content": 0.483,
    "gaussian all": 0.498,
    "gaussian appearance": 0.320,
    "gaussian colour": -0.079,
    "linear content": -0.121,
    "linear late content": -0.042,
    "linear all": -0.267,
    "linear colour": -0.079,
    "attention 0.5": -0.381,
    "attention 2": -0.356,
    "attention 8": -0.059,
}
#: Of the size s² where no prior score is trusted, and where one is.
AMPLITUDES = {0.06: 0.121, 0.25: 0.557, 1.0: -0.603}
RESIDUALS = {0.06: 0.129, 0.25: 0.039, 1.0: -0.280}
NOISES = {0.1: -0.413, 0.5: 0.573, 2.0: -0.164}
#: That a trusted prior score explains everything.
ALONE = 0.025
#: In the technical score, and in any other judge.
TRUSTS_IN_TECHNICAL = {"none": Trust(0.0, 0.0, 0.0), "some": Trust(0.3, 0.15, 0.0), "much": Trust(0.7, 0.2, 0.0)}
TRUSTS = {"none": Trust(0.0, 0.0, 0.0), "some": Trust(0.3, 0.15, 0.0), "much": Trust(0.7, 0.2, 0.0)}
