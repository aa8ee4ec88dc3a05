"""Shares of suspected pictures by look, and sets of pictures of packages."""

import re

import numpy as np
import pytest
from scipy.stats import beta

from soart.benchmarks.data.quality_pictures import reduced
from soart.benchmarks.data.styles import LOOKS
from soart.benchmarks.score.looks import AS_IT_IS, SMALLER, USUAL, looked, of_size, report
from soart.metrics.damage.names import DETECTORS


def test_shares_have_exact_intervals(capsys):
    """Against the quantiles of the beta distribution."""
    found = np.full((29, 1 + len(LOOKS)), -1)
    found[3, 1] = found[8, 1] = DETECTORS.index("halo")
    found[:, 2] = DETECTORS.index("fade")
    report("drawings", found)
    lines = [line for line in capsys.readouterr().out.splitlines() if "%" in line]
    assert [line[:18].strip() for line in lines] == [name[:18].strip() for name in (AS_IT_IS, *LOOKS)]
    for line, count in zip(lines, (0, 2, 29), strict=False):
        low = beta.ppf(0.025, count, 30 - count) if count else 0
        high = beta.ppf(0.975, count + 1, 29 - count) if count < 29 else 1
        shares = [float(share) / 100 for share in re.findall(r"([\d.]+)%", line)]
        assert shares == pytest.approx([count / 29, low, high], abs=6e-4)
    assert [line.split("  ")[-1] for line in lines[:3]] == ["", "halo 2", "fade 29"]


def test_the_first_picture_in_a_range_of_sizes():
    pixels = np.asarray(np.random.default_rng(0).integers(0, 255, (420, 700, 3)), np.uint8)
    usual, smaller = (of_size(reduced(pixels, np.random.default_rng(1)), sides) for sides in (USUAL, SMALLER))
    assert 512 <= max(usual.shape[:2]) <= 700 / 1.3
    assert 256 <= max(smaller.shape[:2]) <= 450
    assert of_size(iter([smaller]), USUAL) is None


def test_looks_of_a_picture_are_the_same_each_time():
    picture = np.random.default_rng(0).uniform(size=(40, 50, 3)).astype(np.float32)
    first, second, other = looked("one", picture), looked("one", picture), looked("two", picture)
    assert list(first) == [AS_IT_IS, *LOOKS]
    assert all(np.array_equal(first[look], second[look]) for look in first)
    assert not np.array_equal(first["high contrast"], other["high contrast"])
