"""Faces in a picture: how many there are, and where the largest ones lie, by two small networks that come with soart.

BlazeFace finds faces; it tells nobody from anybody else, and neither sex nor age. It was learnt from photographs. The networks
are in ``blazeface``, which is imported when a picture comes; ``training/face_weights.py`` converted their weights, which are
MediaPipe's (Apache-2.0).

Source: Bazarevsky et al., "BlazeFace: sub-millisecond neural face detection on mobile GPUs" (2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..image import check_pictures

#: Name of the judge and of the kind of items, and version of the items.
FACES, VERSION = "faces", "faces-1"
#: Faces of a picture that are described, the largest first; all of them are counted.
MOST = 5


class Face(NamedTuple):
    """A face in a picture."""

    #: in shares of the picture's width and height
    left: float
    top: float
    right: float
    bottom: float
    probability: float  # that it is a face, 0…1, by the network
    facing: float  # 1 for a face turned to the camera, 0 for a profile, by the places of eyes and nose
    sharpness: float  # 0…1, of its finest detail at 96 pixels a side

    @property
    def share(self) -> float:
        """Its share of the picture's area, 0…1."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)


def faces_of(item: np.ndarray) -> list[Face]:
    """The largest faces in the items of a picture, at most ``MOST``."""
    rows = np.asarray(item[1:], dtype=np.float64).reshape(MOST, -1)[: int(item[0])]
    return [Face(*row) for row in rows.tolist()]


@dataclass(frozen=True)
class FaceExtractor:
    """Finds the faces of pictures."""

    names: tuple[str, ...] = (
        "faces/count",
        *(f"faces/{n}/{part}" for n in range(1, MOST + 1) for part in Face._fields),
    )
    version: str = VERSION

    def extract(self, images: np.ndarray) -> np.ndarray:
        """(n, 36) items of (h, w, 3) or (n, h, w, 3) pictures, uint8 or floating 0…1."""
        from .blazeface import find_faces

        pictures = images[None] if images.ndim == 3 else images
        rows = np.zeros((len(pictures), len(self.names)))
        for row, picture in zip(rows, pictures, strict=True):
            checked = check_pictures(picture)[0]
            found = find_faces(checked if checked.dtype == np.uint8 else np.rint(checked * 255).astype(np.uint8))
            row[0] = len(found)
            described = found[:MOST].reshape(-1)
            row[1 : 1 + len(described)] = described
        return rows
