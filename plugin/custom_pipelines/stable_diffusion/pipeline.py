"""Adds ``best_of`` and ``tune`` to StableDiffusionPipeline.

    DiffusionPipeline.from_pretrained(..., custom_pipeline=THIS_FOLDER)

Diffusers copies this file into its own cache before loading it, so it imports soart by name. All such copies become one
module there, so the class has the same name in each.
"""

from diffusers import StableDiffusionPipeline

from soart.plugin.diffusers import BestOf


class SoartPipeline(BestOf, StableDiffusionPipeline):
    """A pipeline with ``best_of`` and ``tune``."""
