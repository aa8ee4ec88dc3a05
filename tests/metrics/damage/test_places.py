import numpy as np
import pytest
from PIL import Image

from soart.metrics.damage.places import PLAIN, fault_places, place_of
from soart.metrics.damage.technical import TechnicalJudge


@pytest.fixture(scope="module")
def photograph():
    """A photograph of 420 × 600 pixels, (h, w, 3) uint8."""
    datasets = pytest.importorskip("sklearn.datasets")
    return np.asarray(Image.fromarray(datasets.load_sample_image("china.jpg")).resize((600, 420)))


def with_noise(picture, rows, columns, deviation=45):
    rng = np.random.default_rng(3)
    noisy = picture.astype(float)
    noisy[rows, columns] += rng.normal(0, deviation, (*noisy[rows, columns].shape[:2], 1))
    return noisy.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (slice(0, 1), slice(0, 1), "at the upper left"),
        (slice(2, 3), slice(0, 1), "at the lower left"),
        (slice(0, 3), slice(2, 3), "at the right"),
        (slice(0, 1), slice(0, 3), "at the top"),
        (slice(1, 2), slice(1, 2), "in the middle"),
    ],
)
def test_words(rows, columns, words):
    evidence = np.zeros((3, 3))
    evidence[rows, columns] = 2
    assert place_of(evidence) == f"most {words}"
    assert place_of(evidence * 0.99 * PLAIN / 2) == ""


def test_place_of_noise_in_a_photograph(judge, photograph):
    cases = {"most at the lower left": np.s_[230:, :260], "most at the right": np.s_[:, 380:], None: np.s_[:, :]}
    for place, (rows, columns) in cases.items():
        assert fault_places(judge.model, with_noise(photograph, rows, columns), ["noise"]).get("noise") == place


def test_reasons_name_the_place(judge, photograph):
    noisy = with_noise(photograph, np.s_[140:], np.s_[:400], 60)
    items = judge.extractor.extract(noisy)
    plain = judge.explain(items)[0]
    placed = judge.explain(items, None, judge.places(noisy, items))[0]
    assert [reason.contribution for reason in placed] == [reason.contribution for reason in plain]
    assert any("nois" in reason.text and reason.text.endswith(", most at the lower left") for reason in placed)
    # A detector explains its own fault in the same way.
    detector, items = TechnicalJudge.detector("noise"), judge.extractor.extract(noisy)
    assert "lower left" in detector.explain(items, None, detector.places(noisy, items))[0][0].text


def test_pictures_without_places(judge):
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (100, 400, 3), dtype=np.uint8)
    assert fault_places(judge.model, small, ["noise"]) == {}
    assert fault_places(judge.model, np.zeros((400, 400, 3), np.uint8), ["noise", "blur"]) == {}
    assert fault_places(judge.model, small, []) == {}
