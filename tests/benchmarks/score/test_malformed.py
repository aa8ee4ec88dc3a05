"""Malformed things in pictures of samplers."""

import numpy as np

from soart.benchmarks.score.malformed import aucs, within


def test_thirds_are_compared_within_prompts():
    prompts = np.repeat(["a", "b"], 9)
    ticks = np.tile(np.arange(9) / 9, 2)
    assert aucs(-ticks, ticks, prompts) == [1.0, 1.0]
    assert (
        within(ticks + (prompts == "b"), prompts).round(6).tolist()
        == np.tile(within(ticks[:9], prompts[:9]), 2).round(6).tolist()
    )
