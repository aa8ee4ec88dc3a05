"""soart: generate pictures with any Stable Diffusion model, score them, rank them.

Importing the package imports none of its parts; a public name is loaded when it is first used (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import metrics as metrics
    from .errors import SoartError as SoartError
    from .metrics.damage.technical import TechnicalJudge as TechnicalJudge
    from .metrics.image import read_image as read_image
    from .metrics.items.soart import SoartExtractor as SoartExtractor
    from .metrics.protocols import Judge as Judge
    from .metrics.protocols import Making as Making
    from .metrics.protocols import Values as Values
    from .metrics.tastes.overall import OverallJudge as OverallJudge
    from .metrics.tastes.taste import LearntTaste as LearntTaste
    from .pipelines.api import Ranking as Ranking
    from .pipelines.api import distil as distil
    from .pipelines.api import evaluate as evaluate
    from .pipelines.api import generate as generate
    from .pipelines.api import keep as keep
    from .pipelines.api import optimize as optimize
    from .pipelines.api import rank as rank
    from .pipelines.collection.collection import Collection as Collection
    from .pipelines.evaluation.folders import sync_and_evaluate as sync_and_evaluate
    from .pipelines.evaluation.overview import Overview as Overview
    from .pipelines.generate import plan as plan
    from .pipelines.ingest.local_engine import LocalEngine as LocalEngine
    from .pipelines.ingest.scan import Scan as Scan
    from .pipelines.models.generator import ImageGenerator as ImageGenerator
    from .pipelines.models.loading import load_model as load_model
    from .pipelines.models.opening import open_generator as open_generator
    from .pipelines.scoring.pictures import PicturesInMemory as PicturesInMemory
    from .pipelines.tastes.learning import learn_from_pictures as learn_from_pictures
    from .pipelines.tuning.findings import findings_of as findings_of
    from .pipelines.tuning.language_model import LanguageModelProposer as LanguageModelProposer
    from .pipelines.tuning.loop import tune as tune
    from .pipelines.tuning.panel import Panel as Panel
    from .pipelines.tuning.proposing import vocabulary_proposer as vocabulary_proposer
    from .pipelines.tuning.tuner import Tuner as Tuner
    from .plugin.comfyui.extension import comfy_entrypoint as comfy_entrypoint
    from .plugin.diffusers import wrap as wrap
    from .prompts.space.space import PromptSpace as PromptSpace
    from .version import __version__ as __version__

#: Where ComfyUI finds the help pages of the nodes and the script that shows their tables.
WEB_DIRECTORY = "./plugin/comfyui/web"

_HOMES = {
    "__version__": ".version",
    "Collection": ".pipelines.collection.collection",
    "ImageGenerator": ".pipelines.models.generator",
    "Judge": ".metrics.protocols",
    "LanguageModelProposer": ".pipelines.tuning.language_model",
    "LocalEngine": ".pipelines.ingest.local_engine",
    "Making": ".metrics.protocols",
    "OverallJudge": ".metrics.tastes.overall",
    "Overview": ".pipelines.evaluation.overview",
    "Panel": ".pipelines.tuning.panel",
    "PicturesInMemory": ".pipelines.scoring.pictures",
    "PromptSpace": ".prompts.space.space",
    "Ranking": ".pipelines.api",
    "Scan": ".pipelines.ingest.scan",
    "SoartError": ".errors",
    "SoartExtractor": ".metrics.items.soart",
    "LearntTaste": ".metrics.tastes.taste",
    "TechnicalJudge": ".metrics.damage.technical",
    "Tuner": ".pipelines.tuning.tuner",
    "Values": ".metrics.protocols",
    "distil": ".pipelines.api",
    "evaluate": ".pipelines.api",
    "findings_of": ".pipelines.tuning.findings",
    "generate": ".pipelines.api",
    "keep": ".pipelines.api",
    "learn_from_pictures": ".pipelines.tastes.learning",
    "load_model": ".pipelines.models.loading",
    "optimize": ".pipelines.api",
    "open_generator": ".pipelines.models.opening",
    "plan": ".pipelines.generate",
    "rank": ".pipelines.api",
    "read_image": ".metrics.image",
    "sync_and_evaluate": ".pipelines.evaluation.folders",
    "tune": ".pipelines.tuning.loop",
    "vocabulary_proposer": ".pipelines.tuning.proposing",
    "wrap": ".plugin.diffusers",
}
__all__ = sorted(_HOMES)
# Importable inside ComfyUI only.
_HOMES_IN_COMFYUI = {"comfy_entrypoint": ".plugin.comfyui.extension"}


def __getattr__(name: str) -> object:
    if name == "metrics":
        return import_module(".metrics", __name__)
    home = _HOMES.get(name) or _HOMES_IN_COMFYUI.get(name)
    if home is not None:
        return getattr(import_module(home, __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "metrics"]
