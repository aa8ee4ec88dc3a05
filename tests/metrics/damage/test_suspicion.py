import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.metrics.damage.reasons import SUSPECT, verdicts
from soart.metrics.damage.suspicion import detectors, suspected
from soart.metrics.damage.technical import DETECTORS, LIMIT, USUAL

NAMES = [detector.stored_name for detector in detectors()]


def scores_of(suspicion):
    """Scores of pictures, by detector, of this evidence (pictures, detectors)."""
    steepness = np.log(USUAL / (100 - USUAL))
    return {
        d.stored_name: 100 / (1 + np.exp(steepness * (np.asarray(column, dtype=float) - 1)))
        for d, column in zip(detectors(), np.transpose(suspicion), strict=True)
    }


def naive(scores):
    """Picture by picture and detector by detector."""
    damages = []
    for picture in range(len(scores[NAMES[0]])):
        damage, strongest = -1, 1.0
        for number, detector in enumerate(detectors()):
            score = scores[detector.stored_name][picture]
            if np.isnan(score):
                continue
            suspicion = detector.suspicion(np.array([score]))[0] / SUSPECT[number]
            if suspicion > strongest:
                damage, strongest = number, suspicion
        damages.append(damage)
    return damages


def test_detectors_stand_in_the_order_of_their_names():
    assert [name.rpartition("-")[0] for name in NAMES] == list(DETECTORS)
    assert all(detector.suspicion(np.array([USUAL]))[0] == pytest.approx(0) for detector in detectors())


def test_the_most_unusual_score_names_the_damage():
    suspicion = np.zeros((3, len(NAMES)))
    suspicion[0, 1] = 1.5
    suspicion[1, [2, 4]] = 1.2, 3.0
    suspicion[2, :6] = 2.0, 1.9, 0.5, -4.0, 1.0, 1.1
    assert [DETECTORS[damage] for damage in suspected(scores_of(suspicion))] == ["noise", "saturate", "blur"]


def test_the_first_detector_wins_a_tie():
    infinite = {name: np.array([-np.inf]) for name in NAMES}
    assert suspected(infinite).tolist() == [0]
    infinite[NAMES[0]] = np.array([100.0])
    assert suspected(infinite).tolist() == [1]


def test_nothing_is_suspected_within_the_limits():
    at_limits = {detector.stored_name: np.array([LIMIT, USUAL]) for detector in detectors()}
    assert suspected(at_limits).tolist() == [-1, -1]
    beyond = {**at_limits, NAMES[3]: np.array([LIMIT - 1e-6, USUAL])}
    assert suspected(beyond).tolist() == [3, -1]


def test_hard_light_is_not_called_halos():
    suspicion = np.zeros((2, len(NAMES)))
    suspicion[:, DETECTORS.index("halo")] = 1.25, 1.35
    assert suspected(scores_of(suspicion)).tolist() == [-1, DETECTORS.index("halo")]
    assert verdicts(suspicion.T) == ["slight halos", "halos"]


def test_missing_scores_do_not_count():
    suspicion = np.full((3, len(NAMES)), np.nan)
    suspicion[0, 5] = 1.1
    suspicion[1, 5] = 0.9
    assert suspected(scores_of(suspicion)).tolist() == [5, -1, -1]


def test_no_pictures():
    damages = suspected({name: np.zeros(0) for name in NAMES})
    assert damages.shape == (0,)
    assert damages.dtype == np.int64


@pytest.mark.filterwarnings("error")
@given(
    st.lists(
        st.lists(st.floats(-200, 200) | st.just(float("nan")), min_size=len(NAMES), max_size=len(NAMES)), max_size=8
    )
)
@settings(max_examples=60, deadline=None)
def test_the_rule_is_that_of_a_naive_loop(rows):
    table = np.array(rows, dtype=float).reshape(-1, len(NAMES))
    scores = dict(zip(NAMES, table.T, strict=True))
    assert suspected(scores).tolist() == naive(scores)
