"""Pictures to numbers: safe decoding, items, and the estimators over them; a name is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .attention import AttentionA as AttentionA
    from .attention import AttentionB as AttentionB
    from .attention import AttentionC as AttentionC
    from .calibrated import AttentionD as AttentionD
    from .comparison import compare as compare
    from .deep import DeepExtractor as DeepExtractor
    from .image import read_image as read_image
    from .soart import SoartExtractor as SoartExtractor
    from .taguchi import MT as MT
    from .taguchi import MTA as MTA
    from .taguchi import RT as RT
    from .taste import TasteProfile as TasteProfile
    from .taste import learn_taste as learn_taste
    from .technical import TechnicalScorer as TechnicalScorer
    from .tmethod import T1 as T1
    from .tmethod import T2 as T2
    from .tmethod import Ta as Ta
    from .tmethod import Tb as Tb

_HOMES = {
    **dict.fromkeys(("AttentionA", "AttentionB", "AttentionC"), "attention"),
    "AttentionD": "calibrated",
    "DeepExtractor": "deep",
    **dict.fromkeys(("MT", "MTA", "RT"), "taguchi"),
    "SoartExtractor": "soart",
    **dict.fromkeys(("T1", "T2", "Ta", "Tb"), "tmethod"),
    "TasteProfile": "taste",
    "TechnicalScorer": "technical",
    "compare": "comparison",
    "learn_taste": "taste",
    "read_image": "image",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
