"""Pictures drawn by the embedded model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from soart.benchmarks.common import key_of, progress, stored_array
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.models.request import Request
from soart.training.captions import Scene
from soart.training.judge import plain_prompt


def drawn(generator: ImageGenerator, requests: Sequence[Request], title: str = "drawing") -> np.ndarray:
    """(n, 128, 128, 3) uint8 pictures of some requests, in their order."""
    found = {}
    for batch in generator.draw(requests):
        found |= {one.request: one.pixels for one in batch}
        progress(len(found), len(requests), title)
    return np.stack([found[request] for request in requests])


def drawn_once(title: str, scenes: Sequence[Scene], seed: int, cache: Path) -> np.ndarray:
    """(n, 128, 128, 3) uint8 pictures of scenes with a seed each from ``seed`` on; drawn once, then cached."""
    loaded = load_model(device="cpu")

    def draw() -> np.ndarray:
        generator = ImageGenerator(loaded)
        requests = [generator.request(plain_prompt(scene, k % 3), seed + k) for k, scene in enumerate(scenes)]
        return drawn(generator, requests)

    return stored_array(cache / f"{title}-{key_of(repr((seed, loaded.identity, scenes)))}.npy", draw)
