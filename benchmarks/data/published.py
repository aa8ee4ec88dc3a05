"""Pictures that were published with people's opinions, as sources of quality_pictures.py: photographs, and scans of art.

Other pictures there come from packages and are reduced, so that what a camera, a scanner or an earlier saving left in
their pixels is averaged away. These are as they were published: photographs with the grain, sharpening and JPEG of the
web, and art with the texture of canvas, film and scans. They count as undamaged, although nobody has checked them.

The technical score is learnt from one half of them; kinds.py measures it on the other. Their data are those of opinions.py.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from soart.benchmarks.data.opinions import PHOTOGRAPHS, other_files
from soart.benchmarks.data.people import everyone, picture_files, themes_for
from soart.benchmarks.data.sources import ART, WEB, Source

#: Domains of opinions.py that are art; the others are photographs.
OF_ART = ("paintings", "art", "paints")
#: Most pictures of a domain, but for those of OASIS.
MOST = 100


def published_sources(cache: Path, *, learning: bool) -> list[Source]:
    """The half that the technical score is learnt from, or the other one; of OASIS that is half of the themes."""
    chosen = themes_for(everyone(cache).source, development=learning)
    domains = {PHOTOGRAPHS: [file for file, one in zip(picture_files(cache), chosen, strict=True) if one]}
    for domain, files in other_files(cache).items():
        domains[domain] = [file for file in files if _is_learnt(file) == learning][:MOST]
    return [
        Source(f"{domain}/{file.stem}", ART if domain in OF_ART else WEB, file)
        for domain, files in domains.items()
        for file in files
    ]


def domains_of(sources: np.ndarray) -> np.ndarray:
    """(n,) domains of (n,) names of published sources."""
    return np.array([name.partition("/")[0] for name in sources])


def _is_learnt(file: Path) -> bool:
    return int(hashlib.sha256(file.name.encode()).hexdigest(), 16) % 2 == 0
