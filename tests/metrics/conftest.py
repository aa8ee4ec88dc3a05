"""Planted items for the taste tests: a few item names of every kind, likings that depend on two of them."""

from types import SimpleNamespace

import numpy as np
import pytest

from soart.metrics.tastes.examples import from_modes

NAMES = (
    *(f"raw/luma/s{s}/{part}/Y2" for s in range(2) for part in ("line-h", "line-v", "bend-ne")),
    *(f"normalised/luma/s{s}/line-h/Y2" for s in range(2)),
    *(f"colour/chroma/{what}" for what in ("mean", "deviation")),
    *(f"colour/luma/{what}" for what in ("mean", "deviation")),
    "colour/hue/blue",
)
SATURATION, DETAIL = NAMES.index("colour/chroma/mean"), 0


def draw(count, rng):
    """Items of pictures and how much each is liked: saturated colours and fine horizontal detail."""
    items = rng.normal(size=(count, len(NAMES)))
    return items, items[:, SATURATION] + items[:, DETAIL]


def planted(size, rng, noise=0.3):
    """``size`` good and as many bad pictures."""
    items, liking = draw(20 * size, rng)
    order = np.argsort(liking + noise * rng.normal(size=len(liking)))
    good, bad = rng.permutation(order[-6 * size :])[:size], rng.permutation(order[: 6 * size])[:size]
    return from_modes({"good": items[good], "bad": items[bad]})


@pytest.fixture(scope="session")
def taste_world():
    return SimpleNamespace(names=NAMES, draw=draw, planted=planted, saturation=SATURATION, detail=DETAIL)
