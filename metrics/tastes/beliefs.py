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


TEMPER = 0.431
KERNELS = {
    "gaussian content": 0.801,
    "gaussian all": 0.486,
    "gaussian appearance": 0.192,
    "gaussian colour": -0.145,
    "linear content": -0.155,
    "linear late content": -0.093,
    "linear all": -0.357,
    "linear colour": 0.256,
    "attention 0.5": -0.387,
    "attention 2": -0.430,
    "attention 8": -0.141,
}
#: Of the size s² where no prior score is trusted, and where one is.
AMPLITUDES = {0.06: 0.138, 0.25: 1.209, 1.0: -0.269}
RESIDUALS = {0.06: -0.207, 0.25: -0.339, 1.0: -0.537}
NOISES = {0.1: -0.398, 0.5: 0.583, 2.0: -0.196}
#: That a trusted prior score explains everything.
ALONE = -0.005
#: In the technical score, and in any other judge.
TRUSTS_IN_TECHNICAL = {
    "none": Trust(0.0, 0.0, 1.547),
    "some": Trust(0.3, 0.15, -0.643),
    "much": Trust(0.7, 0.2, -0.887),
}
TRUSTS = {
    "none": Trust(0.0, 0.0, 0.426),
    "some": Trust(0.3, 0.15, -0.197),
    "much": Trust(0.7, 0.2, -0.258),
}
