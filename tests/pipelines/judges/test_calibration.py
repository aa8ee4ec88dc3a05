"""Curves of phrases, and the towers that they calibrate: their files and limits."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from soart.pipelines.judges.calibration import Calibration, Curve, PhraseKind, load_curves
from soart.pipelines.judges.phrase_sources import Brief, TowerSource
from soart.prompts.phrases.cutting import cut_prompt
from soart.training.curves import fit_curve, save_curves

CURVE = Curve(0.5, 0.1, ((0.1, 0.0), (0.0, 0.2)), 0.3)


def test_without_pictures_margins_are_log_odds():
    curve = fit_curve(np.zeros(0), np.zeros(0, bool), [])
    assert (curve.slope, curve.offset, curve.spread) == pytest.approx((1, 0, 0))
    assert np.array(curve.covariance) == pytest.approx(100 * np.eye(2))


def test_curves_are_written_beside_those_that_are_there(tmp_path):
    path, other = tmp_path / "curves.json", load_curves()["text"]
    save_curves({"b": CURVE, "c": CURVE}, path)
    save_curves({"a": CURVE, "b": other}, path)
    stored = json.loads(path.read_text())
    assert [*stored] == ["a", "b", "c"]
    assert (stored["b"]["slope"], stored["c"]["spread"]) == (other.slope, 0.3)


def test_towers_see_pictures_up_to_their_largest_size():
    calibration = Calibration({"subject": PhraseKind((("boat",), ("fox",)), CURVE)}, "")
    towers = SimpleNamespace(version="v")
    source = TowerSource(towers, calibration, 64)
    [phrase] = cut_prompt("a boat", source.lexicon)
    assert source.knows(phrase, Brief("a boat", (64, 20)))
    assert not source.knows(phrase, Brief("a boat", (20, 65)))
    # A word of another kind is another thing.
    assert not source.knows(replace(phrase, kind="style"), Brief("a boat", (64, 64)))
