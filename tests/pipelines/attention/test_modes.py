"""Folders of pictures, one a mode, compared under versions of attention."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import ndimage

from soart.errors import CollectionError, ItemsError
from soart.metrics.items.soart import SoartExtractor
from soart.pipelines.attention.modes import compare_versions, fit_version, measure_modes, write_comparison
from soart.training.render import example


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Twelve scenes as they are, blurred, and noisy; a file of nonsense among them."""
    root = tmp_path_factory.mktemp("modes")
    rng = np.random.default_rng(0)
    for mode in ("normal", "blurry", "noisy"):
        (root / mode).mkdir()
    for i in range(12):
        clean = example(5, i)[1].astype(float)
        versions = {
            "normal": clean,
            "blurry": ndimage.gaussian_filter(clean, (2.5, 2.5, 0)),
            "noisy": clean + 40 * rng.standard_normal(clean.shape),
        }
        for mode, pixels in versions.items():
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(root / mode / f"scene{i}.png")
    (root / "noisy" / "broken.png").write_bytes(b"nonsense")
    return {mode: root / mode for mode in ("normal", "blurry", "noisy")}


@pytest.fixture(scope="module")
def data(folders):
    return measure_modes(folders)


def test_pictures_are_measured_and_bad_ones_are_named(data, folders):
    assert data.items.shape == (36, len(SoartExtractor().names))
    assert data.modes.tolist() == ["normal"] * 12 + ["blurry"] * 12 + ["noisy"] * 12
    assert len(data.problems) == 1
    assert "broken.png" in data.problems[0]
    assert data.columns("Y2").sum() == data.items.shape[1] // 3


def test_versions_are_compared(data):
    report = compare_versions(data, ("A", "D"), folds=3)
    assert set(report.accuracy) == {"A", "B", "C", "D"}
    assert report.accuracy["D"] > 0.8 > report.chance
    assert report.comparison.names == ("A", "D")
    measured = report.comparison.first.columns
    learnt = report.comparison.first.index.get_level_values("mode")
    assert len(measured) + len(learnt) == 36
    # Pictures of one name (here: of one scene) are either learnt from or measured.
    by_name = pd.Series(measured.get_level_values("picture")).value_counts()
    assert set(by_name) == {3}
    again = compare_versions(data, ("A", "D"), folds=3)
    assert again.accuracy == report.accuracy


def test_unit_space_matters_to_version_b(data):
    rows = np.ones(len(data.modes), dtype=bool)
    first, second = (fit_version("B", data, rows, unit).query_ for unit in ("normal", "blurry"))
    assert not np.allclose(first, second)


def test_tables_are_written(data, tmp_path):
    report = compare_versions(data, ("B", "C"), folds=3)
    files = write_comparison(report.comparison, tmp_path / "new" / "tables")
    assert [f.name for f in files] == [
        "attention-B.csv", "attention-C.csv", "difference.csv", "plus-minus.csv", "plus-minus-blocks.csv", "comparison.png",
    ]  # fmt: skip
    back = pd.read_csv(files[0], header=[0, 1], index_col=[0, 1])
    assert np.allclose(back.to_numpy(), report.comparison.first.to_numpy())
    with Image.open(files[-1]) as image:
        assert image.width > 800
    (tmp_path / "file").write_text("")
    with pytest.raises(CollectionError, match="cannot be written"):
        write_comparison(report.comparison, tmp_path / "file")


def test_what_cannot_be_compared_is_named(data, folders, tmp_path):
    with pytest.raises(ItemsError, match="in 1 of 2"):
        measure_modes({"normal": folders["normal"], "gone": tmp_path / "gone"})
    with pytest.raises(ItemsError, match=r"two versions among A, B, C, D, got A, E"):
        compare_versions(data, ("A", "E"))
    with pytest.raises(ItemsError, match="unit space among blurry, noisy, normal, got 'good'"):
        compare_versions(data, unit_space="good")
    few = [0, 1, 2, *range(12, 24)]
    scarce = type(data)(data.items[few], data.modes[few], tuple(data.files[i] for i in few), data.names, ())
    with pytest.raises(ItemsError, match="got 3 of normal"):
        compare_versions(scarce)
    with pytest.raises(ItemsError, match="version among"):
        fit_version("E", data, np.ones(36, dtype=bool), "normal")


def test_every_fold_leaves_two_pictures_of_a_mode_out(data):
    few = [*range(5), *range(12, 24), *range(24, 36)]
    some = type(data)(data.items[few], data.modes[few], tuple(data.files[i] for i in few), data.names, ())
    assert compare_versions(some).folds == 2
