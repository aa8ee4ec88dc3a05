"""Families of checkpoints, with the size, steps and guidance of each."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..request import EXTERNAL_GUIDANCE, EXTERNAL_STEPS


class Family(NamedTuple):
    """A family of checkpoints, and the settings that its makers draw with."""

    name: str
    pattern: str  # of names of its checkpoints, or of what their files say about their architecture
    side: int = 1024  # in pixels
    steps: int = EXTERNAL_STEPS
    guidance: float = EXTERNAL_GUIDANCE
    #: scale of classifier-free guidance beside a guidance that distilled weights take as an input; None where that is
    #: the guidance
    true_cfg: float | None = None


#: The first that fits counts. Source: the model cards of their makers; guidance 0 of diffusers is cfg 1 elsewhere.
FAMILIES = (
    Family("Chroma", r"chroma", steps=26, guidance=4.0),
    Family("FLUX.1 schnell", r"flux.?1?.?schnell|schnell", steps=4, guidance=3.5, true_cfg=1.0),
    Family("FLUX.1", r"flux", guidance=3.5, true_cfg=1.0),
    Family("Stable Diffusion 3", r"sd_?3|stable.diffusion.v?3", steps=28, guidance=4.5),
    Family("Qwen-Image", r"qwen", guidance=4.0),
    Family("Z-Image Turbo", r"z.?image.?turbo", steps=8, guidance=1.0),
    Family("Z-Image", r"z.?image|lumina", guidance=4.0),
    Family("Stable Diffusion XL", r"xl|pony|illustrious|noobai"),
)
UNKNOWN = Family("", "", side=512)


def family_of(*texts: str) -> Family:
    """The family that the first of some texts, such as an architecture and a name, names; ``UNKNOWN`` if none does.

    >>> from soart.pipelines.models.backends.families import family_of
    >>> family_of("flux-1-dev", "my_mix.safetensors").name, family_of("", "dreamshaperXL_v21").name
    ('FLUX.1', 'Stable Diffusion XL')
    """
    return next(
        (family for text in texts for family in FAMILIES if re.search(family.pattern, text, re.IGNORECASE)), UNKNOWN
    )
