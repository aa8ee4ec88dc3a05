"""soart: generate pictures with any Stable Diffusion model, score them, rank them.

Importing the package imports none of its parts; a public name is loaded when it is first used (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import SoartError as SoartError
    from .metrics.image import read_image as read_image
    from .metrics.soart import SoartExtractor as SoartExtractor
    from .metrics.taste import TasteProfile as TasteProfile
    from .metrics.technical import TechnicalScorer as TechnicalScorer
    from .pipelines.collection import Collection as Collection
    from .pipelines.execution import LocalEngine as LocalEngine
    from .pipelines.generate import ImageGenerator as ImageGenerator
    from .pipelines.jobs import generate as generate
    from .pipelines.judging import Panel as Panel
    from .pipelines.rank import rank as rank
    from .pipelines.scanning import Scan as Scan
    from .pipelines.surveys import survey as survey
    from .pipelines.tune import Tuner as Tuner
    from .pipelines.tune import tune as tune
    from .pipelines.tuned import find_out as find_out
    from .plugin.comfyui import comfy_entrypoint as comfy_entrypoint
    from .plugin.diffusers import wrap as wrap
    from .prompts.space import PromptSpace as PromptSpace

__version__ = "0.1.0"
#: Where ComfyUI finds the help pages of the nodes and the script that shows their tables.
WEB_DIRECTORY = "./plugin/comfy_web"

_HOMES = {
    "Collection": ".pipelines.collection",
    "ImageGenerator": ".pipelines.generate",
    "LocalEngine": ".pipelines.execution",
    "Panel": ".pipelines.judging",
    "PromptSpace": ".prompts.space",
    "Scan": ".pipelines.scanning",
    "SoartError": ".errors",
    "SoartExtractor": ".metrics.soart",
    "TasteProfile": ".metrics.taste",
    "TechnicalScorer": ".metrics.technical",
    "Tuner": ".pipelines.tune",
    "find_out": ".pipelines.tuned",
    "generate": ".pipelines.jobs",
    "rank": ".pipelines.rank",
    "read_image": ".metrics.image",
    "survey": ".pipelines.surveys",
    "tune": ".pipelines.tune",
    "wrap": ".plugin.diffusers",
}
__all__ = ["__version__", *sorted(_HOMES)]
# Importable inside ComfyUI alone.
_HOMES_IN_COMFYUI = {"comfy_entrypoint": ".plugin.comfyui"}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name) or _HOMES_IN_COMFYUI.get(name)
    if home is not None:
        return getattr(import_module(home, __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
