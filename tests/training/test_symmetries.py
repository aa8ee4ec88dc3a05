"""Orders of items under mirrorings and turns."""

import numpy as np

from soart.metrics.items.quality import QualityExtractor
from soart.training.symmetries import symmetries


def test_symmetries_are_those_of_the_square():
    """A turned picture has the texture items of the picture in another order, which is among the symmetries."""
    orders = {tuple(order) for order in symmetries()}
    assert len(orders) == 8
    assert tuple(range(48)) in orders
    picture = np.random.default_rng(1).random((64, 64, 3)).astype(np.float32)
    texture = [n.startswith("quality/texture/") for n in QualityExtractor().names]

    def items(pixels):
        return QualityExtractor().extract(np.ascontiguousarray(pixels))[0, texture]

    base = items(picture)
    for other in (picture[:, ::-1], np.rot90(picture), np.rot90(picture, 2), picture.transpose(1, 0, 2)):
        apart = sorted(np.abs(items(other) - base[list(order)]).max() for order in orders)
        assert apart[0] < 1e-3 < 0.3 < apart[-1]
