"""The value of a picture and its derivative by the pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ..protocols import Extractor
from .items import items_of
from .views import SmoothViews


def differentiate(
    value: Callable[[torch.Tensor], torch.Tensor],
    extractor: Extractor,
    pixels: np.ndarray,
) -> tuple[float, np.ndarray]:
    """The value of a picture (h, w, 3) floating 0…1 by its (p,) items, and its derivative (h, w, 3) by the pixels.

    The value is that of the 8-bit picture. The extractor has to be one that ``has_gradient``.
    """
    picture = torch.from_numpy(np.array(pixels, dtype=np.float32)).permute(2, 0, 1)[None].requires_grad_()
    with torch.inference_mode(mode=False), torch.enable_grad():
        found = value(items_of(extractor, SmoothViews(picture)))
        derivative = torch.zeros_like(picture)
        # A constant has no graph.
        if found.requires_grad:
            (derivative,) = torch.autograd.grad(found, picture)
    return float(found.detach()), derivative[0].permute(1, 2, 0).contiguous().numpy()
