import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from soart.metrics.items import packaged_items
from soart.metrics.items.combined import CombinedExtractor, default_network, taste_extractor
from soart.metrics.items.deep import DeepExtractor
from soart.metrics.items.packaged import EFFICIENTNET
from soart.metrics.items.packaged_items import PackagedClasses, PackagedExtractor, class_extractor, packaged_extractor
from soart.metrics.items.soart import SoartExtractor
from soart.metrics.tastes.overall import OverallJudge

pytestmark = pytest.mark.skipif(default_network() is None, reason="needs the packaged network")


def test_it_measures_as_the_loaded_network_does():
    loaded, lazy = DeepExtractor.load(EFFICIENTNET, depths=True), packaged_extractor()
    assert isinstance(lazy, PackagedExtractor)
    assert (lazy.version, lazy.names) == (loaded.version, loaded.names)
    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    assert np.array_equal(lazy.extract(picture), loaded.extract(picture))


def test_other_weights_are_loaded_to_learn_their_version(monkeypatch, tmp_path):
    (tmp_path / "other.pth").write_bytes(b"others")
    monkeypatch.setattr(packaged_items, "weights_file", lambda: tmp_path / "other.pth")
    assert packaged_extractor.__wrapped__() is None


def test_the_overall_score_scores_stored_items_without_torch(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    np.save(tmp_path / "items.npy", OverallJudge.load().extractor.extract(picture))
    code = (
        "import sys, numpy as np\n"
        "from soart.metrics.tastes.overall import OverallJudge\n"
        "judge = OverallJudge.load()\n"
        "items = np.load(sys.argv[1])\n"
        "print(judge.score(items)[0], len(judge.explain(items)[0]))\n"
        "print([name for name in ('torch', 'scipy', 'sklearn', 'pandas') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "items.npy"], capture_output=True, text=True, check=True, cwd=Path("/")
    )
    assert run.stdout.splitlines()[-1] == "[]"


def test_extractors_know_the_kind_by_which_other_processes_find_them():
    for extractor in (taste_extractor(), taste_extractor(EFFICIENTNET)):
        kind = extractor.kind
        assert kind.version == extractor.version
        assert taste_extractor(kind.network).names == extractor.names
    assert CombinedExtractor((SoartExtractor(side=100),)).kind is None
    unnamed = CombinedExtractor((*taste_extractor().parts, DeepExtractor.classes()))
    assert unnamed.kind is None


def test_classes_are_measured_as_the_loaded_network_does(monkeypatch, tmp_path):
    loaded, lazy = DeepExtractor.classes(), class_extractor()
    assert isinstance(lazy, PackagedClasses)
    assert (lazy.version, lazy.names) == (loaded.version, loaded.names)
    picture = np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    assert np.array_equal(lazy.extract(picture), loaded.extract(picture))
    (tmp_path / "other.pth").write_bytes(b"others")
    monkeypatch.setattr(packaged_items, "weights_file", lambda: tmp_path / "other.pth")
    assert isinstance(class_extractor.__wrapped__(), DeepExtractor)
