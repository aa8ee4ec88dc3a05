"""Pictures of noise."""

import numpy as np

from soart.pipelines.models.request import DrawnPicture, Request


def drawn_noise(seed, prompt="a boat", problem=None, size=16):
    """A picture of noise as if drawn for a request, without the cost of drawing."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return DrawnPicture(Request(prompt, seed, width=size, height=size), pixels, problem, 0.1)
