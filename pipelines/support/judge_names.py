"""Names of the built-in judges; imports nothing, so that whatever scores may know them without loading any."""

from __future__ import annotations

#: In the order in which they are listed.
JUDGES = (
    "adherence", "appeal", "rated-quality", "clip", "siglip", "pickscore", "aesthetic", "pyiqa", "vqascore", "image-reward", "hpsv2", "hpsv3",
)  # fmt: skip
