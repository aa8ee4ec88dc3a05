"""Turns pictures into numbers: safe decoding, items, and estimators over items.

A public name is loaded when it is first used (PEP 562).

Examples:
    >>> import numpy as np
    >>> from soart.metrics import MT, SoartExtractor
    >>> extractor = SoartExtractor(scales=1, metrics=("Y2",))
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.random((20, 16, 16, 3))
    >>> unit_space = MT(singular="shrink").fit(extractor.extract(noise))
    >>> flat = np.full((16, 16, 3), 0.5)
    >>> unit_space.predict(extractor.extract(np.stack([noise[0], flat]))).tolist()
    [True, False]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .attention.comparison import compare as compare
    from .attention.version_d import AttentionD as AttentionD
    from .attention.versions_abc import AttentionA as AttentionA
    from .attention.versions_abc import AttentionB as AttentionB
    from .attention.versions_abc import AttentionC as AttentionC
    from .damage.technical import TechnicalJudge as TechnicalJudge
    from .image import read_image as read_image
    from .items.deep import DeepExtractor as DeepExtractor
    from .items.soart import SoartExtractor as SoartExtractor
    from .taguchi.distances import MT as MT
    from .taguchi.distances import MTA as MTA
    from .taguchi.distances import RT as RT
    from .taguchi.tmethods import T1 as T1
    from .taguchi.tmethods import T2 as T2
    from .taguchi.tmethods import Ta as Ta
    from .taguchi.tmethods import Tb as Tb
    from .tastes.overall import OverallJudge as OverallJudge
    from .tastes.taste import LearntTaste as LearntTaste
    from .tastes.taste import learn_taste as learn_taste

_HOMES = {
    **dict.fromkeys(("AttentionA", "AttentionB", "AttentionC"), "attention.versions_abc"),
    "AttentionD": "attention.version_d",
    "DeepExtractor": "items.deep",
    **dict.fromkeys(("MT", "MTA", "RT"), "taguchi.distances"),
    "OverallJudge": "tastes.overall",
    "SoartExtractor": "items.soart",
    **dict.fromkeys(("T1", "T2", "Ta", "Tb"), "taguchi.tmethods"),
    "LearntTaste": "tastes.taste",
    "TechnicalJudge": "damage.technical",
    "compare": "attention.comparison",
    "learn_taste": "tastes.taste",
    "read_image": "image",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
