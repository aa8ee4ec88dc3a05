"""FluxPipeline that can choose: ``DiffusionPipeline.from_pretrained(..., custom_pipeline=THIS_FOLDER)``.

Diffusers copies this file into its own cache before it loads it, so it imports soart by name; and all such files become one module there, so the
class has the same name in each.
"""

from diffusers import FluxPipeline

from soart.plugin.diffusers import BestOf


class SoartPipeline(BestOf, FluxPipeline):
    """Adds ``best_of`` and ``tune``."""
